import type { Producer } from '../clients/producer.ts';
import { partitionForKey } from '../wire/murmur2.ts';
import type { RowEncoder } from './encode/rowEncoder.ts';
import type { MergedRows } from './mergedRows.ts';
import type { Pacer } from './pacer.ts';
import type { ResumeMarks } from './resumeMarks.ts';
import type { BadRow, KeyRange, Rows } from './rowChunk.ts';
import type { RowInput } from './rowInput.ts';

/** What keys a record: the file's series, an input column, or nothing. */
export type KeyChoice =
  | { readonly by: 'file' }
  | { readonly by: 'column'; readonly column: number }
  | { readonly by: 'none' };

export interface SendOptions {
  readonly input: RowInput;
  readonly encoder: RowEncoder;
  readonly producer: Producer;
  readonly topic: string;
  readonly partitions: number;
  readonly key: KeyChoice;
  readonly recordTime: 'now' | 'event';
  readonly pacer: Pacer;
  /** Rounds over the input; the event time of each goes on where the one before ended. */
  readonly loop: boolean;
  /** Rows to send; Infinity for all. */
  readonly limit: number;
  readonly outOfOrdernessMs: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Resolves after that many milliseconds, or at once when the signal comes. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Of a load that can go on after an interruption. */
  readonly marks?: ResumeMarks | null;
  /** Longer records (key and value) are bad rows: the broker would refuse the batch. Default: no limit. */
  readonly maxRecordBytes?: number;
  /** Rows that the encoder refuses. */
  readonly onBadRow: (row: BadRow) => void;
  readonly onProgress: (totals: SendTotals) => void;
}

export class SendTotals {
  rows = 0;
  /** Rows that were in the topic already: of a load that goes on. */
  found = 0;
  valueBytes = 0;
  rounds = 0;
  /** Rows whose event time was behind the watermark of their partition. */
  late = 0;
  firstTimeMs = Number.POSITIVE_INFINITY;
  lastTimeMs = Number.NEGATIVE_INFINITY;
  readonly perPartition: Float64Array;
  readonly maxTimeMs: Float64Array;

  constructor(partitions: number) {
    this.perPartition = new Float64Array(partitions);
    this.maxTimeMs = new Float64Array(partitions).fill(Number.NEGATIVE_INFINITY);
  }
}

/** Rows without a key go to one partition for this long, then to the next: batches stay large. */
const STICKY_ROWS = 1000;
/** What a batch may hold before a record that is added to it: the producers' default of `batchBytes`. */
const BATCH_BYTES = 262_144;
/** Rows between two looks at the clock, at the signal and at the producer's room. */
const CHECK_ROWS = 256;
/** A longer wait is cut, so that progress and signals are noticed. */
const SLEEP_MAX_MS = 500;
/** Step from one round to the next where the input does not show one. */
const ROUND_STEP_MS = 1000;

/**
 * Sends the rows of the input as records, until its end, the limit or the signal. What was appended is not flushed.
 * One promise per read or full buffer, none per row.
 */
export async function sendRows(options: SendOptions, totals: SendTotals): Promise<void> {
  const sender = new RowSender(options, totals);
  for (;;) {
    const before = totals.rows;
    for await (const merged of options.input.rows()) {
      if (!(await sender.send(merged))) return;
    }
    options.marks?.end();
    totals.rounds++;
    // A round without a good row would go on for ever.
    if (!options.loop || totals.rows === before) return;
    sender.beginRound();
  }
}

/**
 * Holds the rows of the input against the marks of the topic, and sends nothing. @throws ANM_RESUME
 */
export async function checkRows(options: SendOptions, totals: SendTotals): Promise<void> {
  const sender = new RowSender(options, totals);
  for await (const merged of options.input.rows()) {
    if (options.signal.aborted || !sender.check(merged)) return;
  }
  options.marks!.end();
}

class RowSender {
  readonly #options: SendOptions;
  readonly #totals: SendTotals;
  readonly #marks: ResumeMarks | null;
  readonly #maxRecordBytes: number;
  /** Partition of each file's series; -1 until it is asked for. */
  readonly #filePartitions: Int32Array;
  #stickyPartition = 0;
  #stickyRows = 0;
  #shiftMs = 0;
  #nowMs: number;
  /** Nothing waits in the producer: a large record gets a batch of its own. */
  #isFlushed = false;
  /** Set by #place. */
  readonly #key: KeyRange = { bytes: null, start: 0, end: 0 };

  constructor(options: SendOptions, totals: SendTotals) {
    this.#options = options;
    this.#totals = totals;
    this.#marks = options.marks ?? null;
    this.#maxRecordBytes = options.maxRecordBytes ?? Number.POSITIVE_INFINITY;
    this.#filePartitions = new Int32Array(options.input.files.length).fill(-1);
    this.#nowMs = options.now();
  }

  /** The next round's event times begin one step after the last one so far. */
  beginRound(): void {
    const { firstTimeMs, lastTimeMs } = this.#totals;
    if (lastTimeMs < firstTimeMs) return;
    const stepMs = this.#options.input.stepMs;
    this.#shiftMs = lastTimeMs - firstTimeMs + (Number.isNaN(stepMs) ? ROUND_STEP_MS : stepMs);
  }

  /** False when sending is over: the limit is reached, or the signal came. */
  async send(merged: MergedRows): Promise<boolean> {
    const { producer, pacer, limit, signal, now } = this.#options;
    const totals = this.#totals;
    for (let i = 0; i < merged.count; ) {
      const passed = totals.rows + totals.found;
      if (signal.aborted || passed >= limit) return false;
      this.#nowMs = now();
      const paced = !(pacer.unlimited || this.#marks?.isCatchingUp === true);
      if (paced && !(await this.#waitFor(merged, i))) return false;
      let fits = true;
      const end = Math.min(merged.count, i + Math.min(CHECK_ROWS, limit - passed));
      for (; i < end; i++) {
        const file = merged.files[i]!;
        const chunk = merged.readers[file]!.chunk;
        const row = merged.rows[i]!;
        const timeMs = chunk.times[row]! + this.#shiftMs;
        if (paced && !pacer.allows(totals.rows, timeMs)) break;
        fits = this.#sendRow(chunk, row, file, timeMs);
        if (!fits) break;
      }
      if (!fits) {
        await producer.flush();
        this.#isFlushed = true;
      }
      const room = producer.ready();
      if (room !== null) await room;
      this.#options.onProgress(totals);
    }
    return true;
  }

  /** Follows the marks through rows that are not sent; false once there is nothing more to find. */
  check(merged: MergedRows): boolean {
    const { input, encoder } = this.#options;
    const marks = this.#marks!;
    for (let i = 0; i < merged.count; i++) {
      const file = merged.files[i]!;
      const { chunk } = merged.readers[file]!;
      const row = merged.rows[i]!;
      const length = encoder.encode(chunk, row, input.files[file]!, this.#shiftMs);
      const isGood = length >= 0 && this.#setKey(chunk, row, file);
      if (isGood && length + this.#key.end - this.#key.start <= this.#maxRecordBytes) {
        marks.take(this.#place(file), this.#key, encoder.bytes, length);
      }
      if (!marks.isCatchingUp) return false;
    }
    return true;
  }

  /** Waits until the row may go; false when the signal came first. */
  async #waitFor(merged: MergedRows, i: number): Promise<boolean> {
    const { pacer, signal, now, sleep, onProgress } = this.#options;
    const timeMs = merged.readers[merged.files[i]!]!.chunk.times[merged.rows[i]!]! + this.#shiftMs;
    for (;;) {
      const waitMs = pacer.advance(this.#totals.rows, timeMs, this.#nowMs);
      if (waitMs === 0) return true;
      await sleep(Math.min(waitMs, SLEEP_MAX_MS));
      if (signal.aborted) return false;
      this.#nowMs = now();
      onProgress(this.#totals);
    }
  }

  /** False for a large row that has to wait until the batches before it are out. */
  #sendRow(chunk: Rows, row: number, file: number, timeMs: number): boolean {
    const { input, encoder, producer, topic, recordTime, outOfOrdernessMs } = this.#options;
    const totals = this.#totals;
    const marks = this.#marks;
    const length = encoder.encode(chunk, row, input.files[file]!, this.#shiftMs);
    const key = this.#key;
    if (length < 0 || !this.#setKey(chunk, row, file)) {
      this.#refuse(chunk, row, file, length < 0 ? encoder.fault : 'the key is empty');
      return true;
    }
    const recordBytes = length + key.end - key.start;
    if (recordBytes > this.#maxRecordBytes - BATCH_BYTES) {
      if (recordBytes > this.#maxRecordBytes) {
        const most = `${this.#maxRecordBytes}, from max.message.bytes`;
        this.#refuse(chunk, row, file, `its record of ${recordBytes} bytes is longer than the topic takes (${most})`);
        return true;
      }
      if (!this.#isFlushed) return false;
    }
    const partition = this.#place(file);
    if (marks !== null && !marks.take(partition, key, encoder.bytes, length)) {
      totals.found++;
      return true;
    }
    this.#isFlushed = false;
    const timestampMs = recordTime === 'event' ? Math.floor(timeMs) : this.#nowMs;
    const { bytes } = encoder;
    const headers = marks?.headers;
    producer.append(topic, partition, timestampMs, key.bytes, key.start, key.end, bytes, 0, length, headers);
    totals.rows++;
    totals.valueBytes += length;
    totals.perPartition[partition]!++;
    const maxTimeMs = totals.maxTimeMs[partition]!;
    if (timeMs > maxTimeMs) totals.maxTimeMs[partition] = timeMs;
    else if (timeMs < maxTimeMs - outOfOrdernessMs) totals.late++;
    if (timeMs < totals.firstTimeMs) totals.firstTimeMs = timeMs;
    if (timeMs > totals.lastTimeMs) totals.lastTimeMs = timeMs;
    return true;
  }

  #refuse(chunk: Rows, row: number, file: number, reason: string): void {
    const { input, onBadRow } = this.#options;
    onBadRow({ file: input.samples[file]!.file.name, line: chunk.lines[row]!, reason, raw: chunk.raw(row) });
  }

  /** Sets the key; false when the key column is null. */
  #setKey(chunk: Rows, row: number, file: number): boolean {
    const { key, input } = this.#options;
    if (key.by === 'column') {
      const column = input.files[file]!.columns.indexes[key.column]!;
      return column >= 0 && chunk.keyOf(row, column, this.#key);
    }
    if (key.by === 'file') {
      const { series } = input.files[file]!;
      this.#key.bytes = series;
      this.#key.end = series.length;
    }
    return true;
  }

  /** Partition of the row whose key is set. */
  #place(file: number): number {
    const { key, partitions } = this.#options;
    const { bytes, start, end } = this.#key;
    if (key.by === 'column') return partitionForKey(bytes!, start, end, partitions);
    if (key.by === 'none') {
      if (++this.#stickyRows > STICKY_ROWS) {
        this.#stickyRows = 1;
        this.#stickyPartition = (this.#stickyPartition + 1) % partitions;
      }
      return this.#stickyPartition;
    }
    const known = this.#filePartitions[file]!;
    if (known >= 0) return known;
    const partition = partitionForKey(bytes!, start, end, partitions);
    this.#filePartitions[file] = partition;
    return partition;
  }
}
