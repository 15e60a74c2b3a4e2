// docs/upgrading.md as it stands there: processes of their own, and outputs that are those of a run without an upgrade.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { splitWords } from '../helpers/words.ts';
import { append, readTopic, startWorld, type World } from '../helpers/world.ts';
import { type Child, killTheRest, startAnomaly } from '../invariants/helpers/child.ts';

afterEach(killTheRest);

/** The commands of a section, without `$ anomaly`. */
function commandsOf(heading: string): string[][] {
  const text = readFileSync(new URL('../../docs/upgrading.md', import.meta.url), 'utf8');
  const section = text.split(/^## /m).find((each) => each.startsWith(heading));
  assert.ok(section !== undefined, `upgrading.md has no section ${heading}`);
  return [...section.matchAll(/^\$ anomaly (.+)$/gm)].map(([, words]) => splitWords(words!));
}

const CONFIG = `version: 1
pipeline: pump-room
source: {topics: [raw], key: pump, time: ts}
time: {out_of_orderness: 0s, max_ahead: off}
windows: [{name: w1m, size: 1m, aggregates: [count, mean]}]
score: {detector: range, max: 100}
status: {every: 200ms}
checkpoint: {every: 100ms}
`;
const START = 1_700_000_000_000;

async function start(): Promise<World> {
  const world = await startWorld();
  await world.client.admin.createTopics([{ name: 'raw', partitions: 2, configs: { 'retention.ms': '-1' } }]);
  writeFileSync(join(world.dir, 'anomaly.yaml'), CONFIG);
  return world;
}

let minute = 0;

/** Some minutes of values; returns how many records there are then in all. */
async function produce(world: World, minutes: number): Promise<number> {
  const producer = await world.client.createProducer();
  for (const end = minute + minutes; minute < end; minute++) {
    for (let second = 0; second < 60; second += 10) {
      for (const partition of [0, 1]) {
        const value = {
          pump: `p${partition}`,
          ts: START + minute * 60_000 + second * 1000,
          value: minute * 7 + second,
        };
        append(producer, 'raw', { partition, key: null, value });
      }
    }
  }
  await producer.close();
  return minute * 12;
}

async function committed(world: World, records: number): Promise<void> {
  const places = [0, 1].map((partition) => ({ topic: 'raw', partition }));
  for (;;) {
    const offsets = await world.client.admin.groupOffsets('pump-room', places);
    if (offsets.reduce((total, { offset }) => total + Math.max(0, offset), 0) >= records) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function succeed(world: World, argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await world.run(argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
  return stdout;
}

async function endsWell(child: Child): Promise<void> {
  const { code, stderr } = await child.ended;
  assert.equal(code, 0, stderr);
}

/** Windows by identity, and how often each was put out. */
async function windows(world: World, topic: string): Promise<Map<string, { row: string; times: number }>> {
  const rows = (await readTopic(world, topic)).flat().map(({ value }) => value as Record<string, unknown>);
  const found = new Map<string, { row: string; times: number }>();
  for (const { series, window, start, count, mean } of rows) {
    const id = `${series} ${window} ${start}`;
    found.set(id, { row: JSON.stringify([count, mean]), times: (found.get(id)?.times ?? 0) + 1 });
  }
  return found;
}

/** Against a pipeline beside it that ran through without a stop. */
async function assertUndisturbed(world: World, name: string): Promise<Map<string, { row: string; times: number }>> {
  await succeed(world, ['run', '-f', 'anomaly.yaml', '--pipeline', name, '--until', 'end', '--leave-open']);
  const [own, other] = [await windows(world, 'pump-room.windows'), await windows(world, `${name}.windows`)];
  assert.deepEqual([...own.keys()].sort(), [...other.keys()].sort(), 'no window is missing');
  for (const [id, { row }] of other) assert.equal(own.get(id)!.row, row, id);
  return own;
}

test('with a stop, and back to the version before', async (t) => {
  const world = await start();
  t.after(() => world.close());
  const [savepoint, verify, stop, doctor, run] = commandsOf('With a stop');
  const first = startAnomaly(world, run!);
  await committed(world, await produce(world, 5));
  assert.match(await succeed(world, savepoint!), /raw\/[01] at/);
  await succeed(world, verify!);
  await committed(world, await produce(world, 3));
  await succeed(world, stop!);
  await endsWell(first);

  await produce(world, 2);
  assert.match(await succeed(world, doctor!), /group pump-room has no members/);
  const second = startAnomaly(world, run!);
  await committed(world, await produce(world, 3));
  for (const { times } of (await assertUndisturbed(world, 'beside')).values())
    assert.equal(times, 1, 'none is doubled');

  const [stopAgain, dryRun, restore, runOld] = commandsOf('Back to the version before');
  await succeed(world, stopAgain!);
  await endsWell(second);
  await succeed(world, dryRun!);
  await succeed(world, restore!);
  const old = startAnomaly(world, runOld!);
  await committed(world, await produce(world, 2));
  const again = await assertUndisturbed(world, 'beside-again');
  const doubled = [...again.values()].filter(({ times }) => times === 2).length;
  assert.ok(
    doubled > 0 && doubled < again.size,
    'what came after the savepoint was put out again, what came before was not',
  );
  old.kill('SIGTERM');
  await endsWell(old);
});

test('member by member: who stays is not interrupted, and who comes back has its partition', async (t) => {
  minute = 0;
  const world = await start();
  t.after(() => world.close());
  const [one, two] = commandsOf('Member by member');
  const staying = startAnomaly(world, one!);
  await committed(world, await produce(world, 1));
  const leaving = startAnomaly(world, two!);
  await leaving.says(/assigned raw\/[01]/);
  const partition = /assigned (raw\/[01])/.exec(leaving.stderr())![1]!;
  await committed(world, await produce(world, 2));
  const before = staying.stderr();
  leaving.kill('SIGTERM');
  await endsWell(leaving);
  const back = startAnomaly(world, two!);
  await back.says(new RegExp(`assigned ${partition}`));
  await committed(world, await produce(world, 2));
  const said = staying.stderr().slice(before.length);
  assert.doesNotMatch(said, /assigned|revoked|rebalanc/i, 'the one that stayed took part in nothing');
  for (const child of [staying, back]) child.kill('SIGTERM');
  await Promise.all([endsWell(staying), endsWell(back)]);
  for (const { times } of (await assertUndisturbed(world, 'beside')).values())
    assert.equal(times, 1, 'none is doubled');
});
