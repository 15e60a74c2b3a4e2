// Transactions and group membership against a real Kafka, where its answers differ from Redpanda's and the embedded broker's.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { defineExactlyOnceContract, stageOf } from '../clients/exactlyOnceContract.ts';
import { type ContractContext, withClientOn } from '../clients/helpers/context.ts';
import { until } from '../clients/helpers/member.ts';
import { appendText } from '../clients/helpers/records.ts';
import { defineRebalanceContract } from '../clients/rebalanceContract.ts';
import { type Kafka, startKafka } from './helpers/services.ts';

const TRANSACTIONS = 'org.apache.kafka.tools.TransactionsCommand';

let kafka: Kafka;
before(async () => {
  // Kafka looks for transactions that timed out every 10 s by default.
  const properties = () => ['transaction.abort.timed.out.transaction.cleanup.interval.ms=200'];
  kafka = await startKafka({ properties, startsQuickly: true });
});
after(() => kafka?.remove());

const start = async () => ({ address: kafka.brokers, close: async () => {} });

for (const name of ['platformatic', 'librdkafka'] as const) {
  describe(`exactly once by ${name} on a real Kafka`, { timeout: 850_000 }, () =>
    withClientOn(start, name, (context) => {
      defineExactlyOnceContract(context);
      if (name === 'platformatic') {
        defineRebalanceContract(context);
        defineTimeoutTest(context);
      }
    }),
  );
}

/** Kafka fences with the timeout: only the epoch tells it from another producer. */
function defineTimeoutTest(context: ContractContext): void {
  test('a transaction that Kafka aborted by its timeout is sent again, and another producer still fences', async () => {
    const stage = await stageOf(context, { timeoutMs: 500 });
    const { producer, target, transactionalId } = stage;
    appendText(producer, target, 0, 'slow');
    await producer.flush();
    const state = () =>
      kafka.tool(TRANSACTIONS, [
        '--bootstrap-server',
        kafka.brokers,
        'describe',
        '--transactional-id',
        transactionalId,
      ]);
    await until('Kafka has aborted it', () => state().includes('CompleteAbort'));
    await producer.commitTransaction(stage.at(1), stage.member());
    assert.deepEqual(await stage.visible(), ['slow']);
    assert.equal(await stage.committed(), 1);
    appendText(producer, target, 0, 'slow again');
    await producer.flush();
    await until('Kafka has aborted it', () => state().includes('CompleteAbort'));
    const second = await (await context.open()).createTransactionalProducer({ transactionalId });
    await assert.rejects(producer.commitTransaction(stage.at(2), stage.member()), { code: 'ANM_PRODUCER_FENCED' });
    appendText(second, target, 0, 'of the second');
    await second.commitTransaction(stage.at(2), stage.member());
    assert.deepEqual(await stage.visible(), ['slow', 'of the second']);
    await stage.close();
  });
}
