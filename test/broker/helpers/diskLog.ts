import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, ManualClock } from '../../../src/broker/clock.ts';
import { PartitionLog } from '../../../src/broker/log/partitionLog.ts';
import { DataDir } from '../../../src/broker/storage/dataDir.ts';
import type { FsyncPolicy } from '../../../src/broker/storage/flusher.ts';
import { TopicConfigs } from '../../../src/broker/topicConfigs.ts';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import type { Logger } from '../../../src/output/logger.ts';
import { BatchHeader, hasValidCrc, readBatchHeader } from '../../../src/wire/batchHeader.ts';
import { BatchWriter } from '../../../src/wire/batchWriter.ts';
import { type CodecName, DecompressedBytes } from '../../../src/wire/compression.ts';
import { readRecords } from '../../../src/wire/records.ts';

const PLACE = { topic: 't', topicId: '0'.repeat(32), partition: 0 };

export interface DiskLogOptions {
  readonly path: string;
  readonly clock?: Clock;
  readonly configs?: TopicConfigs;
  readonly fsync?: FsyncPolicy;
  readonly logger?: Logger;
}

/** One partition on disk, without a broker around it. */
export class DiskLog {
  readonly data: DataDir;
  readonly log: PartitionLog;

  constructor({
    path,
    clock = new ManualClock(),
    configs = new TopicConfigs(),
    fsync = 'never',
    logger,
  }: DiskLogOptions) {
    this.data = new DataDir({ path, fsync, clock, logger });
    this.log = new PartitionLog(PLACE.topic, 0, { clock, configs, store: this.data.partition(PLACE) });
  }

  /** Where the segments are. */
  get directory(): string {
    return join(this.data.path, 'topics', `t-${PLACE.topicId}`, '0');
  }

  close(): void {
    this.log.close();
    this.data.close();
  }

  /** As if the process had been killed: files stay as they are. */
  kill(): void {
    this.data.abandon();
  }
}

export function scratch(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'anomaly-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface KeyedRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly timestampMs: number;
}

export interface StoredRecord extends KeyedRecord {
  readonly offset: number;
}

export function keyedBatch(records: readonly KeyedRecord[], compression: CodecName = 'none'): Buffer {
  const writer = new BatchWriter();
  for (const { key, value, timestampMs } of records) {
    const [keyBytes, valueBytes] = [key, value].map((text) => (text === null ? null : Buffer.from(text)));
    writer.append(timestampMs, keyBytes!, 0, keyBytes?.length ?? 0, valueBytes!, 0, valueBytes?.length ?? 0);
  }
  return Buffer.from(writer.finish({ compression }));
}

/** Appends as the broker does, and returns the base offset. */
export function appendTo(log: PartitionLog, batch: Buffer): number {
  const header = new BatchHeader();
  readBatchHeader(batch, 0, header);
  const offset = log.append(batch, header, -1);
  log.producers.record(header, offset, -1);
  return offset;
}

/** Every record from `from` on, by as many reads as it takes; each batch is checked. */
export function recordsOf(log: PartitionLog, from = log.logStartOffset, maxBytes = 500): StoredRecord[] {
  const found: StoredRecord[] = [];
  const header = new BatchHeader();
  for (let next = from; next < log.highWatermark; ) {
    const { chunks, endOffset } = log.read(next, maxBytes, true);
    if (endOffset <= next) throw new Error(`a read at ${next} gets nowhere`);
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at = header.end) {
        if (!readBatchHeader(chunk, at, header) || !hasValidCrc(chunk, header)) throw new Error(`at ${next}`);
        if (!header.isControl) found.push(...recordsIn(chunk, header, next));
      }
    }
    next = endOffset;
  }
  return found;
}

function recordsIn(chunk: Buffer, header: BatchHeader, from: number): StoredRecord[] {
  const columns = new ColumnBatch(0, header.recordCount);
  readRecords(chunk, header, columns, new DecompressedBytes(), { startOffset: from });
  const text = (start: number, end: number) =>
    start < 0 ? null : Buffer.from(columns.bytes.subarray(start, end)).toString();
  return Array.from({ length: columns.count }, (_, i) => ({
    offset: columns.offsets[i]!,
    timestampMs: columns.recordTimes[i]!,
    key: text(columns.keyStart[i]!, columns.keyEnd[i]!),
    value: text(columns.valueStart[i]!, columns.valueEnd[i]!),
  }));
}
