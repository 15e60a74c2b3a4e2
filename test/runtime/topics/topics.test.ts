import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isAnomalyError } from '../../../src/errors.ts';
import { ensureSinks, sourceTopics } from '../../../src/runtime/topics/topics.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const sinks = (...names: string[]) => names.map((name) => ({ kind: 'late' as const, name }));

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

test('sources come in the order asked for; a missing one, or none at all, is refused and not created', async () => {
  const { admin } = world.client;
  await admin.createTopics([
    { name: 'one', partitions: 1 },
    { name: 'two', partitions: 2 },
  ]);
  const found = await sourceTopics(admin, ['two', 'one']);
  assert.deepEqual(
    found.map(({ name, partitions }) => [name, partitions.length]),
    [
      ['two', 2],
      ['one', 1],
    ],
  );
  await assert.rejects(sourceTopics(admin, ['one', 'gone']), (error) => {
    assert.ok(isAnomalyError(error) && error.code === 'ANM_TOPIC_MISSING');
    assert.match(`${error.message} ${error.hint}`, /topic gone .*rpk topic create gone/);
    return true;
  });
  await assert.rejects(sourceTopics(admin, []), { code: 'ANM_CONFIG' });
  assert.deepEqual(await admin.topics(['gone']), []);
});

test('sinks that are missing are created once, and one with too few partitions is refused', async () => {
  const { admin } = world.client;
  assert.deepEqual(await ensureSinks(admin, sinks('s1', 's2', 's1'), { partitions: 3 }), ['s1', 's2']);
  assert.deepEqual(await ensureSinks(admin, sinks('s1', 's2'), { partitions: 2 }), []);
  const [s1] = await admin.topics(['s1']);
  assert.equal(s1!.partitions.length, 3);
  await assert.rejects(ensureSinks(admin, sinks('s3', 's1'), { partitions: 4 }), (error) => {
    assert.ok(isAnomalyError(error) && error.code === 'ANM_CONFIG');
    assert.match(
      `${error.message} ${error.hint}`,
      /s1 as it has 3 partitions and the source has 4.*add-partitions s1 -n 1/,
    );
    return true;
  });
  assert.deepEqual(await admin.topics(['s3']), [], 'nothing is created when something is refused');
});
