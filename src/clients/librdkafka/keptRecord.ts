import type { RecordHeader } from '../producer.ts';

/** One record as it is sent, and sent again. */
export interface KeptRecord {
  readonly topic: string;
  readonly partition: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[] | undefined;
}

/** What is kept of a record besides its bytes, here or by librdkafka, roughly. */
const RECORD_OVERHEAD_BYTES = 128;

/** Bytes that it takes while it is kept. */
export function sizeOf({ key, value }: Pick<KeptRecord, 'key' | 'value'>): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
}
