import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Consumer, KafkaClient } from '../../src/clients/client.ts';
import type { ClientName } from '../../src/clients/connect.ts';
import type { TopicPartitionOffset } from '../../src/clients/topicPartition.ts';
import type { GroupMembership, TransactionalProducer } from '../../src/clients/transactions.ts';
import { RawClient } from '../broker/helpers/rawClient.ts';
import { RawProducer } from '../broker/helpers/rawProducer.ts';
import { type ContractContext, codeIs, type FaultContext, withClient } from './helpers/context.ts';
import { appendText, plainRecords } from './helpers/records.ts';

/** Records and source offsets as one transaction, as both clients write it. */
export function runExactlyOnceContract(name: ClientName): void {
  describe(`transactions, written by the client ${name}`, { timeout: 600_000 }, () => {
    withClient(name, (context) => {
      defineExactlyOnceContract(context);
      defineTransactionFaults(context);
      defineStabilityTests(context);
    });
  });
}

/** A member of a group that holds all partitions of a source of its own, and a producer of a topic of its own. */
export interface Stage {
  readonly client: KafkaClient;
  readonly source: string;
  readonly target: string;
  readonly groupId: string;
  readonly transactionalId: string;
  readonly consumer: Consumer;
  readonly producer: TransactionalProducer;
  member(): GroupMembership;
  at(offset: number): TopicPartitionOffset[];
  /** Values that a read_committed consumer finds in the target. */
  visible(): Promise<string[]>;
  committed(): Promise<number>;
  close(): Promise<void>;
}

export async function stageOf(context: ContractContext, options: { timeoutMs?: number } = {}): Promise<Stage> {
  const { client: shared, topic, open } = context;
  const [source, target] = [await topic(2), await topic(2)];
  const client = await open({ retryTimeoutMs: 60_000 });
  const [groupId, transactionalId] = [`group-${source}`, `tx-${source}`];
  const consumer = await client.createConsumer({ groupId, sessionTimeoutMs: 60_000, heartbeatIntervalMs: 50 });
  await consumer.subscribe([source], 'earliest', { onRevoked: async () => {}, onAssigned: async () => undefined });
  while (consumer.membership() === undefined) await consumer.poll(5);
  await consumer.poll(5);
  const producer = await client.createTransactionalProducer({
    transactionalId,
    transactionTimeoutMs: options.timeoutMs ?? 60_000,
  });
  const at = (offset: number) => [{ topic: source, partition: 0, offset }];
  return {
    client,
    source,
    target,
    groupId,
    transactionalId,
    consumer,
    producer,
    at,
    member: () => consumer.membership()!,
    visible: async () => {
      const reader = await shared().createConsumer({ isolation: 'read_committed', maxWaitMs: 20 });
      await reader.assign([0, 1].map((partition) => ({ topic: target, partition, offset: 0 })));
      const values: string[] = [];
      // Silence counts once the broker has answered for both: a machine that is busy is silent, too.
      const isAnswered = () => [0, 1].every((partition) => reader.endOffset(target, partition) >= 0);
      for (let silent = 0; silent < 3; ) {
        const batch = await reader.poll(50);
        if (batch === null) silent += isAnswered() ? 1 : 0;
        else values.push(...plainRecords(batch).map(({ value }) => value!));
      }
      await reader.close();
      return values;
    },
    // Kafka writes the offsets' markers after EndTxn's answer: stable ones are waited for.
    committed: async () => (await consumer.committed(at(0)))[0]!.offset,
    close: async () => {
      await producer.close().catch(() => {});
      await consumer.close();
    },
  };
}

/** The tests that hold on any broker. */
export function defineExactlyOnceContract(context: ContractContext): void {
  test('records and offsets show together with the commit, and not before', async () => {
    const stage = await stageOf(context);
    const { producer, target } = stage;
    for (let i = 0; i < 10; i++) appendText(producer, target, i % 2, `${i}`);
    await producer.flush();
    assert.deepEqual(await stage.visible(), []);
    assert.equal(await stage.committed(), -1);
    await producer.commitTransaction(stage.at(5), stage.member());
    assert.deepEqual((await stage.visible()).sort(), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    assert.equal(await stage.committed(), 5);
    assert.equal(producer.stats.recordsAcknowledged, 10);
    await stage.close();
  });

  test('records appended during a commit belong to the next one', async () => {
    const stage = await stageOf(context);
    const { producer, target } = stage;
    const expected: string[] = [];
    let commit: Promise<void> | null = null;
    for (let i = 0; i < 40; i++) {
      appendText(producer, target, 0, `${i}`);
      expected.push(`${i}`);
      await commit;
      commit = producer.commitTransaction(stage.at(i + 1), stage.member());
    }
    appendText(producer, target, 0, 'uncommitted');
    await commit;
    assert.equal(await stage.committed(), 40);
    assert.deepEqual(await stage.visible(), expected);
    await producer.discard();
    appendText(producer, target, 0, 'after');
    await producer.commitTransaction(stage.at(41), stage.member());
    assert.deepEqual(await stage.visible(), [...expected, 'after']);
    await stage.close();
  });

  test('offsets alone are committed; nothing at all is nothing; records without offsets are refused', async () => {
    const stage = await stageOf(context);
    const { producer, target } = stage;
    await producer.commitTransaction([], stage.member());
    await producer.commitTransaction(stage.at(3), stage.member());
    assert.equal(await stage.committed(), 3);
    appendText(producer, target, 0, 'x');
    await assert.rejects(producer.commitTransaction([], stage.member()), codeIs('ANM_INTERNAL', /no source offsets/));
    await stage.close();
    assert.deepEqual(await stage.visible(), [], 'a close aborts');
  });

  test('offsets of a group without members are committed as nobody in particular', async () => {
    const stage = await stageOf(context);
    const { producer, target, source } = stage;
    const groupId = context.named(`memberless-${source}`);
    const nobody = { groupId, generation: -1, memberId: '', instanceId: null };
    appendText(producer, target, 0, 'a');
    await producer.commitTransaction(stage.at(4), nobody);
    appendText(producer, target, 0, 'b');
    await producer.commitTransaction(stage.at(5), nobody);
    const reader = await stage.client.createConsumer({ groupId });
    assert.deepEqual(await reader.committed(stage.at(0)), stage.at(5));
    assert.deepEqual(await stage.visible(), ['a', 'b']);
    await reader.close();
    await stage.close();
  });

  test('a second producer of the id fences the first, whose records stay invisible', async () => {
    const stage = await stageOf(context);
    const { producer, target, transactionalId } = stage;
    appendText(producer, target, 0, 'of the first');
    await producer.flush();
    const other = await context.open();
    const second = await other.createTransactionalProducer({ transactionalId });
    appendText(second, target, 0, 'of the second');
    await assert.rejects(producer.commitTransaction(stage.at(1), stage.member()), codeIs('ANM_PRODUCER_FENCED'));
    await second.commitTransaction(stage.at(2), stage.member());
    assert.deepEqual(await stage.visible(), ['of the second']);
    assert.equal(await stage.committed(), 2);
    await assert.rejects(producer.commitTransaction(stage.at(9), stage.member()), codeIs('ANM_PRODUCER_FENCED'));
    await second.close();
    await stage.close();
  });
}

/** What only the embedded broker can be told to do. */
function defineTransactionFaults(context: FaultContext): void {
  const { broker } = context;

  /** Arms faults, commits, and expects that the commit came through, once, whatever the broker did. */
  async function survives(arm: () => void): Promise<void> {
    const stage = await stageOf(context);
    const { producer, target } = stage;
    appendText(producer, target, 0, 'first');
    await producer.commitTransaction(stage.at(1), stage.member());
    const { faults } = broker();
    arm();
    for (let i = 0; i < 6; i++) appendText(producer, target, i % 2, `${i}`);
    const committing = producer.commitTransaction(stage.at(7), stage.member());
    appendText(producer, target, 0, 'next');
    await committing;
    assert.equal(faults.armedCount, 0, 'every fault has struck');
    assert.deepEqual((await stage.visible()).sort(), ['0', '1', '2', '3', '4', '5', 'first']);
    assert.equal(await stage.committed(), 7);
    await producer.commitTransaction(stage.at(8), stage.member());
    assert.deepEqual((await stage.visible()).sort(), ['0', '1', '2', '3', '4', '5', 'first', 'next']);
    await stage.close();
  }

  for (const api of ['AddPartitionsToTxn', 'Produce', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'] as const) {
    for (const drop of ['before', 'after'] as const) {
      test(`a connection that breaks ${drop} ${api} is done costs nothing`, () =>
        survives(() => broker().faults.inject({ api, drop })));
    }
  }

  for (const [api, errorCode, what] of [
    ['AddPartitionsToTxn', 51, 'the markers before are not written yet'],
    ['AddPartitionsToTxn', 16, 'the coordinator moves'],
    ['AddOffsetsToTxn', 15, 'the coordinator is away'],
    ['TxnOffsetCommit', 14, 'the group is loading'],
    ['TxnOffsetCommit', 16, 'the group moves'],
    ['EndTxn', 16, 'the coordinator moves at the end'],
    ['EndTxn', 51, 'the end is under way'],
  ] as const) {
    test(`${what} (${api} answers ${errorCode}): asked again`, () =>
      survives(() => broker().faults.inject({ api, errorCode, count: 3 })));
  }
}

/** Another producer's open transaction on the offsets of the stage's group. */
async function openOffsets(context: FaultContext, stage: Stage, offset: number): Promise<RawProducer> {
  const raw = await RawClient.to(context.broker());
  const other = await new RawProducer(raw, `${stage.transactionalId}-other`).ready();
  const group = context.broker().context.groups.get(stage.groupId)!;
  const memberId = [...group.members.keys()][0]!;
  assert.equal(await other.addOffsets(stage.groupId), 0);
  const member = { generationId: group.generationId, memberId };
  assert.equal(await other.commitOffset(stage.groupId, stage.source, offset, member), 0);
  return other;
}

function defineStabilityTests(context: FaultContext): void {
  test('offsets that a transaction may still change are waited for', async () => {
    const stage = await stageOf(context);
    const other = await openOffsets(context, stage, 17);
    let isRead = false;
    const reading = stage.consumer.committed(stage.at(0)).finally(() => {
      isRead = true;
    });
    for (let i = 0; i < 3; i++) await stage.consumer.poll(10);
    assert.equal(isRead, false);
    assert.equal(await other.end(true), 0);
    assert.deepEqual(await reading, stage.at(17));
    await stage.close();
  });

  test('the wait for stable offsets ends, and names its settings', async () => {
    const stage = await stageOf(context);
    const other = await openOffsets(context, stage, 17);
    const hasty = await context.open({ retryTimeoutMs: 50 });
    const consumer = await hasty.createConsumer({ groupId: stage.groupId, transactionTimeoutMs: 100 });
    await assert.rejects(consumer.committed(stage.at(0)), codeIs('ANM_TIMEOUT', /transaction_timeout/));
    const unstable = await hasty.createConsumer({ groupId: stage.groupId, requireStable: false });
    assert.deepEqual(await unstable.committed(stage.at(0)), stage.at(-1));
    await other.end(false);
    assert.deepEqual(await consumer.committed(stage.at(0)), stage.at(-1));
    await stage.close();
  });
}
