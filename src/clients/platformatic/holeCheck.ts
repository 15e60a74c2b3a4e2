import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { BatchHeader, readBatchHeader } from '../../wire/batchHeader.ts';
import { encodeFetchRequest, FetchedPartition, readFetchResponse } from '../../wire/fetch.ts';
import { kafkaError, protocolFailure } from '../kafkaErrors.ts';
import type { PlatformaticAdmin } from './admin.ts';
import type { Cluster } from './cluster.ts';
import type { FoundHole } from './responseReader.ts';

const CHECK_BYTES = 64 * 1024;

/** What a second look at a hole in the offsets found. */
export type HoleVerdict = 'compacted' | 'empty' | 'records';

/**
 * Looks at a hole once more: is the topic compacted, and if not, does a raw fetch (read_uncommitted, this partition
 * alone) from its first offset bring a batch that lies in it? A hole that stays empty is the broker's own.
 */
export class HoleCheck {
  readonly #cluster: Cluster;
  readonly #admin: PlatformaticAdmin;
  readonly #compacted = new Map<string, boolean>();

  constructor(cluster: Cluster, admin: PlatformaticAdmin) {
    this.#cluster = cluster;
    this.#admin = admin;
  }

  async look(hole: FoundHole): Promise<HoleVerdict> {
    const { topic } = hole.partition;
    if (await this.#isCompacted(topic)) return 'compacted';
    const first = await this.#firstOffsetFrom(hole);
    return first >= 0 && first < hole.to ? 'records' : 'empty';
  }

  /** Records are there that the reader stepped over. */
  static gap(hole: FoundHole): AnomalyError {
    const { topic, partition } = hole.partition;
    return new AnomalyError(
      'ANM_OFFSET_GAP',
      `cannot go on with ${topic} partition ${partition} as offsets ${hole.from} to ${hole.to - 1} were skipped, and the broker has records there`,
      { details: { topic, partition, firstOffset: hole.from, nextOffset: hole.to } },
    );
  }

  async #isCompacted(topic: string): Promise<boolean> {
    const known = this.#compacted.get(topic);
    if (known !== undefined) return known;
    let isCompacted = false;
    try {
      isCompacted = (await this.#admin.topicConfigs(topic)).get('cleanup.policy')?.includes('compact') ?? false;
    } catch (error) {
      // Without the right to read configurations every hole is looked at; slower, and as safe.
      this.#cluster.log('debug', `cannot read the cleanup policy of ${topic}`, { reason: (error as Error).message });
    }
    this.#compacted.set(topic, isCompacted);
    return isCompacted;
  }

  /** First offset of the first batch at or after the hole's start that reaches into it, or -1. */
  async #firstOffsetFrom(hole: FoundHole): Promise<number> {
    const { topic, partition } = hole.partition;
    const cluster = this.#cluster;
    return cluster.retry(`fetch ${topic} partition ${partition} again at offset ${hole.from}`, async () => {
      await cluster.metadata([topic]);
      const socket = await cluster.connection(cluster.leader(topic, partition), 'control');
      const correlationId = socket.nextCorrelationId();
      const limits = { maxWaitMs: 0, minBytes: 1, maxBytes: CHECK_BYTES, isolation: 'read_uncommitted' } as const;
      const request = encodeFetchRequest(correlationId, cluster.options.clientId ?? 'anomaly', limits, [
        { topic, partitions: [partition], offsets: [hole.from], maxBytes: [CHECK_BYTES] },
      ]);
      return new Promise<number>((resolve, reject) => {
        const onFrame = (frame: Uint8Array) => {
          try {
            resolve(firstInAnswer(frame, hole));
          } catch (error) {
            // A damaged answer is asked for again; it says nothing of the others on this connection.
            reject(isAnswered(error) ? error : new Error((error as Error).message, { cause: error }));
          }
        };
        socket.sendFrame(correlationId, [request], cluster.requestTimeoutMs, onFrame, reject);
      });
    });
  }
}

/** First offset of the hole that the answer has, or -1; throws the partition's error code. */
function firstInAnswer(frame: Uint8Array, hole: FoundHole): number {
  const { topic, partition } = hole.partition;
  let first = -1;
  readFetchResponse(frame, new FetchedPartition(), (fetched) => {
    if (fetched.errorCode !== 0) {
      throw protocolFailure(fetched.errorCode, `fetch ${topic} partition ${partition} again`, {
        final: kafkaError(fetched.errorCode).retry === 'no',
      });
    }
    first = firstOffsetWithin(frame, fetched, hole);
  });
  return first;
}

/** Whether the broker answered with an error code, so that the answer itself was whole. */
function isAnswered(error: unknown): boolean {
  return isAnomalyError(error) && error.details['kafkaErrorCode'] !== undefined;
}

/** The first offset that a batch of the answer covers from the hole's start on; control batches hold no records. */
function firstOffsetWithin(frame: Uint8Array, fetched: FetchedPartition, hole: FoundHole): number {
  const header = new BatchHeader();
  let at = fetched.recordsStart;
  while (readBatchHeader(frame, at, header, fetched.recordsEnd)) {
    if (header.nextOffset > hole.from && !header.isControl) return Math.max(header.baseOffset, hole.from);
    at = header.end;
  }
  return -1;
}
