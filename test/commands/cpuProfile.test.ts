import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { append, startWorld, type World } from '../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
  await world.client.admin.createTopics([{ name: 'busy', partitions: 2 }]);
  const producer = await world.client.createProducer();
  for (let i = 0; i < 100_000; i++) {
    const value = { ts: 1_700_000_000_000 + i * 100, value: i % 7 };
    append(producer, 'busy', { partition: i % 2, key: `k${i % 2}`, value });
  }
  await producer.close();
});
after(() => world.close());

const FLAGS = ['--topic', 'busy', '--time', 'ts', '--window', '1m', '--max-ahead', 'off', '--detector', 'rolling-z'];
const run = (...more: string[]) => world.run(['run', ...FLAGS, '--until', 'end', ...more]);

test('the profile is one that V8 wrote, and the operators have their shares', async () => {
  const { code, stdout, stderr } = await run('--cpu-profile', 'run.cpuprofile', '-o', 'json');
  assert.equal(code, 0, stderr);
  const profile = JSON.parse(readFileSync(join(world.dir, 'run.cpuprofile'), 'utf8'));
  assert.ok(profile.nodes.length > 100 && profile.samples.length > 100, `${profile.samples.length} samples`);
  const { cpu } = JSON.parse(stdout) as { cpu: { operator: string; time_ms: number; share: number }[] };
  const of = (name: string) => cpu.find(({ operator }) => operator === name)?.share ?? 0;
  assert.ok(of('decode') > 0.02, `decode has ${of('decode')}`);
  assert.ok(of('score') > 0.005, `score has ${of('score')}`);
  const busy = cpu.filter(({ operator }) => operator !== 'wait').reduce((sum, { share }) => sum + share, 0);
  assert.ok(Math.abs(busy - 1) < 0.01, `shares of the time at work add up to ${busy}`);
});

test('each worker writes a profile of its own, and the summary has all of them together', async () => {
  const { code, stdout, stderr } = await run('--cpu-profile', 'all.cpuprofile', '--workers', '2', '--group', 'two');
  assert.equal(code, 0, stderr);
  for (const name of ['all.0.cpuprofile', 'all.1.cpuprofile']) {
    assert.ok(JSON.parse(readFileSync(join(world.dir, name), 'utf8')).nodes.length > 10, name);
  }
  assert.equal(existsSync(join(world.dir, 'all.cpuprofile')), false);
  assert.match(stdout, /time at work {2}.*decode [\d.]+ %.*waiting for [\d.]+ % of the time/);
});

test('a path that cannot be written is refused before anything runs', async () => {
  const { code, stderr } = await run('--cpu-profile', 'no/such/folder/x.cpuprofile', '--group', 'three');
  assert.equal(code, 2);
  assert.match(stderr, /cannot write the CPU profile to .*no\/such\/folder/);
});
