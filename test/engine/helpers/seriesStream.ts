import fc from 'fast-check';
import { ALERT_WIDTH } from '../../../src/engine/alertHistory.ts';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import type { ColdStore } from '../../../src/engine/coldStore.ts';
import type { PipelineDefinition } from '../../../src/engine/definition.ts';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { PartitionPipeline } from '../../../src/engine/pipeline.ts';
import { PAST_WIDTH } from '../../../src/engine/rows.ts';
import type { StateRow } from '../../../src/engine/stateRow.ts';

export interface Reading {
  readonly series: string;
  readonly time: number;
  readonly value: number;
}

/** Readings of up to `names` series, out of order, some silent for long. */
export function readings(names: number, maxLength: number): fc.Arbitrary<Reading[]> {
  return fc
    .array(
      fc.record({
        series: fc.nat(names - 1),
        step: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: -40, max: 60 }) }, fc.constant(700)),
        value: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(Number.NaN), fc.integer({ min: 90, max: 99 })),
      }),
      { maxLength, minLength: 1, size: 'max' },
    )
    .map((steps) => {
      let time = 0;
      return steps.map(({ series, step, value }) => {
        time += step;
        return { series: `s${series}`, time, value };
      });
    });
}

export type Scored = 'record' | 'window';

/** A window, features of records and of windows, by count and over event time, and a score. */
export function definitionOf(on: Scored, detector: 'rolling-z' | 'kpi' | 'range' = 'rolling-z'): PipelineDefinition {
  return {
    fields: ['a'],
    outOfOrdernessMs: 30,
    windows: [{ name: 'w100', sizeMs: 100 }],
    features: [
      { name: 'z_4', rolling: 4, statistic: 'z', of: { kind: 'field', field: 0 } },
      { name: 'mean_3', rolling: 3, statistic: 'mean', of: { kind: 'aggregate', window: 0, aggregate: 'mean' } },
      { name: 'median_200', rollingMs: 200, statistic: 'median', of: { kind: 'field', field: 0 } },
      { name: 'max_200', rollingMs: 200, statistic: 'max', of: { kind: 'aggregate', window: 0, aggregate: 'max' } },
      { name: 'before', agoMs: 100, toleranceMs: 30, statistic: 'same_time', of: { kind: 'field', field: 0 } },
    ],
    score: {
      on: on === 'record' ? { kind: 'feature', feature: 0 } : { kind: 'aggregate', window: 0, aggregate: 'max' },
      detector: { detector, threshold: 1, window: 5, minCount: 2, stepMs: 60_000, tailSize: 70 },
      rules: ['z@a'],
      shaping: { refractoryMs: 50 },
      limits: (series) => ({ min: -Infinity, max: series === 's1' ? 5 : 80 }),
    },
  };
}

/** Rows in a Map: what the hot part does must not depend on the store that it has. */
export class MapStore implements ColdStore {
  readonly rows = new Map<number, Uint8Array>();
  #isOpen = false;

  batch(work: () => void): void {
    const isOuter = !this.#isOpen;
    this.#isOpen = true;
    work();
    if (isOuter) this.#isOpen = false;
  }

  get(series: number, out: StateRow): boolean {
    if (!this.#isOpen) throw new Error('get outside of a batch');
    const row = this.rows.get(series);
    if (row !== undefined) out.load(row);
    return row !== undefined;
  }

  put(series: number, row: StateRow): void {
    if (!this.#isOpen) throw new Error('put outside of a batch');
    this.rows.set(series, row.bytes.slice(0, row.length));
  }

  remove(series: number): void {
    if (!this.#isOpen) throw new Error('remove outside of a batch');
    this.rows.delete(series);
  }

  clear(): void {
    this.rows.clear();
  }
}

/** A pipeline that is fed readings, with all that it puts out by names. */
export class Fed {
  readonly windows: unknown[] = [];
  readonly alerts: unknown[] = [];
  readonly late: unknown[] = [];
  readonly refused: number[] = [];
  pipeline: PartitionPipeline;
  #offset = 0;

  constructor(
    definition: PipelineDefinition,
    cold?: { readonly store: ColdStore; readonly hotSeries: number },
    offset = 0,
  ) {
    this.pipeline = new PartitionPipeline(definition, new KeyDictionary(), cold);
    this.#offset = offset;
  }

  feed(list: readonly Reading[]): void {
    const { pipeline } = this;
    pipeline.release();
    const batch = new ColumnBatch(1, Math.max(1, list.length));
    batch.count = list.length;
    list.forEach(({ series, time, value }, i) => {
      const key = new TextEncoder().encode(series);
      batch.offsets[i] = this.#offset + i;
      batch.recordTimes[i] = this.#offset + i;
      batch.series[i] = pipeline.keys.intern(key, 0, key.length);
      batch.eventTimes[i] = time;
      batch.fields[0]![i] = value;
    });
    pipeline.process(batch, 0, batch.count);
    this.#offset += list.length;
    for (const row of pipeline.limitRows) this.refused.push(batch.offsets[row]!);
    const { lateRows } = pipeline;
    for (let i = 0; i < lateRows.count; i++) this.late.push([batch.offsets[lateRows.index[i]!], lateRows.lateByMs[i]]);
    this.take();
  }

  close(): void {
    this.pipeline.release();
    this.pipeline.close();
    this.take();
  }

  get output(): string {
    const { windows, alerts, late, refused } = this;
    return JSON.stringify({ windows, alerts, late, refused }, null, 1);
  }

  /** Takes what was put out. */
  take(): void {
    const { pipeline } = this;
    const { windowRows: w, alertRows: a, keys } = pipeline;
    for (let i = 0; i < w.count; i++) {
      const features = w.features.map((column) => String(column[i]));
      this.windows.push([keys.name(w.series[i]!), w.start[i], w.values[i], String(w.mean[i]), w.offset[i], features]);
    }
    for (let i = 0; i < a.count; i++) {
      const past = [...a.past.subarray(i * PAST_WIDTH, i * PAST_WIDTH + ALERT_WIDTH * a.pastCount[i]!)];
      const known = [a.origin[i], a.configured[i], String(a.season[i]), past];
      this.alerts.push([
        keys.name(a.series[i]!),
        a.start[i],
        a.value[i],
        a.score[i],
        a.threshold[i],
        a.offset[i],
        known,
        a.model[i],
        Array.from(a.parts.subarray(i * a.partCount, (i + 1) * a.partCount), String),
      ]);
    }
    pipeline.clearOutput();
  }
}
