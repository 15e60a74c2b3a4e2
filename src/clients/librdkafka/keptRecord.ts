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

const RECORD_OVERHEAD_BYTES = 128;

/** Bytes that it takes here. */
export function sizeOf({ key, value }: KeptRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
}
