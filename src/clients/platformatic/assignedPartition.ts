import type { AnomalyError } from '../../errors.ts';
import type { DecompressedBytes } from '../../wire/compression.ts';
import { PartitionReader } from '../../wire/partitionReader.ts';

/** What a consumer knows of one partition that it reads. Offsets are the broker's. */
export class AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Walks the fetched bytes; its position is the next offset that poll returns. */
  readonly reader: PartitionReader;
  /** Next offset to ask a broker for: ahead of `position` by what is fetched and not yet polled. */
  fetchOffset: number;
  /** Rises when fetched data no longer fits (seek, pause, revoke): slices of an older epoch are dropped. */
  epoch = 0;
  isPaused = false;
  isRevoked = false;
  /** High watermark, or last stable offset when read_committed; -1 before the first answer. */
  endOffset = -1;
  /** When the fetch was sent whose answer told it, ms of the monotonic clock. */
  endAskedMs = -Infinity;
  /** Reported by the next poll; the partition then rests until a seek. */
  error: AnomalyError | null = null;
  isErrorReported = false;
  leaderStale = false;
  /** When the present trouble began (ms of the monotonic clock), 0 without. */
  failingSinceMs = 0;
  /** First offset of a batch that could not be read and is being fetched again; -1 without. */
  corruptOffset = -1;
  /** A hole in its offsets is being looked into: no fetch until that is done. */
  isChecking = false;
  /** Bytes to ask for, more than usual when a batch did not fit; 0 = the consumer's setting. */
  wantedBytes = 0;

  constructor(
    topic: string,
    partition: number,
    offset: number,
    isolation: 'read_committed' | 'read_uncommitted',
    scratch: DecompressedBytes,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.reader = new PartitionReader(offset, { isolation, scratch });
    this.fetchOffset = offset;
  }

  /** Next offset that poll returns. */
  get position(): number {
    return this.reader.position;
  }

  get isFetchable(): boolean {
    return !this.isPaused && !this.isRevoked && !this.isChecking && this.error === null && !this.leaderStale;
  }

  /** Forgets what is fetched ahead and goes on at `offset`. */
  seek(offset: number): void {
    this.reader.seek(offset);
    this.fetchOffset = offset;
    this.epoch += 1;
    this.isChecking = false;
    this.wantedBytes = 0;
    this.error = null;
    this.isErrorReported = false;
    this.failingSinceMs = 0;
    this.corruptOffset = -1;
  }

  /** Fetches again from the position: what was fetched ahead is dropped. */
  rewind(): void {
    this.reader.seek(this.position);
    this.isChecking = false;
    this.fetchOffset = this.position;
    this.epoch += 1;
  }

  /** Another member's, or nobody's, from now on. */
  revoke(): void {
    this.isRevoked = true;
    this.epoch += 1;
  }

  fail(error: AnomalyError): void {
    this.error = error;
    this.isErrorReported = false;
  }
}
