import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { stableEnds, topicBatches } from '../../../src/runtime/input/topicSource.ts';
import { readDeadLetter } from '../../../src/runtime/output/deadLetter.ts';
import { RedriveLedger } from '../../../src/runtime/redrive/ledger.ts';
import { RedriveSender } from '../../../src/runtime/redrive/sender.ts';
import { readTopic, send, startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const none = () => {};
const signal = new AbortController().signal;

test('a second redrive of the same dead letters fences the first, and what that had open is not there', async () => {
  const { client } = world;
  await send(client, 'src', 1, []);
  await send(
    client,
    'src.dlq',
    1,
    [0, 1, 2].map((i) => ({ partition: 0, key: 'k', value: `letter ${i}` })),
  );
  const ledger = new RedriveLedger('src.dlq');
  await ledger.ensure(client.admin);
  const first = await RedriveSender.open(client, ledger, Date.now);
  assert.ok(first.isTransactional);
  const sendAll = async (sender: RedriveSender) => {
    const range = {
      from: [{ topic: 'src.dlq', partition: 0, offset: 0 }],
      to: [{ topic: 'src.dlq', partition: 0, offset: 3 }],
    };
    for await (const batch of topicBatches(client, range, signal, none)) {
      for (let index = 0; index < batch.count; index++) {
        const letter = readDeadLetter(batch, index);
        await sender.send({ letter, batch, index, topic: 'src', partition: 0, value: undefined });
      }
    }
  };
  await sendAll(first);
  const second = await RedriveSender.open(client, ledger, Date.now);
  await assert.rejects(first.commit(), { code: 'ANM_PRODUCER_FENCED' });
  await first.close();
  await sendAll(second);
  await second.commit();
  await second.close();
  const values = (await readTopic(world, 'src'))[0]!.map(({ value }) => value);
  assert.deepEqual(values, ['letter 0', 'letter 1', 'letter 2']);
  await ledger.load(client, signal, none, 'end');
  const letter = { topic: 'src.dlq', partition: 0 };
  for (const [offset, isDone] of [
    [0, true],
    [2, true],
    [3, false],
  ] as const) {
    assert.equal(
      ledger.has({ ...letter, offset, sourceTopic: null, sourcePartition: null, sourceOffset: null } as never),
      isDone,
    );
  }
});

test('an open transaction ends what is read of a topic, and does not hold the reader up', async () => {
  const { client } = world;
  await send(client, 'open', 1, [{ partition: 0, key: 'k', value: 'before' }]);
  const producer = await client.createTransactionalProducer({ transactionalId: 'open' });
  const value = Buffer.from('open');
  producer.append('open', 0, Date.now(), null, -1, -1, value, 0, value.length);
  await producer.flush();
  const place = { topic: 'open', partition: 0 };
  const [end] = await client.admin.listOffsets([place], 'latest');
  const [stable] = await stableEnds(client, [place]);
  assert.equal(stable!.offset, 1);
  assert.ok(end!.offset > 1, 'the record is in the log');
  await producer.commitTransaction([{ ...place, offset: 0 }], {
    groupId: 'g',
    generation: -1,
    memberId: '',
    instanceId: null,
  });
  await producer.close();
  const [after] = await stableEnds(client, [place]);
  assert.ok(after!.offset >= 2, `${after!.offset}`);
});
