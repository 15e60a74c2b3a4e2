import type { Producer, ProducerStats, RecordHeader } from '../../clients/producer.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { readHeaders } from '../../wire/headers.ts';
import { ownTime } from '../output/deadLetter.ts';

/** A record of an output topic: as it stands there, or as it was computed again. */
export interface OutputRow {
  readonly topic: string;
  readonly partition: number;
  /** -1 for one that was computed. */
  readonly offset: number;
  readonly timeMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** A copy of record i of a batch, with the time that it would have where brokers took any. */
export function rowAt(batch: ColumnBatch, i: number): OutputRow {
  const all = readHeaders(batch, i);
  const time = ownTime(all);
  const headers = time === null ? all : all.slice(0, -1);
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = batch;
  return {
    topic: batch.topic,
    partition: batch.partition,
    offset: batch.offsets[i]!,
    timeMs: time ?? batch.recordTimes[i]!,
    key: copy(bytes, keyStart[i]!, keyEnd[i]!),
    value: copy(bytes, valueStart[i]!, valueEnd[i]!),
    headers: headers.map(({ key, value }) => ({ key, value: value && Uint8Array.from(value) })),
  };
}

/** Takes the place of a producer, and keeps the encoded records instead of sending them. */
export class CapturedRows implements Producer {
  #rows: OutputRow[] = [];

  /** The rows since the last call, in their order. */
  take(): OutputRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  append(
    topic: string,
    partition: number,
    timeMs: number,
    key: Uint8Array | null,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array | null,
    valueStart: number,
    valueEnd: number,
    headers: readonly RecordHeader[] = [],
  ): void {
    this.#rows.push({
      ...{ topic, partition, offset: -1, timeMs },
      key: key === null ? null : copy(key, keyStart, keyEnd),
      value: value === null ? null : copy(value, valueStart, valueEnd),
      headers: headers.map((header) => ({ key: header.key, value: header.value && Uint8Array.from(header.value) })),
    });
  }

  ready(): null {
    return null;
  }

  async flush(): Promise<void> {}

  get stats(): ProducerStats {
    const { length } = this.#rows;
    return { recordsAppended: length, recordsAcknowledged: 0, bytesSent: 0, requestsInFlight: 0 };
  }

  async close(): Promise<void> {}
}

function copy(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  return start < 0 ? null : bytes.slice(start, end);
}
