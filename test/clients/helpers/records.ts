import type { Consumer } from '../../../src/clients/client.ts';
import type { Producer, RecordHeader } from '../../../src/clients/producer.ts';
import type { ColumnBatch } from '../../../src/engine/batch.ts';
import { readVarint } from '../../../src/wire/varint.ts';

/** One record as plain values, to compare. */
export interface PlainRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

export function plainRecords(batch: ColumnBatch): PlainRecord[] {
  const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
  return Array.from({ length: batch.count }, (_, i) => ({
    offset: batch.offsets[i]!,
    timestampMs: batch.recordTimes[i]!,
    key: batch.keyStart[i]! < 0 ? null : bytes.toString('latin1', batch.keyStart[i], batch.keyEnd[i]),
    value: batch.valueStart[i]! < 0 ? null : bytes.toString('latin1', batch.valueStart[i], batch.valueEnd[i]),
    headers: headersOf(bytes, batch.headerStart[i]!, batch.headerEnd[i]!),
  }));
}

function headersOf(bytes: Buffer, start: number, end: number): [string, string | null][] {
  const cursor = { bytes, pos: start, end };
  const text = (length: number) => {
    cursor.pos += length;
    return bytes.toString('latin1', cursor.pos - length, cursor.pos);
  };
  return Array.from({ length: readVarint(cursor) }, () => {
    const name = text(readVarint(cursor));
    const length = readVarint(cursor);
    return [name, length < 0 ? null : text(length)];
  });
}

export function appendText(
  producer: Producer,
  topic: string,
  partition: number,
  value: string | null,
  options: { key?: string | null; timestampMs?: number; headers?: readonly RecordHeader[] } = {},
): void {
  const keyBytes = options.key == null ? null : Buffer.from(options.key, 'latin1');
  const valueBytes = value === null ? null : Buffer.from(value, 'latin1');
  producer.append(
    topic,
    partition,
    options.timestampMs ?? 1_700_000_000_000,
    keyBytes,
    0,
    keyBytes?.length ?? 0,
    valueBytes,
    0,
    valueBytes?.length ?? 0,
    options.headers,
  );
}

/** Polls until `count` records are there; by partition, in the order in which they came. */
export async function readRecords(
  consumer: Consumer,
  count: number,
  deadlineMs = 60_000,
): Promise<Map<number, PlainRecord[]>> {
  const found = new Map<number, PlainRecord[]>();
  const end = performance.now() + deadlineMs;
  for (let total = 0; total < count; ) {
    if (performance.now() > end) throw new Error(`${total} of ${count} records after ${deadlineMs} ms`);
    const batch = await consumer.poll(500);
    if (batch === null) continue;
    total += batch.count;
    const list = found.get(batch.partition) ?? [];
    list.push(...plainRecords(batch));
    found.set(batch.partition, list);
  }
  return found;
}
