import { ColumnBatch } from '../../../src/engine/batch.ts';

export interface TestRecord {
  readonly key?: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly time?: number;
}

/** A batch with wire columns as the reader of record batches leaves them: ranges into one buffer, with gaps. */
export function batchOf(records: readonly TestRecord[], fieldCount: number): ColumnBatch {
  const batch = new ColumnBatch(fieldCount, Math.max(1, records.length));
  const parts: Buffer[] = [];
  let at = 0;
  const put = (bytes: Uint8Array | string | null | undefined): [number, number] => {
    if (bytes === null || bytes === undefined) return [-1, -1];
    // Bytes around each value tell a read outside of it: a varint that goes on, or a plausible length.
    const part = Buffer.from(bytes as Uint8Array);
    parts.push(Buffer.of(0x22, 0x81), part);
    at += 2 + part.length;
    return [at - part.length, at];
  };
  records.forEach((record, i) => {
    [batch.keyStart[i], batch.keyEnd[i]] = put(record.key);
    [batch.valueStart[i], batch.valueEnd[i]] = put(record.value);
    batch.recordTimes[i] = record.time ?? 1_700_000_000_000;
    batch.offsets[i] = i;
  });
  batch.count = records.length;
  // A view with an offset into a larger buffer.
  const whole = Buffer.concat([Buffer.alloc(3), ...parts, Buffer.of(0x02, 0x22, 0x22)]);
  batch.bytes = new Uint8Array(whole.buffer, whole.byteOffset + 3, whole.length - 3);
  return batch;
}

/** A value in the registry's wire format. */
export function framed(schemaId: number, payload: Uint8Array): Uint8Array {
  const header = Buffer.alloc(5);
  header.writeInt32BE(schemaId, 1);
  return Buffer.concat([header, payload]);
}
