import type { AnomalyError } from '../../errors.ts';

/** What a consumer knows of one partition that it reads. Offsets are the broker's. */
export class AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Next offset that poll returns. */
  position: number;
  /** Next offset to ask a broker for: ahead of `position` by what is fetched and not yet polled. */
  fetchOffset: number;
  /** Rises when fetched data no longer fits (seek, pause, revoke): slices of an older epoch are dropped. */
  epoch = 0;
  isPaused = false;
  isRevoked = false;
  /** High watermark, or last stable offset when read_committed; -1 before the first answer. */
  endOffset = -1;
  logStartOffset = -1;
  /** Reported by the next poll; the partition then rests until a seek. */
  error: AnomalyError | null = null;
  isErrorReported = false;
  leaderStale = false;
  /** When the present trouble began (ms of the monotonic clock), 0 without. */
  failingSinceMs = 0;
  lastReason = '';
  /** First offset of a batch that failed its CRC and is being fetched again; -1 without. */
  corruptOffset = -1;

  constructor(topic: string, partition: number, offset: number) {
    this.topic = topic;
    this.partition = partition;
    this.position = offset;
    this.fetchOffset = offset;
  }

  get isFetchable(): boolean {
    return !this.isPaused && !this.isRevoked && this.error === null && !this.leaderStale;
  }

  /** Forgets what is fetched ahead and goes on at `offset`. */
  seek(offset: number): void {
    this.position = offset;
    this.fetchOffset = offset;
    this.epoch += 1;
    this.error = null;
    this.isErrorReported = false;
    this.corruptOffset = -1;
  }

  /** Fetches again from the position: what was fetched ahead is dropped. */
  rewind(): void {
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
