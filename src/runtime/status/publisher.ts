import type { Producer, ProducerStats } from '../../clients/producer.ts';
import { type MemberStatus, statusChange } from '../../observe/status.ts';
import { encodeStatus, statusKey } from '../../observe/statusRecord.ts';
import type { Logger } from '../../output/logger.ts';
import { STATUS_HEARTBEAT_MS } from '../topics/operationTopics.ts';

export interface PublisherOptions {
  readonly topic: string;
  readonly createProducer: () => Promise<Producer>;
  /** Of every member that this process answers for. */
  readonly statuses: () => readonly MemberStatus[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
  /** The broker has told when it appended a record, by its clock. */
  readonly onAppend?: (append: NonNullable<ProducerStats['lastAppend']>) => void;
}

/**
 * Writes a record a member to the status topic: at each tick where something changed, else as a heartbeat. A failure is
 * said once and tried again: a pipeline does not end because nobody can look at it.
 */
export class StatusPublisher {
  readonly #options: PublisherOptions;
  readonly #sent = new Map<string, { change: string; atMs: number }>();
  #producer: Producer | undefined;
  #busy: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Publishes what is due. A tick that comes while the last one is on its way does nothing. */
  async tick(): Promise<void> {
    if (this.#busy !== undefined) return;
    await this.#publish(false);
  }

  /** The last word of each member: a tombstone where it ended in order, its failure where not. */
  async close(): Promise<void> {
    await this.#busy;
    await this.#publish(true);
    await this.#producer?.close().catch(() => {});
    this.#producer = undefined;
  }

  async #publish(isLast: boolean): Promise<void> {
    this.#busy = this.#send(isLast)
      .then(() => {
        this.#isFailing = false;
      })
      .catch(async (error: unknown) => {
        const { logger, topic } = this.#options;
        if (!this.#isFailing) logger.warn(`cannot publish status to ${topic}: ${(error as Error).message}`);
        this.#isFailing = true;
        this.#sent.clear();
        const producer = this.#producer;
        this.#producer = undefined;
        await producer?.close().catch(() => {});
      })
      .finally(() => {
        this.#busy = undefined;
      });
    await this.#busy;
  }

  async #send(isLast: boolean): Promise<void> {
    const { statuses, now, createProducer } = this.#options;
    const time = now();
    const due = statuses().filter((status) => isLast || this.#isDue(status, time));
    if (due.length === 0) return;
    this.#producer ??= await createProducer();
    for (const status of due) this.#append(this.#producer, status, isLast && status.state !== 'failed');
    await this.#producer.flush();
    const { lastAppend } = this.#producer.stats;
    if (lastAppend !== undefined) this.#options.onAppend?.(lastAppend);
    for (const status of due) this.#sent.set(statusKey(status), { change: statusChange(status), atMs: time });
  }

  #isDue(status: MemberStatus, timeMs: number): boolean {
    const sent = this.#sent.get(statusKey(status));
    return sent === undefined || timeMs - sent.atMs >= STATUS_HEARTBEAT_MS || statusChange(status) !== sent.change;
  }

  #append(producer: Producer, status: MemberStatus, isTombstone: boolean): void {
    const key = new TextEncoder().encode(statusKey(status));
    const value = isTombstone ? null : encodeStatus(status);
    const [start, end] = value === null ? [-1, -1] : [0, value.length];
    producer.append(this.#options.topic, 0, this.#options.now(), key, 0, key.length, value, start, end);
  }
}
