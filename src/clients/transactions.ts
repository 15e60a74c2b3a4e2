import type { Producer, ProducerOptions } from './producer.ts';
import type { TopicPartitionOffset } from './topicPartition.ts';

/** A consumer as its group knows it: what a transaction that commits its offsets has to prove (KIP-447). */
export interface GroupMembership {
  readonly groupId: string;
  readonly generation: number;
  readonly memberId: string;
  readonly instanceId: string | null;
  /**
   * For who was refused in `generation`, by that Kafka error code: waits for the rebalance under way, and says whether this
   * is a member of a later generation by now that still holds all that it held. Then the same commit is due again.
   */
  rejoined?(generation: number, errorCode: number): Promise<boolean>;
}

/**
 * A producer whose records become visible together with the source offsets that they are of.
 *
 * `append` may be called at any time. A record belongs to the next `commitTransaction` that is called after it; while one
 * is under way, records of the following one gather, unsent, within the producer's bounds.
 */
export interface TransactionalProducer extends Producer {
  /**
   * Commits everything appended before this call together with `offsets`, as one transaction. Records are kept until the
   * broker has said the end: when the transaction was aborted they are sent again in a new one, and when the outcome is
   * unknown the producer gets a new epoch and the group's offsets (require_stable, with this transaction's mark in the
   * offset's metadata) decide. So it resolves when all is committed exactly once. One call at a time. Without records and
   * offsets nothing is sent; records without offsets are refused, as nothing would tell an unknown outcome.
   *
   * @throws ANM_PRODUCER_FENCED another process has the transactional id: this one must stop
   * @throws ANM_INSTANCE_FENCED another process has the group instance: this one must stop
   * @throws ANM_GROUP_REBALANCED the membership is no longer the group's: the transaction is aborted, the records are kept
   *   for the next call, or thrown away by `discard`
   */
  commitTransaction(offsets: readonly TopicPartitionOffset[], member: GroupMembership): Promise<void>;
  /**
   * Whether half of `bufferBytes` is held: time to commit. Only that frees it, so `ready` holds the caller back while a
   * commit is under way, and not before.
   */
  readonly needsCommit: boolean;
  /** Resolves when everything appended is acknowledged, which is not yet committed. */
  flush(): Promise<void>;
  /** Aborts what is not committed. */
  close(): Promise<void>;
  /** Throws away what is not committed: its source partitions are another's, who will compute it again. */
  discard(): Promise<void>;
}

export interface TransactionalProducerOptions extends Omit<ProducerOptions, 'idempotent'> {
  readonly transactionalId: string;
  /** Setting transaction_timeout: the broker aborts a transaction that is open for longer. Default 60000. */
  readonly transactionTimeoutMs?: number;
}
