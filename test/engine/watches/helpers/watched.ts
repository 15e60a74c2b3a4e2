import { ColumnBatch } from '../../../../src/engine/batch.ts';
import type { ColdStore } from '../../../../src/engine/coldStore.ts';
import type { PipelineDefinition } from '../../../../src/engine/definition.ts';
import { KeyDictionary } from '../../../../src/engine/keys.ts';
import { PartitionPipeline } from '../../../../src/engine/pipeline.ts';
import { WATCH_THRESHOLDS, type WatchDefinition } from '../../../../src/engine/watches/definition.ts';
import { type AnomalyObject, anomalyObject } from '../../../../src/runtime/output/rowObjects.ts';

export interface Reading {
  readonly series: string;
  readonly time: number;
  /** One a field; a number alone is that of the first field. */
  readonly values: number | readonly number[];
}

/** One watch or several, beside a range check that never alerts. */
export function watching(
  watches: readonly Partial<WatchDefinition>[],
  fields: readonly string[] = ['value'],
): PipelineDefinition {
  return {
    fields,
    outOfOrdernessMs: 0,
    windows: [],
    features: [],
    score: {
      on: null,
      detector: { detector: 'threshold', window: 2, minCount: 2, stepMs: 60_000 },
      rules: fields.map((field) => `range@${field}`),
      shaping: { refractoryMs: 0 },
      limits: () => ({ min: -Infinity, max: Infinity }),
      watches: watches.map((each) => ({
        rules:
          each.watch === 'multivariate' && each.groupBy === undefined
            ? ['multivariate@record']
            : fields.map((field) => `${each.watch}@${field}`),
        threshold: WATCH_THRESHOLDS[each.watch!].medium,
        shaping: { refractoryMs: 3_600_000 },
        ...each,
        watch: each.watch!,
      })),
    },
  };
}

/** A partition under watch, with all that it told. */
export class Watched {
  readonly alerts: AnomalyObject[] = [];
  pipeline: PartitionPipeline;
  offset = 0;
  readonly #definition: PipelineDefinition;
  readonly #cold: { readonly store: ColdStore; readonly hotSeries: number } | undefined;

  constructor(definition: PipelineDefinition, cold?: { readonly store: ColdStore; readonly hotSeries: number }) {
    this.#definition = definition;
    this.#cold = cold;
    this.pipeline = new PartitionPipeline(definition, new KeyDictionary(), cold);
  }

  feed(list: readonly Reading[]): this {
    const { pipeline } = this;
    pipeline.release();
    const batch = new ColumnBatch(this.#definition.fields.length, Math.max(1, list.length));
    batch.count = list.length;
    list.forEach(({ series, time, values }, i) => {
      const key = new TextEncoder().encode(series);
      batch.offsets[i] = this.offset + i;
      batch.recordTimes[i] = this.offset + i;
      batch.series[i] = pipeline.keys.intern(key, 0, key.length);
      batch.eventTimes[i] = time;
      (typeof values === 'number' ? [values] : values).forEach((value, f) => {
        batch.fields[f]![i] = value;
      });
    });
    pipeline.process(batch, 0, batch.count);
    this.offset += list.length;
    this.take();
    return this;
  }

  /** Goes on from a snapshot of its own. */
  restart(): void {
    const state = this.pipeline.snapshot();
    this.pipeline = new PartitionPipeline(this.#definition, new KeyDictionary(), this.#cold);
    this.pipeline.restore(state, new Set());
  }

  take(): void {
    const { pipeline } = this;
    for (let row = 0; row < pipeline.alertRows.count; row++) {
      this.alerts.push(anomalyObject(pipeline, row, { topic: 't', partition: 0 }));
    }
    pipeline.clearOutput();
  }
}

/** Uniform numbers in [0, 1), the same for a seed everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers. */
export function normal(random: () => number): () => number {
  return () => {
    let sum = -6;
    for (let k = 0; k < 12; k++) sum += random();
    return sum;
  };
}
