import type { ModelName, PipelineDefinition } from '../../engine/definition.ts';
import type { KeyDictionary } from '../../engine/keys.ts';
import type { PartitionPipeline } from '../../engine/pipeline.ts';
import type { AlertRows, WindowRows } from '../../engine/rows.ts';
import { BASE_AGGREGATES, EXTRA_AGGREGATES } from '../../engine/windows/aggregates.ts';
import { AvroBytes } from './avroBytes.ts';
import { alertState, movedFrom, pastAlert, type RowPlace, type WindowShown, wholeMs } from './rowObjects.ts';

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
  /** Encoded once, copied into every row of the same window: a closed window has a row a series. */
  readonly #span = new Block();
  readonly #origin = new Block();
  /** By window: whether mean, min, max and stddev are shown. */
  readonly #visible: readonly (readonly boolean[])[];
  /** By window: whether there is more than those. */
  readonly #hasExtras: readonly boolean[];

  constructor(shown: WindowShown, windowSchemaId: number, anomalySchemaId: number) {
    super();
    this.#shown = shown;
    this.#visible = shown.aggregates.map((names) => ['mean', 'min', 'max', 'stddev'].map((name) => names.has(name)));
    this.#hasExtras = shown.aggregates.map((names) => [...names].some((name) => !BASE_AGGREGATES.includes(name)));
    this.#windowSchemaId = windowSchemaId;
    this.#anomalySchemaId = anomalySchemaId;
  }

  window(pipeline: PartitionPipeline, row: number, place: RowPlace): void {
    const { windowRows: rows, keys, definition } = pipeline;
    const window = rows.window[row]!;
    const series = rows.series[row]!;
    const visible = this.#visible[window]!;
    this.begin(this.#windowSchemaId);
    this.#series(keys, series);
    this.#writeSpan(definition, window, rows.field[row]!, rows.start[row]!, rows.end[row]!);
    this.long(rows.values[row]!);
    this.nullableDouble(visible[0] === true ? rows.mean[row]! : Number.NaN);
    this.nullableDouble(visible[1] === true ? rows.min[row]! : Number.NaN);
    this.nullableDouble(visible[2] === true ? rows.max[row]! : Number.NaN);
    this.nullableDouble(visible[3] === true ? rows.stddev[row]! : Number.NaN);
    const features = this.#shown.features[window]!;
    if (features.length > 0) this.long(features.length);
    for (const feature of features) {
      this.string(this.#utf8(definition.features[feature]!.name));
      this.nullableDouble(finite(rows.features[feature]![row]!));
    }
    this.null();
    this.#place(place, rows.offset[row]!, rows.recordTime[row]!);
    this.#extras(rows, row, window);
    this.long(rows.pane[row]!);
    this.boolean(rows.final[row] === 1);
    this.boolean(rows.onTime[row] === 1);
  }

  anomaly(pipeline: PartitionPipeline, row: number, place: RowPlace): void {
    const { alertRows: rows, keys, definition } = pipeline;
    const series = rows.series[row]!;
    const field = rows.field[row]!;
    const { name: ruleName, partNames, partsAreSeries } = pipeline.rules[rows.rule[row]!]!;
    const rule = this.#utf8(ruleName);
    const start = wholeMs(rows.start[row]!);
    this.begin(this.#anomalySchemaId);
    const offset = rows.start[row] === rows.end[row] ? rows.offset[row]! : -1;
    const hex = keys.hexName(series);
    const name = hex === undefined ? keys.arena : new TextEncoder().encode(hex);
    const from = hex === undefined ? keys.startOf(series) : 0;
    const to = hex === undefined ? keys.endOf(series) : name.length;
    this.#id(rule, name, from, to, start, offset);
    this.range(name, from, to);
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
    if (partNames.length > 0) this.long(partNames.length);
    for (let part = 0; part < partNames.length; part++) {
      if (partsAreSeries === true) this.#series(keys, rows.partSeries[row * rows.partCount + part]!);
      else this.string(this.#utf8(partNames[part]!));
      this.nullableDouble(finite(rows.parts[row * rows.partCount + part]!));
    }
    this.null();
    this.#place(place, rows.offset[row]!, rows.recordTime[row]!);
    this.#nullableText(pipeline.rules[rows.rule[row]!]!.detector);
    this.#nullableText(pipeline.origins[rows.origin[row]!]);
    this.nullableDouble(finite(movedFrom(rows, row)));
    this.nullableLong(rows.season[row]!);
    this.#past(rows, row);
    this.#model(pipeline.model?.models[rows.model[row]!]);
    this.#nullableText(alertState(pipeline, row) ?? undefined);
  }

  /** The second branch of its union, or the first, null. */
  #model(model: ModelName | undefined): void {
    if (model === undefined) {
      this.null();
      return;
    }
    this.long(1);
    this.string(this.#utf8(model.name));
    this.#nullableText(model.version);
    this.#nullableText(model.sha256);
  }

  #past(rows: AlertRows, row: number): void {
    const count = rows.pastCount[row]!;
    if (count > 0) this.long(count);
    for (let i = 0; i < count; i++) {
      const [time, value, score, verdict] = pastAlert(rows, row, i);
      this.long(wholeMs(time));
      this.double(value);
      this.double(score);
      if (verdict === 0) this.null();
      else {
        this.long(1);
        this.boolean(verdict > 0);
      }
    }
    this.null();
  }

  /** A union ["null", "string"]. */
  #nullableText(text: string | undefined): void {
    if (text === undefined) {
      this.null();
      return;
    }
    this.long(1);
    this.string(this.#utf8(text));
  }

  /** The aggregates beside the first five, in the order of the schema. */
  #extras(rows: WindowRows, row: number, window: number): void {
    if (this.#hasExtras[window] !== true) {
      this.raw(NO_EXTRAS, 0, NO_EXTRAS.length);
      return;
    }
    const shown = this.#shown.aggregates[window]!;
    for (const name of EXTRA_AGGREGATES) {
      const column = shown.has(name) ? rows.extraNames.indexOf(name) : -1;
      const value = column < 0 ? Number.NaN : rows.extras[column]![row]!;
      if (name === 'distinct' || name === 'anomalies') this.nullableLong(value);
      else this.nullableDouble(value);
    }
    let count = 0;
    for (let e = 0; e < rows.extraNames.length; e++) if (this.#isQuantile(rows, e, row, shown)) count++;
    if (count > 0) this.long(count);
    for (let e = 0; e < rows.extraNames.length; e++) {
      if (!this.#isQuantile(rows, e, row, shown)) continue;
      this.string(this.#utf8(rows.extraNames[e]!));
      this.double(rows.extras[e]![row]!);
    }
    this.null();
  }

  #isQuantile(rows: WindowRows, column: number, row: number, shown: ReadonlySet<string>): boolean {
    const name = rows.extraNames[column]!;
    return shown.has(name) && !EXTRA_AGGREGATES.includes(name) && !Number.isNaN(rows.extras[column]![row]!);
  }

  /** The bytes of keys.text(). */
  #series(keys: KeyDictionary, series: number): void {
    const hex = keys.hexName(series);
    if (hex === undefined) this.range(keys.arena, keys.startOf(series), keys.endOf(series));
    else this.string(new TextEncoder().encode(hex));
  }

  /** The bytes of alertId() in rowObjects.ts; `offset` is -1 for windows. */
  #id(rule: Uint8Array, arena: Uint8Array, start: number, end: number, timeMs: number, offset: number): void {
    const id = this.#keyed;
    id.length = 0;
    id.raw(rule, 0, rule.length);
    id.raw(SLASH, 0, 1);
    id.raw(arena, start, end);
    id.raw(SLASH, 0, 1);
    id.digits(timeMs);
    if (offset >= 0) {
      id.raw(SLASH, 0, 1);
      id.digits(offset);
    }
    this.range(id.bytes, 0, id.length);
  }

  #writeSpan(definition: PipelineDefinition, window: number, field: number, start: number, end: number): void {
    const span = this.#span;
    if (!span.is(definition, window, field, start, end)) {
      span.length = 0;
      span.string(this.#utf8(definition.windows[window]!.name));
      span.string(this.#utf8(definition.fields[field]!));
      span.long(wholeMs(start));
      span.long(Math.ceil(end));
    }
    this.raw(span.bytes, 0, span.length);
  }

  #place(place: RowPlace, offset: number, recordTime: number): void {
    const origin = this.#origin;
    if (!origin.is(place.topic, place.partition, offset, recordTime, 0)) {
      origin.length = 0;
      origin.string(this.#utf8(place.topic));
      origin.long(place.partition);
      origin.long(offset);
      origin.long(recordTime);
    }
    this.raw(origin.bytes, 0, origin.length);
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

/** Encoded bytes that hold as long as what they were made of does. */
class Block extends AvroBytes {
  #owner: unknown;
  readonly #key = new Float64Array(4);

  /** Whether the bytes are of these; if not, they will be after the caller has written them. */
  is(owner: unknown, a: number, b: number, c: number, d: number): boolean {
    const key = this.#key;
    if (owner === this.#owner && key[0] === a && key[1] === b && key[2] === c && key[3] === d) return true;
    this.#owner = owner;
    key[0] = a;
    key[1] = b;
    key[2] = c;
    key[3] = d;
    return false;
  }
}

const SLASH = Uint8Array.of(47);
/** All of them null, and no quantiles. */
const NO_EXTRAS = new Uint8Array(EXTRA_AGGREGATES.length + 1);

function finite(value: number): number {
  return Number.isFinite(value) ? value : Number.NaN;
}
