import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import type { PipelineDefinition, WindowDefinition } from '../../../src/engine/definition.ts';
import { LateRows, WindowRows } from '../../../src/engine/rows.ts';
import { StateRow } from '../../../src/engine/stateRow.ts';
import { type Clock, PartitionClock } from '../../../src/engine/time/clock.ts';
import { createClock } from '../../../src/engine/time/createClock.ts';
import { SeriesClock } from '../../../src/engine/time/seriesClock.ts';
import { extraColumns } from '../../../src/engine/windows/aggregates.ts';
import { WindowSet } from '../../../src/engine/windows/windowSet.ts';

/** Series packed from one id and unpacked into another go on as if nothing had happened. */
const AGGREGATES = ['mean', 'sum', 'first', 'slope', 'distinct', 'p50'];
const SHAPES: readonly Omit<WindowDefinition, 'name'>[] = [
  { sizeMs: 100, emitEveryMs: 40 },
  { type: 'hopping', sizeMs: 100, advanceMs: 30 },
  { type: 'session', sizeMs: 0, gapMs: 40, emitEveryMs: 40 },
  { type: 'count', sizeMs: 0, size: 3 },
];

interface Step {
  readonly series: number;
  readonly step: number;
  readonly value: number;
  /** The id of the series becomes another one before the record. */
  readonly moves: boolean;
}

function run(def: PipelineDefinition, steps: readonly Step[], moving: boolean) {
  const rows = new WindowRows(0, extraColumns(def.windows));
  const late = new LateRows();
  const set = new WindowSet(def, rows, late);
  const clock: Clock = createClock(def);
  const ids = [0, 1, 2];
  let next = 3;
  const out: unknown[] = [];
  const states = [...set.operators, ...(clock instanceof SeriesClock ? [clock] : [])];
  let boundary = set.nextBoundary(-Infinity);
  let time = 0;
  const drain = (index: number) => {
    for (let i = 0; i < rows.count; i++) {
      const values = AGGREGATES.map((name) => rows.aggregate(name)[i]!);
      const { start, end, pane, onTime, final } = rows;
      out.push([index, ids.indexOf(rows.series[i]!), start[i], end[i], pane[i], onTime[i], final[i], ...values]);
    }
    for (let i = 0; i < late.count; i++) out.push([index, 'late', late.lateByMs[i]]);
    rows.clear();
    late.clear();
  };
  steps.forEach(({ series, step, value, moves }, index) => {
    time += step;
    if (moving && moves) {
      const [from, to] = [ids[series]!, next++];
      for (const state of states) {
        const row = new StateRow();
        const before = state.lastTime(from);
        state.pack(from, row);
        state.reset(from);
        assert.equal(state.lastTime(from), -Infinity);
        state.reserve(to + 1);
        state.unpack(to, row);
        assert.equal(row.position, row.length);
        assert.equal(state.lastTime(to), before);
      }
      ids[series] = to;
    }
    const batch = new ColumnBatch(1, 1);
    batch.count = 1;
    batch.series[0] = ids[series]!;
    batch.eventTimes[0] = time;
    batch.fields[0]![0] = value;
    clock.reserve(next);
    set.reserve(next);
    const before = clock.watermark;
    clock.cut(batch, 0, 1, boundary, Infinity);
    set.update(batch, 0, 1, clock.marks);
    if (clock.isDue) set.advance(before, clock.watermark, index, 0);
    boundary = set.nextBoundary(clock.watermark);
    drain(index);
  });
  set.scheduleAll();
  for (let due = set.nextDue; due < Infinity; due = set.nextDue) set.advance(due, due, -1, 0);
  drain(-1);
  return out;
}

for (const watermark of ['partition', 'series'] as const) {
  for (const shape of SHAPES) {
    test(`${shape.type ?? 'tumbling'} windows under a watermark of the ${watermark}`, () => {
      const steps = fc.array(
        fc.record({
          series: fc.nat(2),
          step: fc.integer({ min: -40, max: 60 }),
          value: fc.integer({ min: -9, max: 9 }),
          moves: fc.boolean(),
        }),
        { maxLength: 50, size: 'max' },
      );
      fc.assert(
        fc.property(steps, fc.constantFrom(0, 50), fc.constantFrom(Infinity, 100), (stream, lateness, idleAfterMs) => {
          const def: PipelineDefinition = {
            fields: ['a'],
            outOfOrdernessMs: 10,
            watermark,
            idleAfterMs,
            allowedLatenessMs: lateness,
            windows: [{ name: 'w', aggregates: AGGREGATES, ...shape }],
            features: [],
          };
          assert.deepEqual(run(def, stream, true), run(def, stream, false));
        }),
        { numRuns: 150 },
      );
    });
  }
}

test('without a watermark a series there is no time by series to keep', () => {
  assert.ok(createClock({ fields: [], outOfOrdernessMs: 0, windows: [], features: [] }) instanceof PartitionClock);
});
