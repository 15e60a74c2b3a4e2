import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Consumer } from '../../src/clients/client.ts';
import { stageOf } from './exactlyOnceContract.ts';
import { codeIs, type FaultContext } from './helpers/context.ts';
import { appendText, readRecords } from './helpers/records.ts';

/** Of the fast client, which goes on by a new epoch where librdkafka ends. */
export function defineEpochContract(context: FaultContext): void {
  const { broker } = context;

  for (const api of ['AddPartitionsToTxn', 'Produce', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'] as const) {
    for (const errorCode of [47, 48, 49]) {
      test(`${api} answers ${errorCode} as if the transaction were over: all of it again, once`, async () => {
        const stage = await stageOf(context);
        const { producer, target } = stage;
        broker().faults.inject({ api, errorCode });
        for (let i = 0; i < 4; i++) appendText(producer, target, i % 2, `${i}`);
        await producer.commitTransaction(stage.at(4), stage.member());
        assert.equal(broker().faults.armedCount, 0);
        assert.deepEqual((await stage.visible()).sort(), ['0', '1', '2', '3']);
        assert.equal(await stage.committed(), 4);
        await stage.close();
      });
    }
  }

  test('a member that has lost its generation commits nothing, and its records can be thrown away', async () => {
    const stage = await stageOf(context);
    const { producer, target } = stage;
    const { groupId, generation, memberId, instanceId } = stage.member();
    const stale = { groupId, generation: generation - 1, memberId, instanceId };
    appendText(producer, target, 0, 'kept');
    await assert.rejects(producer.commitTransaction(stage.at(1), stale), codeIs('ANM_GROUP_REBALANCED'));
    assert.deepEqual(await stage.visible(), []);
    appendText(producer, target, 0, 'and more');
    await producer.commitTransaction(stage.at(2), stage.member());
    assert.deepEqual(await stage.visible(), ['kept', 'and more']);
    appendText(producer, target, 0, 'thrown away');
    await assert.rejects(producer.commitTransaction(stage.at(3), stale), codeIs('ANM_GROUP_REBALANCED'));
    await producer.discard();
    appendText(producer, target, 0, 'last');
    await producer.commitTransaction(stage.at(4), stage.member());
    assert.deepEqual(await stage.visible(), ['kept', 'and more', 'last']);
    await stage.close();
  });

  test('an end that is done while its answers are lost and then refused is found by its mark, not repeated', async () => {
    const stage = await stageOf(context);
    const { producer, target } = stage;
    appendText(producer, target, 0, 'once');
    broker().faults.inject({ api: 'EndTxn', drop: 'after' });
    broker().faults.inject({ api: 'EndTxn', errorCode: 48 });
    const committing = producer.commitTransaction(stage.at(1), stage.member());
    appendText(producer, target, 0, 'next');
    await committing;
    assert.equal(broker().faults.armedCount, 0);
    assert.deepEqual(await stage.visible(), ['once']);
    await producer.commitTransaction(stage.at(2), stage.member());
    assert.deepEqual(await stage.visible(), ['once', 'next']);
    await stage.close();
  });

  test('a transaction that the broker aborted by its timeout is sent again', async () => {
    const stage = await stageOf(context, { timeoutMs: 100 });
    const { producer, target } = stage;
    appendText(producer, target, 0, 'slow');
    await producer.flush();
    const transaction = broker().context.transactions.get(stage.transactionalId)!;
    while (transaction.status !== 'CompleteAbort') await setTimeout(10);
    appendText(producer, target, 1, 'and late');
    await producer.commitTransaction(stage.at(1), stage.member());
    assert.deepEqual((await stage.visible()).sort(), ['and late', 'slow']);
    assert.equal(await stage.committed(), 1);
    await stage.close();
  });

  test('a broker that allows no such transaction timeout is named at the start', async () => {
    const client = await context.open();
    await assert.rejects(
      client.createTransactionalProducer({ transactionalId: 'endless', transactionTimeoutMs: 2 ** 30 }),
      codeIs('ANM_CONFIG', /transaction_timeout/),
    );
  });

  test('many small transactions: 10 ms each at p50, or what five times a record and a short timer take there', async () => {
    const stage = await stageOf(context);
    const { producer, target } = stage;
    const times: number[] = [];
    // Beside each one, what the machine makes of a single request and of a timer: who sleeps wakes late where it is busy.
    const [plain, plainTopic] = [await context.client().createProducer(), await context.topic()];
    const plainTimes: number[] = [];
    for (let i = 0; i < 200; i++) {
      for (let r = 0; r < 5; r++) appendText(producer, target, r % 2, `${i}/${r}`);
      const begunMs = performance.now();
      await producer.commitTransaction(stage.at(i + 1), stage.member());
      const betweenMs = performance.now();
      times.push(betweenMs - begunMs);
      appendText(plain, plainTopic, 0, `${i}`);
      await plain.flush();
      await setTimeout(2);
      plainTimes.push(performance.now() - betweenMs);
    }
    const [p50, plainP50] = [times, plainTimes].map((each) => each.sort((a, b) => a - b)[100]!) as [number, number];
    assert.ok(p50 < Math.max(10, 5 * plainP50), `p50 ${p50} ms, and ${plainP50} ms of a record and a timer`);
    await plain.close();
    const found = await readRecords(await readerOf(context, target), 1000);
    assert.equal([...found.values()].flat().length, 1000);
    await stage.close();
  });
}

async function readerOf({ client }: FaultContext, target: string): Promise<Consumer> {
  const reader = await client().createConsumer({ isolation: 'read_committed' });
  await reader.assign([0, 1].map((partition) => ({ topic: target, partition, offset: 0 })));
  return reader;
}
