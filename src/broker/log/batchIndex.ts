import { crc32c } from '../../wire/crc32c.ts';

const INITIAL_ROWS = 16;
const MAGIC = Buffer.from('ANMINDX1');
/** magic, rows uint32, segment bytes uint32, next offset float64, time of cleaning float64; a CRC-32C closes the file. */
const HEAD_BYTES = 32;
const ROW_BYTES = 24;

/** What an index file says of its segment besides the rows. */
export interface IndexFacts {
  /** Bytes of the segment file that the rows cover. */
  readonly segmentBytes: number;
  readonly nextOffset: number;
  /** Epoch ms of the first compaction of what the segment holds; -1 before it. */
  readonly cleanedMs: number;
}

/** One row per batch of a segment, in typed arrays: 24 bytes, whatever the batch holds. */
export class BatchIndex {
  count = 0;
  maxTimestamp = -1;
  private offsets = new Float64Array(INITIAL_ROWS);
  private lastDeltas = new Int32Array(INITIAL_ROWS);
  private maxTimestamps = new Float64Array(INITIAL_ROWS);
  /** Where each batch begins; it ends where the next one begins. */
  private positions = new Int32Array(INITIAL_ROWS);

  add(baseOffset: number, lastOffsetDelta: number, maxTimestamp: number, position: number): void {
    const row = this.count;
    if (row === this.offsets.length) this.resize(row * 2);
    this.offsets[row] = baseOffset;
    this.lastDeltas[row] = lastOffsetDelta;
    this.maxTimestamps[row] = maxTimestamp;
    this.positions[row] = position;
    if (maxTimestamp > this.maxTimestamp) this.maxTimestamp = maxTimestamp;
    this.count = row + 1;
  }

  baseOffsetOf(row: number): number {
    return this.offsets[row]!;
  }

  /** The offset after the last that a batch covers. */
  nextOffsetOf(row: number): number {
    return this.offsets[row]! + this.lastDeltas[row]! + 1;
  }

  positionOf(row: number): number {
    return this.positions[row]!;
  }

  maxTimestampOf(row: number): number {
    return this.maxTimestamps[row]!;
  }

  /** The first row that ends after `offset`: the batch that holds it, or where compaction left none the next one. */
  rowOf(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.nextOffsetOf(middle) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** How many batches begin before `offset`. */
  rowsBefore(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** First row from `fromRow` on whose newest record is at or after a time, or -1. */
  rowAtTime(timestampMs: number, fromRow: number): number {
    if (this.maxTimestamp < timestampMs) return -1;
    for (let row = fromRow; row < this.count; row++) if (this.maxTimestamps[row]! >= timestampMs) return row;
    return -1;
  }

  /** Gives the room for coming rows back, once there are none. */
  trim(): void {
    if (this.count < this.offsets.length) this.resize(Math.max(1, this.count));
  }

  /** As it stands in an index file. */
  encode(facts: IndexFacts): Buffer {
    const bytes = Buffer.alloc(HEAD_BYTES + this.count * ROW_BYTES + 4);
    MAGIC.copy(bytes);
    bytes.writeUInt32BE(this.count, 8);
    bytes.writeUInt32BE(facts.segmentBytes, 12);
    bytes.writeDoubleBE(facts.nextOffset, 16);
    bytes.writeDoubleBE(facts.cleanedMs, 24);
    let at = HEAD_BYTES;
    for (let row = 0; row < this.count; row++) {
      at = bytes.writeDoubleBE(this.offsets[row]!, at);
      at = bytes.writeDoubleBE(this.maxTimestamps[row]!, at);
      at = bytes.writeInt32BE(this.lastDeltas[row]!, at);
      at = bytes.writeInt32BE(this.positions[row]!, at);
    }
    bytes.writeUInt32BE(crc32c(bytes, 0, at), at);
    return bytes;
  }

  /** Null when the bytes are no whole index. */
  static decode(bytes: Buffer): { readonly index: BatchIndex; readonly facts: IndexFacts } | null {
    if (bytes.length < HEAD_BYTES + 4 || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return null;
    const count = bytes.readUInt32BE(8);
    const end = HEAD_BYTES + count * ROW_BYTES;
    if (bytes.length !== end + 4 || crc32c(bytes, 0, end) !== bytes.readUInt32BE(end)) return null;
    const index = new BatchIndex();
    for (let row = 0, at = HEAD_BYTES; row < count; row++, at += ROW_BYTES) {
      index.add(
        bytes.readDoubleBE(at),
        bytes.readInt32BE(at + 16),
        bytes.readDoubleBE(at + 8),
        bytes.readInt32BE(at + 20),
      );
    }
    const facts = {
      segmentBytes: bytes.readUInt32BE(12),
      nextOffset: bytes.readDoubleBE(16),
      cleanedMs: bytes.readDoubleBE(24),
    };
    return { index, facts };
  }

  private resize(rows: number): void {
    const kept = Math.min(this.count, rows);
    const [offsets, lastDeltas] = [new Float64Array(rows), new Int32Array(rows)];
    const [maxTimestamps, positions] = [new Float64Array(rows), new Int32Array(rows)];
    offsets.set(this.offsets.subarray(0, kept));
    lastDeltas.set(this.lastDeltas.subarray(0, kept));
    maxTimestamps.set(this.maxTimestamps.subarray(0, kept));
    positions.set(this.positions.subarray(0, kept));
    this.offsets = offsets;
    this.lastDeltas = lastDeltas;
    this.maxTimestamps = maxTimestamps;
    this.positions = positions;
  }
}
