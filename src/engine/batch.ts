/**
 * The unit of work everywhere: the records of one record batch of one partition, as columns.
 *
 * Filled in three steps, each a tight loop without an object per record: the wire reader (src/wire/records.ts) fills
 * offsets, record times and the byte ranges; the decoder fills event times, series ids and fields; operators read.
 * A batch is reused: its contents are valid until the next read into it.
 *
 * Units: times are epoch milliseconds, offsets are the broker's (exact in a double up to 2^53), positions are bytes in
 * `bytes`.
 */
export class ColumnBatch {
  topic = '';
  partition = 0;
  /** Number of records in the columns. */
  count = 0;
  /** First offset that this batch covers, and the next one after it: records that compaction removed included. */
  firstOffset = 0;
  nextOffset = 0;
  /** Whether the record times are the broker's, of its append (LogAppendTime); else the producer's stamps, as far as is known. */
  isAppendTime = false;
  /** How long the bytes lay here before they were handed out, milliseconds; 0 where they came from no broker. */
  waitedMs = 0;
  /** The fetched buffer, or the decompressed copy; the ranges below point into it. */
  bytes: Uint8Array = EMPTY;
  offsets: Float64Array;
  recordTimes: Float64Array;
  /** Byte range of the key, [start, end); start is -1 for a null key. */
  keyStart: Int32Array;
  keyEnd: Int32Array;
  /** Byte range of the value, [start, end); start is -1 for a null value (a tombstone). */
  valueStart: Int32Array;
  valueEnd: Int32Array;
  /** Byte range of the headers section: varint count, then the headers. */
  headerStart: Int32Array;
  headerEnd: Int32Array;
  /** Event time, or NaN where the record has none. */
  eventTimes: Float64Array;
  /** Interned series id, dense from 0 in a partition; -1 where the record has no key or was rejected by the decoder. */
  series: Int32Array;
  /** One column per needed field, in the order of the pipeline's `source.fields`, then one per derived field; NaN for null. */
  fields: Float64Array[];

  constructor(fieldCount = 0, capacity = 1024) {
    this.offsets = new Float64Array(capacity);
    this.recordTimes = new Float64Array(capacity);
    this.keyStart = new Int32Array(capacity);
    this.keyEnd = new Int32Array(capacity);
    this.valueStart = new Int32Array(capacity);
    this.valueEnd = new Int32Array(capacity);
    this.headerStart = new Int32Array(capacity);
    this.headerEnd = new Int32Array(capacity);
    this.eventTimes = new Float64Array(capacity);
    this.series = new Int32Array(capacity);
    this.fields = Array.from({ length: fieldCount }, () => new Float64Array(capacity));
  }

  get capacity(): number {
    return this.offsets.length;
  }

  /** Makes room for `count` records. Contents are not kept: call it before filling. */
  reserve(count: number): void {
    if (count <= this.offsets.length) return;
    const grown = new ColumnBatch(this.fields.length, Math.max(count, this.offsets.length * 2));
    this.offsets = grown.offsets;
    this.recordTimes = grown.recordTimes;
    this.keyStart = grown.keyStart;
    this.keyEnd = grown.keyEnd;
    this.valueStart = grown.valueStart;
    this.valueEnd = grown.valueEnd;
    this.headerStart = grown.headerStart;
    this.headerEnd = grown.headerEnd;
    this.eventTimes = grown.eventTimes;
    this.series = grown.series;
    this.fields = grown.fields;
  }
}

const EMPTY = new Uint8Array(0);
