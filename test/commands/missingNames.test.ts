// Whatever is asked for by a name that is not there: the answer says what is missing, and what near it there is.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import { send, startWorld, type World } from '../helpers/world.ts';

const YAML = `
version: 1
pipeline: pump-room
source: {topics: [raw-sensors], time: ts}
time: {max_ahead: off}
score: {detector: rolling-z}
alerts: {enabled: true}
`;
let world: World;
before(async () => {
  world = await startWorld();
  writeFileSync(`${world.dir}/anomaly.yaml`, YAML);
  writeFileSync(`${world.dir}/s.avsc`, '"string"');
  await send(world.client, 'raw-sensors', 1, [
    { partition: 0, key: 'pump-1', value: { ts: 1_700_000_000_000, value: 1 } },
  ]);
  const { code, stderr } = await world.run(['run', '--until', 'end']);
  assert.equal(code, 0, stderr);
  await createRegistry({ urls: [world.registryUrl] }).register('raw-sensors-value', '"string"');
});
after(() => world.close());

async function refused(code: string, exit: number, ...argv: string[]): Promise<{ message: string; hint: string }> {
  const ended = await world.run([...argv, '-o', 'json']);
  assert.equal(ended.code, exit, `${argv.join(' ')}: ${ended.stderr}`);
  assert.equal(ended.stdout, '');
  const { error } = JSON.parse(ended.stderr.trim().split('\n').at(-1)!);
  assert.equal(error.code, code);
  return error;
}

for (const [code, exit, name, near, ...argv] of [
  ['ANM_TOPIC_MISSING', 2, 'raw-sensor', 'raw-sensors', 'tail', 'raw-sensor'],
  ['ANM_TOPIC_MISSING', 2, 'raw-sensor', 'raw-sensors', 'run', '--topic', 'raw-sensor'],
  ['ANM_TOPIC_MISSING', 2, 'pump-rom.dlq', 'pump-room.dlq', 'dlq', 'ls', 'pump-rom.dlq'],
  ['ANM_TOPIC_MISSING', 2, 'pump-rom.outbox', 'pump-room.outbox', 'alerts', 'incidents', '-X', 'pipeline=pump-rom'],
  ['ANM_TOPIC_MISSING', 2, 'pump-rom.anomalies', 'pump-room.anomalies', 'alerts', 'ls', '-X', 'pipeline=pump-rom'],
  ['ANM_USAGE', 2, 'pump-rom', 'pump-room', 'lag', 'pump-rom'],
  ['ANM_SERIES_UNKNOWN', 2, 'pump-9', 'pump-1', 'state', 'get', 'pump-9'],
  ['ANM_CHECKPOINT_UNKNOWN', 2, 'pump-rom', 'pump-room', 'state', 'get', 'pump-1', '--group', 'pump-rom'],
  ['ANM_CHECKPOINT_UNKNOWN', 2, 'pump-rom', 'pump-room', 'checkpoint', 'ls', '--group', 'pump-rom'],
  ['ANM_SCHEMA_UNKNOWN', 5, 'raw-sensor-value', 'raw-sensors-value', 'schema', 'check', 'raw-sensor-value', 's.avsc'],
  ['ANM_SCHEMA_UNKNOWN', 5, 'raw-sensor-value', 'raw-sensors-value', 'schema', 'show', 'raw-sensor-value'],
] as const) {
  test(`${argv.join(' ')}: ${name} is not there, ${near} is`, async () => {
    const { message, hint } = await refused(code, exit, ...argv);
    assert.ok(message.includes(name), message);
    assert.ok(hint.startsWith(`did you mean ${near}?`), hint);
  });
}

test('a name that is near to nothing gets no guess', async () => {
  const { hint } = await refused('ANM_TOPIC_MISSING', 2, 'tail', 'billing');
  assert.doesNotMatch(hint, /did you mean/);
  const group = await refused('ANM_CHECKPOINT_UNKNOWN', 2, 'checkpoint', 'ls', '--group', 'billing');
  assert.equal(group.hint, 'there are those of pump-room');
});

test('an empty list of brokers is said as such, and nothing is waited for', async () => {
  for (const given of [
    ['--brokers', ''],
    ['--brokers', ','],
    ['-X', 'brokers='],
  ]) {
    const { message } = await refused('ANM_CONFIG', 2, 'lag', ...given);
    assert.equal(message, 'brokers is empty: it needs at least one address, as host:port');
  }
});
