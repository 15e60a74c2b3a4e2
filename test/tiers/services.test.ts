// What the other tiers stand on: the real services start, answer, keep their data over a kill, and end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApicurio, startKafka } from './helpers/services.ts';

const TOPICS = 'org.apache.kafka.tools.TopicCommand';

test('Kafka starts, keeps its topics over kill -9, and ends with its data removed', async () => {
  const first = await startKafka();
  const { dataDir, port, controllerPort } = first;
  first.tool(TOPICS, ['--bootstrap-server', first.brokers, '--create', '--topic', 'kept', '--partitions', '3']);
  await first.stop('SIGKILL');
  assert.throws(() => process.kill(first.pid, 0));
  const second = await startKafka({ dataDir, port, controllerPort });
  assert.equal(second.tool(TOPICS, ['--bootstrap-server', second.brokers, '--list']).trim(), 'kept');
  await second.remove();
});

test('a broker that cannot start says why', async () => {
  const properties = () => ['listeners=NONSENSE'];
  await assert.rejects(startKafka({ properties }), /kafka\.sh ended as it started:(.|\n)*NONSENSE/);
});

test('Apicurio starts and takes a schema', async () => {
  const registry = await startApicurio();
  const response = await fetch(`${registry.url}/subjects/s-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schema: '"string"' }),
  });
  assert.equal(response.status, 200, await response.text());
  assert.deepEqual(await (await fetch(`${registry.url}/subjects`)).json(), ['s-value']);
  await registry.remove();
});
