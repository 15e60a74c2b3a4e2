import type { KafkaClient } from '../../clients/client.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { seriesNamed } from '../../engine/alertVerdict.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { splitAggregate } from '../../engine/windows/aggregates.ts';
import { isSilence } from '../../observe/alertWords.ts';
import { definePipeline } from '../../runtime/definition/definition.ts';
import { ObjectDecoder } from '../../runtime/input/objectDecoder.ts';
import { SourceSchemas } from '../../runtime/input/sourceSchemas.ts';
import { stableEnds, topicBatches } from '../../runtime/input/topicSource.ts';
import { type AnomalyObject, aggregateOf, type WindowObject } from '../../runtime/output/rowObjects.ts';
import { RecordTask } from '../../runtime/recordTask.ts';
import type { CommandContext } from '../command.ts';
import { connectRegistry } from '../connections.ts';
import { warnOfCorrupt } from '../stageInput.ts';

/** A value of the alert's series. */
export interface ExplainedValue {
  /** Event time, or start of the window, epoch milliseconds. */
  readonly time: number;
  readonly value: number | null;
  /** Of the record, or of the one that put the window out. */
  readonly offset: number;
}

export interface ExplainedValues {
  readonly topic: string;
  readonly partition: number;
  readonly values: readonly ExplainedValue[];
}

/** How many values of the series are wanted. */
export interface Span {
  readonly before: number;
  readonly after: number;
}

/** What the alert was raised by: records of a field, or an aggregate or feature of a window. */
export type Scored =
  | { readonly kind: 'field' }
  | { readonly kind: 'feature'; readonly name: string }
  | { readonly kind: 'window'; readonly window: string; readonly of: string };

/** What of an alert its values are found by. */
export type Located = Pick<
  AnomalyObject,
  'rule' | 'series' | 'field' | 'start' | 'end' | 'topic' | 'partition' | 'offset' | 'record_time'
>;

/** By the rule's name: kpi@value, kpi@w5m.mean, kpi@w5m.value.mean, kpi@mean_1h, multivariate@record. */
export function scoredBy({ rule, field, start, end }: Located): Scored {
  const on = rule.slice(rule.indexOf('@') + 1);
  if (isSilence({ rule }) || on === 'record') return { kind: 'field' };
  if (start === end) return on === field || !rule.includes('@') ? { kind: 'field' } : { kind: 'feature', name: on };
  const parts = splitAggregate(on);
  if (parts === undefined) return { kind: 'feature', name: on };
  const suffix = `.${field}`;
  const { window, aggregate } = parts;
  // Of several fields the rule names the one, too.
  return { kind: 'window', window: window.endsWith(suffix) ? window.slice(0, -suffix.length) : window, of: aggregate };
}

/** Whether it was raised by what a window closed with. Silence has a begin and an end, too, and is of records. */
export function isOfWindows(alert: Pick<Located, 'rule' | 'start' | 'end'>): boolean {
  return alert.start !== alert.end && !isSilence(alert);
}

/** The first read of a log goes so many records back, each further one four times as many. */
const FIRST_READ = 2000;
const MOST_READ = 512_000;

/** Values of the series around the alert, in the order of the log; as many as are wanted, or as the log has. */
export async function valuesAround(
  context: CommandContext,
  client: KafkaClient,
  config: PipelineConfig,
  alert: Located,
  span: Span,
): Promise<ExplainedValues> {
  const scored = scoredBy(alert);
  const isOfWindow = isOfWindows(alert);
  const topic = isOfWindow ? config.sinks.windows : alert.topic;
  const { partition } = alert;
  const read = isOfWindow ? windowReader(context, alert, scored) : recordReader(context, config, alert);
  const place = [{ topic, partition }];
  const [start, end] = await Promise.all([client.admin.listOffsets(place, 'earliest'), stableEnds(client, place)]);
  const [first, last] = [start[0]!.offset, end[0]!.offset];
  // Rows of windows are found by time: their offsets are not those of the source.
  const at = isOfWindow ? await offsetAt(client, topic, partition, alert.record_time, last) : alert.offset;
  const collect = async (from: number, to: number): Promise<ExplainedValue[]> => {
    const values: ExplainedValue[] = [];
    if (from >= to) return values;
    const range = { from: [{ topic, partition, offset: from }], to: [{ topic, partition, offset: to }] };
    for await (const batch of topicBatches(client, range, context.signal, warnOfCorrupt(context), read.fieldCount)) {
      await read.take(batch, values);
    }
    return values;
  };
  let from = Math.max(first, at - FIRST_READ);
  let values = await collect(from, Math.min(last, at + FIRST_READ));
  const isBefore = ({ time }: ExplainedValue) => time < alert.start;
  for (let size = FIRST_READ * 4; size <= MOST_READ && from > first; size *= 4) {
    if (values.filter(isBefore).length >= span.before || context.signal.aborted) break;
    const earlier = Math.max(first, at - size);
    values = [...(await collect(earlier, from)), ...values];
    from = earlier;
  }
  values.sort((a, b) => a.time - b.time || a.offset - b.offset);
  const before = values.filter(isBefore).slice(-span.before || values.length);
  const after = values.filter((each) => !isBefore(each)).slice(0, span.after + 1);
  return { topic, partition, values: [...before, ...after] };
}

interface Reader {
  readonly fieldCount: number;
  take(batch: ColumnBatch, out: ExplainedValue[]): Promise<void>;
}

function recordReader(context: CommandContext, config: PipelineConfig, alert: Located): Reader {
  const { score: _, ...rest } = config;
  // History is as good as what is new.
  const plain = { ...rest, windows: [], features: [], time: { ...config.time, maxAheadMs: Infinity } };
  const definition = definePipeline(plain);
  const schemas = new SourceSchemas(plain, connectRegistry(context), context.logger);
  const task = new RecordTask(alert.topic, alert.partition, definition, plain, schemas);
  const field = definition.fields.indexOf(alert.field);
  return {
    fieldCount: definition.fields.length,
    take: async (batch, out) => {
      const pending = task.decode(batch);
      if (pending !== undefined) await pending;
      const series = seriesNamed(task.pipeline.keys, alert.series);
      if (series < 0 || field < 0) return;
      for (let i = 0; i < batch.count; i++) {
        if (batch.series[i] !== series) continue;
        const value = batch.fields[field]![i]!;
        const time = Math.floor(batch.eventTimes[i]!);
        out.push({ time, value: Number.isFinite(value) ? value : null, offset: batch.offsets[i]! });
      }
    },
  };
}

function windowReader(context: CommandContext, alert: Located, scored: Scored): Reader {
  const decoder = new ObjectDecoder(connectRegistry(context));
  return {
    fieldCount: 0,
    take: async (batch, out) => {
      for (let i = 0; i < batch.count; i++) {
        const row = (await decoder.value(batch, i)) as WindowObject | Error | null;
        if (row === null || row instanceof Error || row.series !== alert.series || row.field !== alert.field) continue;
        if (row.on_time === false || (scored.kind === 'window' && row.window !== scored.window)) continue;
        const value = numberOf(row, scored);
        if (value !== undefined) out.push({ time: Number(row.start), value, offset: Number(row.offset) });
      }
    },
  };
}

/** Undefined where the row does not have it. */
function numberOf(row: WindowObject, scored: Scored): number | null | undefined {
  if (scored.kind === 'feature') return row.features?.find(({ name }) => name === scored.name)?.value;
  const value = scored.kind === 'window' ? aggregateOf(row, scored.of) : NaN;
  return Number.isFinite(value) ? value : null;
}

async function offsetAt(
  client: KafkaClient,
  topic: string,
  partition: number,
  timeMs: number,
  last: number,
): Promise<number> {
  const [found] = await client.admin.listOffsets([{ topic, partition }], timeMs);
  return found === undefined || found.offset < 0 ? last : found.offset;
}
