import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OffsetContinuity } from '../../src/wire/continuity.ts';

test('batches that follow each other, overlap or come again leave no hole', () => {
  const continuity = new OffsetContinuity(10);
  assert.equal(continuity.observe(5, 15, false, 0), null);
  assert.equal(continuity.observe(15, 20, false, 0), null);
  assert.equal(continuity.observe(15, 20, false, 0), null);
  assert.equal(continuity.position, 20);
  assert.deepEqual(Object.values(continuity.explained), [0, 0, 0, 0]);
});

test('a hole on a plain topic is reported with its range, until it is accepted', () => {
  const continuity = new OffsetContinuity(10);
  assert.deepEqual(continuity.observe(13, 15, false, 0), { from: 10, to: 13 });
  assert.equal(continuity.position, 10);
  assert.deepEqual(continuity.observe(13, 15, false, 0), { from: 10, to: 13 });
  continuity.accept(13);
  assert.equal(continuity.observe(13, 15, false, 0), null);
  assert.equal(continuity.position, 15);
  assert.equal(continuity.explained.checked, 3);
});

test('even one missing offset is reported where there are no transactions', () => {
  const continuity = new OffsetContinuity(10);
  assert.deepEqual(continuity.observe(11, 12, false, 0), { from: 10, to: 11 });
});

test('compaction explains any hole', () => {
  const continuity = new OffsetContinuity(10, true);
  assert.equal(continuity.observe(1000, 1001, false, 0), null);
  assert.equal(continuity.explained.compaction, 990);
});

test('the log start explains what lies before it, and only that', () => {
  const continuity = new OffsetContinuity(10);
  assert.equal(continuity.observe(30, 40, false, 30), null);
  assert.equal(continuity.explained['log start'], 20);
  assert.deepEqual(continuity.observe(60, 70, false, 50), { from: 50, to: 60 });
  assert.equal(continuity.explained['log start'], 30);
});

test('a fence explains one offset where the partition holds transactional data, before or after it', () => {
  const continuity = new OffsetContinuity(10);
  assert.equal(continuity.observe(11, 20, true, 0), null);
  assert.equal(continuity.observe(21, 22, false, 0), null);
  assert.equal(continuity.explained.transaction, 2);
  assert.deepEqual(continuity.observe(24, 25, true, 0), { from: 22, to: 24 });
});

test('an empty answer below the end of the log is a hole the second time', () => {
  const continuity = new OffsetContinuity(10);
  assert.equal(continuity.observeEmpty(10, 0), null);
  assert.equal(continuity.observeEmpty(12, 0), null);
  assert.equal(continuity.observeEmpty(13, 0), null);
  assert.deepEqual(continuity.observeEmpty(13, 0), { from: 10, to: 13 });
  continuity.accept(13);
  assert.equal(continuity.observeEmpty(13, 0), null);
  assert.equal(continuity.position, 13);
});

test('a fence as the newest entry is stepped over at the end', () => {
  const continuity = new OffsetContinuity(10);
  continuity.observe(10, 12, true, 0);
  assert.equal(continuity.observeEmpty(13, 0), null);
  assert.equal(continuity.observeEmpty(13, 0), null);
  assert.equal(continuity.position, 13);
});

test('after a seek the offsets are followed from there', () => {
  const continuity = new OffsetContinuity(10);
  continuity.seek(500);
  assert.deepEqual(continuity.observe(502, 503, false, 0), { from: 500, to: 502 });
});
