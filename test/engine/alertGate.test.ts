import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlertGate } from '../../src/engine/alertGate.ts';
import { SnapshotReader, SnapshotWriter } from '../../src/engine/state.ts';

const MINUTE_MS = 60_000;

function gateOf(slots: number): AlertGate {
  const gate = new AlertGate(10 * MINUTE_MS);
  gate.reserve(slots);
  return gate;
}

test('holds back the same slot for the refractory time, unless the score is higher', () => {
  const gate = gateOf(2);
  assert.equal(gate.pass(0, 0, 3), true);
  assert.equal(gate.pass(0, MINUTE_MS, 3), false);
  assert.equal(gate.pass(1, MINUTE_MS, 3), true);
  assert.equal(gate.pass(0, 2 * MINUTE_MS, 3.1), true);
  // The time runs from the last alert that went out.
  assert.equal(gate.pass(0, 11 * MINUTE_MS, 3.1), false);
  assert.equal(gate.pass(0, 12 * MINUTE_MS, 2.5), true);
});

test('a late alert is held back when it is near the last one, else goes out without moving the gate', () => {
  const gate = gateOf(1);
  assert.equal(gate.pass(0, 60 * MINUTE_MS, 3), true);
  assert.equal(gate.pass(0, 55 * MINUTE_MS, 3), false);
  assert.equal(gate.pass(0, 10 * MINUTE_MS, 3), true);
  assert.equal(gate.pass(0, 61 * MINUTE_MS, 3), false);
});

test('a refractory time of 0 lets every alert out', () => {
  const gate = new AlertGate(0);
  gate.reserve(1);
  assert.deepEqual([gate.pass(0, 5, 1), gate.pass(0, 5, 1), gate.pass(0, 6, 0.5)], [true, true, true]);
});

test('remembers across a snapshot, and makes room for more slots', () => {
  const gate = gateOf(3);
  gate.pass(2, 0, 5);
  const writer = new SnapshotWriter();
  gate.snapshot(writer);
  const restored = gateOf(1);
  restored.restore(new SnapshotReader(writer.encode()));
  restored.reserve(100);
  assert.equal(restored.pass(2, MINUTE_MS, 5), false);
  assert.equal(restored.pass(1, MINUTE_MS, 1), true);
  assert.equal(restored.pass(99, MINUTE_MS, 1), true);
});
