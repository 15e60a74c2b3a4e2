import { defaultOperation } from '../config/operation.ts';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import type { StatusSource, StatusTopics } from '../observe/status.ts';

/** How a pipeline reads its records, as its members tell it. */
export function statusSource({ source, derive }: PipelineConfig): StatusSource {
  return {
    key: source.key ?? null,
    time: source.time ?? null,
    format: source.format,
    columns: source.columns,
    fields: Object.entries(source.fields).map(([name, path]) => ({ name, path })),
    derived: Object.entries(derive).map(([name, expression]) => ({ name, expression })),
  };
}

/** A pipeline that reads as the members of one do, and does nothing else: whoever watches need not have its anomaly.yaml. */
export function readingConfig(pipeline: string, told: StatusSource, topics: StatusTopics): PipelineConfig {
  const unused = 'unused';
  return {
    ...{ version: 1, pipeline, group: pipeline, windows: [], features: [], overrides: [] },
    source: {
      topics: topics.sources,
      ...(told.key !== null && { key: told.key }),
      ...(told.time !== null && { time: told.time }),
      fields: Object.fromEntries(told.fields.map(({ name, path }) => [name, path])),
      ...{ format: told.format, columns: told.columns, start: 'earliest' },
    },
    derive: Object.fromEntries(told.derived.map(({ name, expression }) => [name, expression])),
    time: {
      watermark: 'partition',
      ...{ outOfOrdernessMs: 0, maxAheadMs: Infinity, idleAfterMs: Infinity, allowedLatenessMs: 0 },
    },
    sinks: {
      format: 'avro',
      windows: topics.windows ?? topics.sources[0] ?? unused,
      anomalies: topics.anomalies ?? unused,
      late: topics.late ?? unused,
      deadLetters: topics.deadLetters,
    },
    state: { backend: 'memory', ttlMs: Infinity, maxSeries: Infinity, onFull: 'reject', hotSeries: 100_000 },
    checkpoint: { store: '', everyMs: Infinity, retain: 1, maxFailures: Infinity },
    guarantee: 'at-least-once',
    operation: defaultOperation(),
    ...{ commitEveryMs: 1000, transactionTimeoutMs: 60_000 },
  };
}
