import type { PartitionPipeline } from '../engine/pipeline.ts';
import { AvroBytes } from './avroBytes.ts';
import { type RowPlace, type WindowShown, wholeMs } from './rowObjects.ts';

/**
 * Output rows from columns straight to Avro bytes in the order of schemas/window.avsc and schemas/anomaly.avsc; a test
 * holds each against avsc and the schema file. The encoded row is `bytes` from 0 to `length`.
 */
export class RowEncoder extends AvroBytes {
  readonly #shown: WindowShown;
  readonly #windowSchemaId: number;
  readonly #anomalySchemaId: number;
  readonly #names = new Map<string, Uint8Array>();
  readonly #keyed = new AvroBytes();

  constructor(shown: WindowShown, windowSchemaId: number, anomalySchemaId: number) {
    super();
    this.#shown = shown;
    this.#windowSchemaId = windowSchemaId;
    this.#anomalySchemaId = anomalySchemaId;
  }

  window(pipeline: PartitionPipeline, row: number, place: RowPlace): void {
    const { windowRows: rows, keys, definition } = pipeline;
    const window = rows.window[row]!;
    const series = rows.series[row]!;
    const aggregates = this.#shown.aggregates[window]!;
    this.begin(this.#windowSchemaId);
    this.range(keys.arena, keys.startOf(series), keys.endOf(series));
    this.string(this.#utf8(definition.windows[window]!.name));
    this.string(this.#utf8(definition.fields[rows.field[row]!]!));
    this.long(rows.start[row]!);
    this.long(rows.end[row]!);
    this.long(rows.values[row]!);
    this.nullableDouble(aggregates.has('mean') ? rows.mean[row]! : Number.NaN);
    this.nullableDouble(aggregates.has('min') ? rows.min[row]! : Number.NaN);
    this.nullableDouble(aggregates.has('max') ? rows.max[row]! : Number.NaN);
    this.nullableDouble(aggregates.has('stddev') ? rows.stddev[row]! : Number.NaN);
    const features = this.#shown.features[window]!;
    if (features.length > 0) this.long(features.length);
    for (const feature of features) {
      this.string(this.#utf8(definition.features[feature]!.name));
      this.nullableDouble(rows.features[feature]![row]!);
    }
    this.null();
    this.#place(place, rows.offset[row]!, rows.recordTime[row]!);
  }

  anomaly(pipeline: PartitionPipeline, row: number, place: RowPlace): void {
    const { alertRows: rows, keys, definition } = pipeline;
    const series = rows.series[row]!;
    const field = rows.field[row]!;
    const rule = this.#utf8(definition.score!.rules[field]!);
    const start = wholeMs(rows.start[row]!);
    this.begin(this.#anomalySchemaId);
    this.#id(rule, keys.arena, keys.startOf(series), keys.endOf(series), start);
    this.range(keys.arena, keys.startOf(series), keys.endOf(series));
    this.string(this.#utf8(definition.fields[field]!));
    this.string(rule);
    this.long(start);
    this.long(wholeMs(rows.end[row]!));
    this.double(rows.value[row]!);
    this.double(rows.score[row]!);
    this.double(rows.threshold[row]!);
    this.nullableDouble(finite(rows.expected[row]!));
    this.nullableDouble(finite(rows.lower[row]!));
    this.nullableDouble(finite(rows.upper[row]!));
    const { partNames } = pipeline;
    if (partNames.length > 0) this.long(partNames.length);
    for (let part = 0; part < partNames.length; part++) {
      this.string(this.#utf8(partNames[part]!));
      this.nullableDouble(finite(rows.parts[row * rows.partCount + part]!));
    }
    this.null();
    this.#place(place, rows.offset[row]!, rows.recordTime[row]!);
  }

  /** The bytes of alertId() in rowObjects.ts. */
  #id(rule: Uint8Array, arena: Uint8Array, start: number, end: number, timeMs: number): void {
    const id = this.#keyed;
    id.length = 0;
    id.raw(rule, 0, rule.length);
    id.raw(SLASH, 0, 1);
    id.raw(arena, start, end);
    id.raw(SLASH, 0, 1);
    id.digits(timeMs);
    this.range(id.bytes, 0, id.length);
  }

  #place(place: RowPlace, offset: number, recordTime: number): void {
    this.string(this.#utf8(place.topic));
    this.long(place.partition);
    this.long(offset);
    this.long(recordTime);
  }

  #utf8(name: string): Uint8Array {
    let bytes = this.#names.get(name);
    if (bytes === undefined) {
      bytes = new TextEncoder().encode(name);
      this.#names.set(name, bytes);
    }
    return bytes;
  }
}

const SLASH = Uint8Array.of(47);

function finite(value: number): number {
  return Number.isFinite(value) ? value : Number.NaN;
}
