import type { ColumnBatch } from '../batch.ts';

/** What a pipeline needs from each value. Paths are dotted: 'value', 'pump.pressure'. */
export interface SourceNeeds {
  /** Names the series; absent: the record key does. */
  readonly key?: string;
  /** Holds the event time; absent: the record's timestamp is it. */
  readonly time?: string;
  /** Unit of a plain number of time; absent: by magnitude (see timeByMagnitude). */
  readonly timeUnit?: TimeUnit;
  /** One a field column, in their order. */
  readonly fields: readonly string[];
}

export type TimeUnit = 's' | 'ms' | 'us' | 'ns';

/** Reads values of one shape into columns. */
export interface ColumnReader {
  /**
   * Reads the values of records from <= i < to, none of them null, after `headerBytes` of each: fills batch.fields,
   * batch.eventTimes when a time is needed, and the columns of `out`.
   */
  read(batch: ColumnBatch, from: number, to: number, headerBytes: number, out: DecodedColumns): void;
}

/**
 * Decodes one value that the compiled reader does not cover into a plain object (avsc, in the runtime). An error
 * thrown rejects the record.
 */
export type ValueDecoder = (bytes: Uint8Array, start: number, end: number) => unknown;

/** What a reader gives besides the batch's own columns; used again for every batch. */
export class DecodedColumns {
  /** Range of the key in `keyBytes`, or start -1. */
  keyStart = new Int32Array(1024);
  keyEnd = new Int32Array(1024);
  /** The batch's bytes, or text that the reader made of a key that is a number. */
  keyBytes: Uint8Array = new Uint8Array(0);
  /** REASON code a record. */
  reasons = new Uint8Array(1024);

  /** Contents are not kept. */
  reserve(count: number): void {
    if (count <= this.reasons.length) return;
    const capacity = Math.max(count, this.reasons.length * 2);
    this.keyStart = new Int32Array(capacity);
    this.keyEnd = new Int32Array(capacity);
    this.reasons = new Uint8Array(capacity);
  }
}
