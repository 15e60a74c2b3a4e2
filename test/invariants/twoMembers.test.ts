import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, test } from 'node:test';
import { type CliRun, runCli } from '../helpers/cli.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Readings } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

const PARTITIONS = 4;
const SINKS = ['windows', 'anomalies', 'late', 'dlq'] as const;
const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
after(() => world.close());

/** One member of the group: a job with a client and signals of its own; all share the state directory. */
class Member {
  readonly ended: Promise<CliRun>;
  readonly #signals = new EventEmitter();

  constructor(topic: string, pipeline: string, ...more: string[]) {
    const flags = [...['--topic', topic, '--pipeline', pipeline, '--time', 'ts', '--window', '1m'], ...more];
    const sinks = SINKS.flatMap((sink) => ['-X', `sinks.${sink.replace('dlq', 'dead_letters')}=${pipeline}.${sink}`]);
    const argv = ['run', ...flags, ...sinks, '--max-ahead', 'off', '--detector', 'rolling-z', '-o', 'json'];
    this.ended = runCli([...argv, '--commit-every', '50ms'], {
      cwd: world.dir,
      env: { ...world.env },
      signals: this.#signals,
    });
  }

  async stop(): Promise<CliRun> {
    this.#signals.emit('SIGTERM');
    const ended = await this.ended;
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  }
}

async function prepare(topic: string, pipeline: string): Promise<{ readings: Readings; windows: TopicReader }> {
  // The clock leaps past the retention checks, and the readings bear old times.
  const configs = { 'retention.ms': '-1' };
  const names = [topic, ...SINKS.map((sink) => `${pipeline}.${sink}`)];
  await world.client.admin.createTopics(names.map((name) => ({ name, partitions: PARTITIONS, configs })));
  const producer = await world.client.createProducer();
  const readings = new Readings(producer, topic, PARTITIONS, 20, 11);
  return { readings, windows: await TopicReader.open(world, `${pipeline}.windows`, PARTITIONS) };
}

/** Records keep coming until the group has that many members, each with partitions. */
async function untilMembers(count: number, group: string, readings: Readings, windows: TopicReader): Promise<void> {
  for (;;) {
    readings.append(400);
    await windows.poll(20);
    const { members, state } = await world.client.admin.describeGroup(group);
    if (state === 'Stable' && members.length === count && members.every((each) => each.partitions.length > 0)) return;
  }
}

async function untilMore(rows: number, readings: Readings, windows: TopicReader): Promise<void> {
  const target = windows.distinctCount + rows;
  while (windows.distinctCount < target) {
    readings.append(400);
    await windows.poll(20);
  }
}

/** By partition the same rows in the same order as one undisturbed member's; returns how many were repeats. */
async function assertAsOne(topic: string, pipeline: string): Promise<number> {
  const whole = `${pipeline}-whole`;
  const { code, stderr } = await new Member(topic, whole, '--until', 'end').ended;
  assert.equal(code, 0, stderr);
  let repeats = 0;
  for (const sink of SINKS) {
    const one = await (await TopicReader.open(world, `${whole}.${sink}`, PARTITIONS)).toEnd(world);
    const group = await (await TopicReader.open(world, `${pipeline}.${sink}`, PARTITIONS)).toEnd(world);
    for (let p = 0; p < PARTITIONS; p++) assert.deepEqual([...group.distinct[p]!], one.values[p], `${sink} ${p}`);
    assert.ok(one.count > 0);
    repeats += group.count - group.distinctCount;
    await Promise.all([one.close(), group.close()]);
  }
  return repeats;
}

test('members come and go in the middle of windows: rows as from one member, and none twice', async () => {
  const { readings, windows } = await prepare('shared', 'group');
  const first = new Member('shared', 'group');
  await untilMore(200, readings, windows);
  const second = new Member('shared', 'group');
  await untilMembers(2, 'group', readings, windows);
  await untilMore(200, readings, windows);
  await first.stop();
  await untilMembers(1, 'group', readings, windows);
  await untilMore(200, readings, windows);
  const third = new Member('shared', 'group');
  await untilMembers(2, 'group', readings, windows);
  await second.stop();
  await untilMore(200, readings, windows);
  await third.stop();
  await readings.flush();
  const { code, stderr } = await new Member('shared', 'group', '--until', 'end').ended;
  assert.equal(code, 0, stderr);
  await windows.close();
  assert.equal(await assertAsOne('shared', 'group'), 0, 'nobody died, so nothing is repeated');
});

test('a member whose session ran out drops its state and joins again: nothing is lost', async () => {
  const { readings, windows } = await prepare('lapsed', 'lapsing');
  const member = new Member('lapsed', 'lapsing');
  await untilMore(200, readings, windows);
  // For the broker it has been silent for a minute.
  clock.leap(60_000);
  await untilMore(400, readings, windows);
  const { stderr } = await member.stop();
  assert.match(stderr, /lost lapsed\/0, lapsed\/1, lapsed\/2, lapsed\/3 to the group/);
  await readings.flush();
  const last = await new Member('lapsed', 'lapsing', '--until', 'end').ended;
  assert.equal(last.code, 0, last.stderr);
  await windows.close();
  await assertAsOne('lapsed', 'lapsing');
});

test('two members run to the end: each closes what it has, and the group has committed all', async () => {
  const { readings, windows } = await prepare('ended', 'ending');
  readings.append(40_000);
  await readings.flush();
  const members = [new Member('ended', 'ending', '--until', 'end'), new Member('ended', 'ending', '--until', 'end')];
  const ends = await Promise.all(members.map(({ ended }) => ended));
  assert.deepEqual(
    ends.map(({ code }) => code),
    [0, 0],
    ends.map(({ stderr }) => stderr).join('\n'),
  );
  await windows.close();
  assert.equal(await assertAsOne('ended', 'ending'), 0);
  const offsets = await world.client.admin.groupOffsets('ending');
  assert.equal(
    offsets.reduce((sum, { offset }) => sum + offset, 0),
    40_000,
  );
});
