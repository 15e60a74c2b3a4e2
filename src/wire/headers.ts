import type { ColumnBatch } from '../engine/batch.ts';
import { readVarint, type VarintCursor } from './varint.ts';

export interface HeaderView {
  readonly key: string;
  /** A view into the batch's bytes; null is Kafka's null. */
  readonly value: Uint8Array | null;
}

const NONE: readonly HeaderView[] = [];

/** The headers of record i, as objects: for what looks at single records, never for the hot path. */
export function readHeaders(batch: ColumnBatch, i: number): readonly HeaderView[] {
  const cursor: VarintCursor = { bytes: batch.bytes, pos: batch.headerStart[i]!, end: batch.headerEnd[i]! };
  const count = readVarint(cursor);
  if (count <= 0) return NONE;
  const headers: HeaderView[] = [];
  for (let h = 0; h < count; h++) {
    const key = take(cursor);
    headers.push({ key: key === null ? '' : Buffer.from(key).toString(), value: take(cursor) });
  }
  return headers;
}

/** Length and bytes; a negative length is null. */
function take(cursor: VarintCursor): Uint8Array | null {
  const length = readVarint(cursor);
  if (length < 0) return null;
  const value = cursor.bytes.subarray(cursor.pos, cursor.pos + length);
  cursor.pos += length;
  return value;
}
