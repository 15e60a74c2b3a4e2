import type { Consumer } from '../../clients/client.ts';
import type { Producer } from '../../clients/producer.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { GroupMembership, TransactionalProducer } from '../../clients/transactions.ts';
import { AnomalyError } from '../../errors.ts';
import type { JournalRecord } from '../journal/journalRecord.ts';
import type { JournalWriter } from '../journal/journalWriter.ts';

/**
 * How outputs, journal records and source offsets become valid. A call to `commit` covers everything appended to the
 * producer before it, synchronously: what is appended while it is under way belongs to the next one. One at a time.
 */
export interface Committer {
  /** A commit for each alert that waits, at least 10 ms apart: outputs are not readable before. */
  readonly isNeededToRead: boolean;
  /** So much is put out that only a commit makes room. */
  readonly isFull: boolean;
  /**
   * @throws ANM_GROUP_REBALANCED the group takes no commit of this member now: what was written stays for the next call,
   *   or for `discard`
   */
  commit(records: readonly JournalRecord[], offsets: readonly TopicPartitionOffset[]): Promise<void>;
  /** Journals at once what has to stand there before anything is read: the fence of the guarantee that has no other. */
  claim(records: readonly JournalRecord[]): Promise<void>;
  /**
   * Throws away what is not committed. True where that took outputs of every partition, so that those that stay have to
   * be recovered as well.
   */
  discard(): Promise<boolean>;
}

/** Outputs acknowledged, then the journal, then the offsets: death in between repeats outputs and loses none. */
export class AtLeastOnceCommitter implements Committer {
  readonly isNeededToRead = false;
  readonly isFull = false;
  readonly #producer: Producer;
  readonly #consumer: Pick<Consumer, 'commit'>;
  readonly #journal: JournalWriter | undefined;

  constructor(producer: Producer, consumer: Pick<Consumer, 'commit'>, journal: JournalWriter | undefined) {
    this.#producer = producer;
    this.#consumer = consumer;
    this.#journal = journal;
  }

  async commit(records: readonly JournalRecord[], offsets: readonly TopicPartitionOffset[]): Promise<void> {
    await this.#producer.flush();
    await this.claim(records);
    if (offsets.length > 0) await this.#consumer.commit(offsets);
  }

  async claim(records: readonly JournalRecord[]): Promise<void> {
    if (records.length === 0 || this.#journal === undefined) return;
    for (const record of records) this.#journal.append(record);
    await this.#producer.flush();
  }

  /** What is with the producer will be written: repeats of it are what at least once means. */
  async discard(): Promise<boolean> {
    return false;
  }
}

/** Everything in one transaction of the member's producer, which proves the group's generation (KIP-447). */
export class ExactlyOnceCommitter implements Committer {
  readonly isNeededToRead = true;
  readonly #producer: TransactionalProducer;
  readonly #membership: () => GroupMembership | undefined;
  readonly #journal: JournalWriter | undefined;

  constructor(
    producer: TransactionalProducer,
    membership: () => GroupMembership | undefined,
    journal: JournalWriter | undefined,
  ) {
    this.#producer = producer;
    this.#membership = membership;
    this.#journal = journal;
  }

  get isFull(): boolean {
    return this.#producer.needsCommit;
  }

  async commit(records: readonly JournalRecord[], offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const membership = this.#membership();
    if (membership === undefined) {
      throw new AnomalyError('ANM_GROUP_REBALANCED', 'cannot commit as this member has lost its partitions');
    }
    // Appended and cut in one turn: an output of a later record must not get in between.
    for (const record of records) this.#journal?.append(record);
    await this.#producer.commitTransaction(offsets, membership);
  }

  /** The generation in the transaction is the fence: nothing has to stand in the journal before. */
  async claim(): Promise<void> {}

  async discard(): Promise<boolean> {
    await this.#producer.discard();
    return true;
  }
}
