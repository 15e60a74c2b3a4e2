import { randomUUID } from 'node:crypto';
import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { Producer } from '../../clients/producer.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { JournalWriter } from '../journal/journalWriter.ts';
import { AtLeastOnceCommitter, type Committer, ExactlyOnceCommitter } from './committer.ts';

export interface GroupOptions {
  readonly client: Pick<KafkaClient, 'createProducer' | 'createTransactionalProducer' | 'createConsumer'>;
  readonly config: Pick<PipelineConfig, 'guarantee' | 'transactionTimeoutMs' | 'instance'>;
  readonly groupId: string;
  readonly fieldCount: number;
  readonly rebalance: 'eager' | 'cooperative';
  /** Of the member among those of the group, the same at its next start; absent: drawn anew. `instance` goes before it. */
  readonly memberName?: string;
  /** Absent where there is no state. */
  readonly journalTopic?: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A member of a group: what it reads with, what it writes with, and how that becomes valid. */
export interface GroupMember {
  readonly consumer: Consumer;
  readonly producer: Producer;
  readonly committer: Committer;
  /** Names the process in the journal: drawn anew at each start. */
  readonly member: string;
}

/**
 * @throws ANM_UNSUPPORTED where the client has no transactions; ANM_CONFIG where transaction_timeout is above the broker's
 *   transaction.max.timeout.ms
 */
export async function openGroup(options: GroupOptions): Promise<GroupMember> {
  const { client, config, groupId, fieldCount, rebalance, memberName, journalTopic, now } = options;
  const { guarantee, transactionTimeoutMs, instance } = config;
  const member = randomUUID().slice(0, 8);
  const journal = (producer: Producer) =>
    journalTopic === undefined ? undefined : new JournalWriter(journalTopic, producer, now);
  const open = () =>
    client.createConsumer({
      ...{ groupId, fieldCount, rebalance, transactionTimeoutMs },
      ...(instance !== undefined && { instanceId: instance }),
    });
  if (guarantee === 'at-least-once') {
    const producer = await client.createProducer({ idempotent: true, lingerMs: 0 });
    const consumer = await open();
    return { consumer, producer, member, committer: new AtLeastOnceCommitter(producer, consumer, journal(producer)) };
  }
  // Whoever writes with the id ends what its former self left open and fences it, and nobody else.
  const transactionalId = `${groupId}-${instance ?? memberName ?? member}`;
  const producer = await client.createTransactionalProducer({ transactionalId, transactionTimeoutMs, lingerMs: 0 });
  const consumer = await open();
  const membership = () => consumer.membership();
  return { consumer, producer, member, committer: new ExactlyOnceCommitter(producer, membership, journal(producer)) };
}
