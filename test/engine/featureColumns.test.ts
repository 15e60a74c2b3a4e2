import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ColumnBatch } from '../../src/engine/batch.ts';
import type { PipelineDefinition } from '../../src/engine/definition.ts';
import { FeatureColumns } from '../../src/engine/featureColumns.ts';
import { RollingWindow } from '../../src/engine/rolling.ts';
import { WindowRows } from '../../src/engine/rows.ts';
import { SnapshotReader, SnapshotWriter } from '../../src/engine/state.ts';
import { StateRow } from '../../src/engine/stateRow.ts';
import { uniforms } from '../helpers/statistics.ts';
import { writeAsFormatOne } from './helpers/formerRollingWindow.ts';

const DEFINITION: PipelineDefinition = {
  fields: ['a', 'b'],
  outOfOrdernessMs: 0,
  windows: [{ name: 'w', sizeMs: 100 }],
  features: [
    { name: 'of_b', rolling: 5, statistic: 'mean', of: { kind: 'field', field: 1 } },
    { name: 'of_w', rolling: 5, statistic: 'mean', of: { kind: 'aggregate', window: 0, aggregate: 'mean' } },
    { name: 'median', rollingMs: 70, statistic: 'median', of: { kind: 'field', field: 1 } },
    { name: 'before', agoMs: 50, toleranceMs: 20, statistic: 'same_time', of: { kind: 'field', field: 0 } },
  ],
};
const SERIES = 4;

function batchOf(count: number, seed: number): ColumnBatch {
  const uniform = uniforms(seed);
  const batch = new ColumnBatch(2, count);
  batch.count = count;
  for (let i = 0; i < count; i++) {
    batch.series[i] = Math.floor(SERIES * uniform());
    batch.eventTimes[i] = 1000 * seed + 10 * i;
    for (const field of batch.fields) field[i] = uniform();
  }
  return batch;
}

/** One row a series and field. */
function rowsOf(values: (slot: number) => number): WindowRows {
  const rows = new WindowRows(DEFINITION.features.length);
  rows.reserve(2 * SERIES);
  for (let slot = 0; slot < 2 * SERIES; slot++) {
    rows.series[slot] = slot >> 1;
    rows.field[slot] = slot & 1;
    rows.mean[slot] = values(slot);
    rows.onTime[slot] = 1;
    rows.count++;
  }
  return rows;
}

test('what version 0.1 kept, a slot a field, goes on to the same bits', () => {
  // As 0.1 wrote it: arrays of all slots, series * fields + field.
  const former = new RollingWindow(5);
  former.reserve(2 * SERIES);
  const uniform = uniforms(1);
  for (let i = 0; i < 60; i++) former.push(Math.floor(2 * SERIES * uniform()), uniform());
  const writer = new SnapshotWriter();
  writeAsFormatOne(former, 2 * SERIES, writer);
  const columns = new FeatureColumns(DEFINITION);
  columns.stateOf('of_b').restore!(new SnapshotReader(writer.encode()));
  columns.stateOf('of_w').restore!(new SnapshotReader(writer.encode()));
  columns.reserve(SERIES);
  const rows = rowsOf((slot) => slot / 7);
  columns.ofWindows(rows, 0);
  const batch = batchOf(50, 2);
  columns.ofRecords(batch, 0, 50);
  const ofRecords = new RollingWindow(5);
  ofRecords.restore(new SnapshotReader(writer.encode()));
  for (let i = 0; i < 50; i++) {
    const slot = 2 * batch.series[i]! + 1;
    ofRecords.push(slot, batch.fields[1]![i]!);
    assert.ok(Object.is(columns.column(0)[i], ofRecords.mean(slot)), `record ${i}`);
  }
  for (let slot = 0; slot < 2 * SERIES; slot++) {
    former.push(slot, slot / 7);
    assert.ok(Object.is(rows.features[1]![slot], former.mean(slot)), `row ${slot}`);
  }
});

test('state by series goes on to the same bits, and a series moves with all its slots', () => {
  const straight = new FeatureColumns(DEFINITION);
  const broken = new FeatureColumns(DEFINITION);
  const first = batchOf(200, 3);
  for (const columns of [straight, broken]) {
    columns.reserve(SERIES);
    columns.ofRecords(first, 0, 200);
    columns.ofWindows(
      rowsOf((slot) => slot),
      0,
    );
  }
  const restored = new FeatureColumns(DEFINITION);
  for (const { name } of DEFINITION.features) {
    const row = new StateRow();
    const state = restored.stateOf(name);
    state.reserve(SERIES + 1);
    for (let series = 0; series < SERIES; series++) {
      row.clear();
      broken.stateOf(name).pack(series, row);
      state.unpack(series, row);
      assert.deepEqual(state.describe!(series), broken.stateOf(name).describe!(series));
    }
    // Series 0 becomes 4: packed, forgotten, and taken back under another id.
    row.clear();
    state.pack(0, row);
    state.reset(0);
    state.unpack(SERIES, row);
    assert.equal(row.position, row.length);
  }
  const second = batchOf(200, 4);
  straight.ofRecords(second, 0, 200);
  for (let i = 0; i < 200; i++) if (second.series[i] === 0) second.series[i] = SERIES;
  restored.ofRecords(second, 0, 200);
  for (const k of [0, 2, 3]) assert.deepEqual(restored.column(k), straight.column(k));
  assert.ok(straight.column(3).some((value) => !Number.isNaN(value)));
  const [a, b] = [rowsOf((slot) => -slot), rowsOf((slot) => -slot)];
  straight.ofWindows(a, 0);
  for (let slot = 0; slot < 2; slot++) b.series[slot] = SERIES;
  restored.ofWindows(b, 0);
  assert.deepEqual(b.features[1], a.features[1]);
});
