import { AnomalyError } from '../../errors.ts';
import type { ColumnBatch } from '../batch.ts';
import type { KeyDictionary } from '../keys.ts';
import type { RecordSelect } from '../recordSelect.ts';
import { compileAvro } from './avro.ts';
import { CsvReader } from './csv.ts';
import { createJsonReader } from './json.ts';
import { ObjectReader } from './objects.ts';
import { type ColumnReader, DecodedColumns, type SourceNeeds, type ValueDecoder } from './reader.ts';
import { REASON, REASON_TEXTS } from './reasons.ts';

/** Format byte and schema id before an Avro value. Source: Confluent "Wire format"; Redpanda uses the same. */
const HEADER_BYTES = 5;
const OPENING_BRACE = 0x7b;

export type ValueFormat = 'auto' | 'avro' | 'json' | 'csv';

/** Readers by schema id, compiled once and shared by the decoders of all partitions of a source. */
export class SchemaReaders {
  readonly needs: SourceNeeds;
  readonly #readers = new Map<number, ColumnReader | null>();
  readonly #unfit = new Set<number>();

  constructor(needs: SourceNeeds) {
    this.needs = needs;
  }

  /** The reader of a schema, null for one that does not exist, undefined before it was added. */
  get(schemaId: number): ColumnReader | null | undefined {
    return this.#readers.get(schemaId);
  }

  /**
   * Compiles a writer schema (parsed JSON). Where the compiled reader does not cover a needed shape, values are decoded
   * by `createFallback()` to objects. Gives which fields the schema lacks (they are read as null), and why the fallback
   * is used, if it is. A schema that has none of the fields, or not the key or time, is ANM_SCHEMA_UNSUPPORTED.
   */
  add(
    schemaId: number,
    schema: unknown,
    createFallback?: () => ValueDecoder,
  ): { readonly missing: readonly string[]; readonly unsupported?: string } {
    const compiled = compileAvro(schema, this.needs);
    if (!('unsupported' in compiled)) {
      const { missing } = compiled;
      if (missing.length > 0 && missing.length === this.needs.fields.length) {
        throw unsupported(schemaId, `it has no field ${missing.join(', ')}`);
      }
      this.#readers.set(schemaId, compiled);
      return { missing };
    }
    if (createFallback === undefined || compiled.isLacking) throw unsupported(schemaId, compiled.unsupported);
    this.#readers.set(schemaId, new ObjectReader(createFallback(), this.needs, REASON.undecodable));
    return { missing: [], unsupported: compiled.unsupported };
  }

  /** Records with this schema id are rejected: the registry does not have it, or it lacks what is needed. */
  refuse(schemaId: number, isUnfit = false): void {
    this.#readers.set(schemaId, null);
    if (isUnfit) this.#unfit.add(schemaId);
  }

  /** The REASON for records of a schema that was refused. */
  reasonOf(schemaId: number): number {
    return this.#unfit.has(schemaId) ? REASON.unfitSchema : REASON.unknownSchema;
  }
}

export interface DecoderOptions {
  readonly keys: KeyDictionary;
  readonly schemas: SchemaReaders;
  /** 'auto' tells Avro in wire format from JSON objects by the first byte. */
  readonly format: ValueFormat;
  /** Column names, needed for csv. */
  readonly csvColumns?: readonly string[];
  /** How far an event time may lie ahead of its record time; Infinity: any. */
  readonly maxAheadMs: number;
  /** Derived fields and the filter on records. */
  readonly select?: RecordSelect;
}

/**
 * Fills event times, field columns and series ids of a batch whose wire columns are filled.
 *
 * A record is rejected, with series -1 and an entry in `rejectIndexes` and `rejectReasons`, when its value cannot be
 * read, when it has no key or no event time, or when the event time is further ahead of the record time than allowed.
 * A null value (a tombstone) is skipped: series -1, counted, no entry. A record that `select` leaves out has the series -1,
 * too. Keys of such records are never interned.
 */
export class BatchDecoder {
  /** Schema id at which `decode` stopped, or -1. */
  missingSchema = -1;
  /** Of the batch being decoded, in the order of the records. */
  rejectCount = 0;
  rejectIndexes: Int32Array = new Int32Array(64);
  /** REASON codes; `rejectText` has the words. */
  rejectReasons: Uint8Array = new Uint8Array(64);
  /** Null values so far, over all batches. */
  tombstoneCount = 0;
  readonly #options: DecoderOptions;
  readonly #columns = new DecodedColumns();
  readonly #text: ColumnReader;

  constructor(options: DecoderOptions) {
    this.#options = options;
    const { format, csvColumns, schemas } = options;
    if (format === 'csv' && csvColumns === undefined) {
      throw new AnomalyError('ANM_CONFIG', 'cannot read CSV values as their columns are not given', {
        hint: 'name them in their order by --columns ts,id,value, or source.columns in anomaly.yaml',
      });
    }
    this.#text = format === 'csv' ? new CsvReader(schemas.needs, csvColumns!) : createJsonReader(schemas.needs);
  }

  /**
   * Decodes records from `from` on; gives the index after the last one done. Below batch.count it stopped at a schema
   * that is not known yet: `missingSchema` is its id; call again with that index once it was added or refused.
   */
  decode(batch: ColumnBatch, from = 0): number {
    if (from === 0) this.rejectCount = 0;
    this.missingSchema = -1;
    this.#columns.reserve(batch.count);
    let i = from;
    while (i < batch.count) {
      if (batch.valueStart[i]! < 0) {
        this.tombstoneCount++;
        batch.series[i] = -1;
        batch.eventTimes[i] = Number.NaN;
        for (const field of batch.fields) field[i] = Number.NaN;
        i++;
        continue;
      }
      const kind = this.#kindOf(batch, i);
      const end = kind >= 0 ? schemaRunEnd(batch, i) : this.#runEnd(batch, i, kind);
      const reader = kind >= 0 ? this.#options.schemas.get(kind) : kind === TEXT ? this.#text : null;
      if (reader === undefined) {
        this.missingSchema = kind;
        return i;
      }
      if (reader === null)
        this.#rejectRun(batch, i, end, kind >= 0 ? this.#options.schemas.reasonOf(kind) : REASON.noHeader);
      else this.#readRun(reader, batch, i, end, kind >= 0 ? HEADER_BYTES : 0);
      i = end;
    }
    return i;
  }

  rejectText(row: number): string {
    return REASON_TEXTS[this.rejectReasons[row]!]!;
  }

  /** The schema id of a value, TEXT, or NO_HEADER. */
  #kindOf(batch: ColumnBatch, i: number): number {
    const { format } = this.#options;
    if (format === 'json' || format === 'csv') return TEXT;
    const { bytes } = batch;
    const start = batch.valueStart[i]!;
    const length = batch.valueEnd[i]! - start;
    if (length >= HEADER_BYTES && bytes[start] === 0) {
      return bytes[start + 1]! * 2 ** 24 + ((bytes[start + 2]! << 16) | (bytes[start + 3]! << 8) | bytes[start + 4]!);
    }
    return format === 'auto' && length > 0 && beginsObject(bytes, start, start + length) ? TEXT : NO_HEADER;
  }

  /** The index after the records from `from` on that have values of the same kind. */
  #runEnd(batch: ColumnBatch, from: number, kind: number): number {
    let i = from + 1;
    while (i < batch.count && batch.valueStart[i]! >= 0 && this.#kindOf(batch, i) === kind) i++;
    return i;
  }

  #readRun(reader: ColumnReader, batch: ColumnBatch, from: number, to: number, headerBytes: number): void {
    const out = this.#columns;
    const { needs } = this.#options.schemas;
    reader.read(batch, from, to, headerBytes, out);
    if (needs.time === undefined) batch.eventTimes.set(batch.recordTimes.subarray(from, to), from);
    if (needs.key === undefined) {
      out.keyBytes = batch.bytes;
      out.keyStart.set(batch.keyStart.subarray(from, to), from);
      out.keyEnd.set(batch.keyEnd.subarray(from, to), from);
    }
    this.#judge(batch, from, to);
    this.#options.select?.apply(batch, from, to, out);
    this.#options.keys.internColumn(out.keyBytes, out.keyStart, out.keyEnd, from, to, batch.series);
  }

  /**
   * Rejects what cannot be used, and takes its key away. A function of its own, as each hot loop here: V8 keeps code
   * that it made in the middle of a loop even when that code fails, again and again, after the loop.
   */
  #judge(batch: ColumnBatch, from: number, to: number): void {
    const { keyStart, reasons } = this.#columns;
    const { eventTimes, recordTimes } = batch;
    const { maxAheadMs } = this.#options;
    // A record without a timestamp has -1, which is no event time.
    const earliest = this.#options.schemas.needs.time === undefined ? 0 : -TIME_MAX_MS;
    for (let i = from; i < to; i++) {
      const time = eventTimes[i]!;
      const recordTime = recordTimes[i]!;
      let reason = reasons[i]!;
      if (reason === REASON.none) {
        if (keyStart[i]! < 0) reason = REASON.noKey;
        else if (!(time >= earliest && time <= TIME_MAX_MS)) reason = REASON.noTime;
        else if (time - recordTime > maxAheadMs && recordTime >= 0) reason = REASON.ahead;
        else continue;
      }
      keyStart[i] = -1;
      this.#reject(batch, i, reason);
    }
  }

  #rejectRun(batch: ColumnBatch, from: number, to: number, reason: number): void {
    for (let i = from; i < to; i++) {
      batch.series[i] = -1;
      this.#reject(batch, i, reason);
    }
  }

  #reject(batch: ColumnBatch, i: number, reason: number): void {
    const row = this.rejectCount++;
    if (row === this.rejectIndexes.length) {
      const indexes = new Int32Array(row * 2);
      indexes.set(this.rejectIndexes);
      this.rejectIndexes = indexes;
      const reasons = new Uint8Array(row * 2);
      reasons.set(this.rejectReasons);
      this.rejectReasons = reasons;
    }
    this.rejectIndexes[row] = i;
    this.rejectReasons[row] = reason;
    // What a half-read value or the last batch left there must not be seen.
    batch.eventTimes[i] = Number.NaN;
    for (const field of batch.fields) field[i] = Number.NaN;
  }
}

/** Kinds of values that have no schema id. */
const TEXT = -1;
const NO_HEADER = -2;
const TIME_MAX_MS = 8.64e15;

/** The index after the records from `from` on whose values begin with the same five bytes. */
function schemaRunEnd(batch: ColumnBatch, from: number): number {
  const { bytes, count, valueStart, valueEnd } = batch;
  const first = valueStart[from]!;
  const b1 = bytes[first + 1]!;
  const b2 = bytes[first + 2]!;
  const b3 = bytes[first + 3]!;
  const b4 = bytes[first + 4]!;
  let i = from + 1;
  for (; i < count; i++) {
    const at = valueStart[i]!;
    if (at < 0 || valueEnd[i]! - at < HEADER_BYTES || bytes[at] !== 0) break;
    if (bytes[at + 4] !== b4 || bytes[at + 3] !== b3 || bytes[at + 2] !== b2 || bytes[at + 1] !== b1) break;
  }
  return i;
}

function beginsObject(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && (bytes[at] === 32 || bytes[at] === 9 || bytes[at] === 10 || bytes[at] === 13)) at++;
  return bytes[at] === OPENING_BRACE && at < end;
}

function unsupported(schemaId: number, reason: string): AnomalyError {
  return new AnomalyError('ANM_SCHEMA_UNSUPPORTED', `cannot read values with schema ${schemaId} as ${reason}`, {
    hint: 'check source.key, source.time and source.fields against anomaly schema show',
    details: { schemaId },
  });
}
