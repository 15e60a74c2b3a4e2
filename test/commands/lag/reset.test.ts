import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { KafkaClient } from '../../../src/clients/client.ts';
import { parseOffsetLines } from '../../../src/commands/lag/resetFile.ts';
import { resetRow } from '../../../src/commands/lag/resetPlan.ts';
import { append, startWorld, type World } from '../../helpers/world.ts';

const T0 = 1_700_000_000_000;

/** Topics `orders` (3 partitions, 20 records each, the first 5 of partition 0 deleted) and `other`; group `billing` at 10. */
async function resetWorld(t: TestContext): Promise<World> {
  const world = await startWorld({ autoCreate: false });
  t.after(() => world.close());
  const { client } = world;
  await client.admin.createTopics([
    { name: 'orders', partitions: 3 },
    { name: 'other', partitions: 1 },
  ]);
  const producer = await client.createProducer();
  for (let i = 0; i < 20; i++) {
    for (let partition = 0; partition < 3; partition++) {
      append(producer, 'orders', { partition, key: null, value: i, timestamp: T0 + 1000 * i });
    }
  }
  await producer.flush();
  await producer.close();
  await client.admin.deleteRecords([{ topic: 'orders', partition: 0, offset: 5 }]);
  await commit(client, 'billing', [10, 10]);
  return world;
}

async function commit(client: KafkaClient, groupId: string, offsets: readonly number[]): Promise<void> {
  const consumer = await client.createConsumer({ groupId });
  await consumer.commit(offsets.map((offset, partition) => ({ topic: 'orders', partition, offset })));
  await consumer.close();
}

async function offsetsOf({ client }: World, group = 'billing'): Promise<string> {
  const found = await client.admin.groupOffsets(group);
  return found
    .map(({ topic, partition, offset }) => `${topic}/${partition}=${offset}`)
    .sort()
    .join(' ');
}

const reset = (world: World, ...argv: string[]) => world.run(['lag', 'reset', 'billing', ...argv]);

test('lag reset: each place, clamped to the log', async (t) => {
  const world = await resetWorld(t);
  const cases: [readonly string[], string][] = [
    [['--to', 'start'], 'orders/0=5 orders/1=0'],
    [['--to', 'end'], 'orders/0=20 orders/1=20'],
    [['--to', '3'], 'orders/0=5 orders/1=3'],
    [['--to', '+2'], 'orders/0=7 orders/1=2'],
    [['--to', '-4'], 'orders/0=16 orders/1=16'],
    [['--shift-by', '-14'], 'orders/0=5 orders/1=2'],
    [['--shift-by', '4'], 'orders/0=9 orders/1=6'],
    [['--to', `@${T0 + 12_000}`], 'orders/0=12 orders/1=12'],
    [['--to', `@${T0 + 99_000}`], 'orders/0=20 orders/1=20'],
    [['--topic', 'orders:1', '--to', '9'], 'orders/0=20 orders/1=9'],
    [['--topic', 'orders', '--to', '11'], 'orders/0=11 orders/1=11 orders/2=11'],
    [['--to', 'current'], 'orders/0=11 orders/1=11 orders/2=11'],
  ];
  for (const [argv, wanted] of cases) {
    const { code, stderr } = await reset(world, ...argv, '--yes');
    assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
    assert.equal(await offsetsOf(world), wanted, argv.join(' '));
  }
});

test('lag reset: the plan says what is skipped and read again, and a dry run changes nothing', async (t) => {
  const world = await resetWorld(t);
  const { code, stdout } = await reset(world, '--to', '2', '--dry-run', '-o', 'json');
  assert.equal(code, 0);
  const plan = JSON.parse(stdout);
  assert.deepEqual(
    [plan.dry_run, plan.group, plan.is_pipeline, plan.skipped, plan.read_again],
    [true, 'billing', false, 0, 13],
  );
  assert.deepEqual(plan.partitions[0], {
    topic: 'orders',
    partition: 0,
    from: 10,
    to: 5,
    skipped: 0,
    read_again: 5,
    start: 5,
    end: 20,
    note: "2 is before the log's start",
  });
  const text = (await reset(world, '--to', 'end', '--dry-run')).stdout;
  assert.match(text, /^would reset group billing in 2 partitions: 20 records skipped, 0 read again$/m);
  assert.match(text, /^orders +0 +10 +20 +10 +0 +5 +20 +-$/m);
  assert.equal(await offsetsOf(world), 'orders/0=10 orders/1=10');
});

test('lag reset: what was exported brings the offsets back, and a file of several groups is taken', async (t) => {
  const world = await resetWorld(t);
  const { stdout } = await reset(world, '--to', 'current', '--export');
  assert.equal(stdout, 'orders,0,10\norders,1,10\n');
  await reset(world, '--to', 'end', '--yes');
  const back = await world.run(['lag', 'reset', 'billing', '--from-file', '-', '--yes'], { stdin: stdout });
  assert.equal(back.code, 0, back.stderr);
  assert.equal(await offsetsOf(world), 'orders/0=10 orders/1=10');
  writeFileSync(join(world.dir, 'all.csv'), '"billing","orders",0,7\n"x","orders",1,1\n');
  assert.equal((await reset(world, '--from-file', 'all.csv', '--yes')).code, 0);
  assert.equal(await offsetsOf(world), 'orders/0=7 orders/1=10');
});

test('lag reset: of another group, and of a group that is new', async (t) => {
  const world = await resetWorld(t);
  const refused = await world.run(['lag', 'reset', 'copy', '--from-group', 'billing', '--yes']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /copy has no commit in topic orders[\s\S]*--allow-new-topics/);
  const made = await world.run(['lag', 'reset', 'copy', '--from-group', 'billing', '--yes', '--allow-new-topics']);
  assert.equal(made.code, 0, made.stderr);
  assert.equal(await offsetsOf(world, 'copy'), 'orders/0=10 orders/1=10');
  const fresh = ['lag', 'reset', 'fresh', '--topic', 'other', '--to', 'start', '--allow-new-topics', '--yes'];
  assert.equal((await world.run(fresh)).code, 0);
  assert.equal(await offsetsOf(world, 'fresh'), 'other/0=0');
});

test('lag reset refuses a group that has members, and names them', async (t) => {
  const world = await resetWorld(t);
  const consumer = await world.client.createConsumer({ groupId: 'billing' });
  t.after(() => consumer.close());
  let held = 0;
  await consumer.subscribe(['orders'], 'earliest', {
    onAssigned: async (partitions) => {
      held = partitions.length;
      return undefined;
    },
    onRevoked: async () => {},
  });
  while (held === 0) await consumer.poll(20);
  const { code, stderr } = await reset(world, '--to', 'start', '--yes');
  assert.equal(code, 1);
  assert.match(stderr, /ANM_GROUP_RUNNING[\s\S]*has 1 member \(Stable\): \S+ at .*127\.0\.0\.1/);
  assert.equal(await offsetsOf(world), 'orders/0=10 orders/1=10');
  const dry = await reset(world, '--to', 'start', '--dry-run');
  assert.equal(dry.code, 0);
  assert.match(dry.stderr, /this is how it would be now/);
});

test("lag reset refuses a pipeline's group, unless its name is given again", async (t) => {
  const world = await resetWorld(t);
  await world.client.admin.createTopics([{ name: 'billing.journal', partitions: 3 }]);
  const refused = await reset(world, '--to', 'start', '--yes');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /ANM_GROUP_HAS_STATE[\s\S]*checkpoint restore/);
  assert.match(refused.stderr, /read again is put out a second time/);
  assert.equal((await reset(world, '--to', 'start', '--confirm', 'biling')).code, 2);
  assert.equal(await offsetsOf(world), 'orders/0=10 orders/1=10');
  const done = await reset(world, '--to', 'end', '--confirm', 'billing');
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stderr, /what they would have put out is lost/);
  assert.equal(await offsetsOf(world), 'orders/0=20 orders/1=20');
});

test('a pipeline whose offsets were moved: what is skipped is in its state alone, what is read again is put out again', async (t) => {
  const world = await startWorld();
  t.after(() => world.close());
  await world.client.admin.createTopics([{ name: 'pump', partitions: 1 }]);
  let sent = 0;
  const send = async () => {
    const producer = await world.client.createProducer();
    for (let i = 0; i < 100; i++, sent++) {
      const timestamp = T0 + 1000 * sent;
      append(producer, 'pump', { partition: 0, key: 's', value: { ts: timestamp, value: sent % 5 }, timestamp });
    }
    await producer.flush();
    await producer.close();
  };
  const job = [
    'run',
    '--pipeline',
    'p',
    '--topic',
    'pump',
    '--time',
    'ts',
    '--detector',
    'rolling-z',
    '--window',
    '10s',
  ];
  const run = async () => {
    const { code, stdout, stderr } = await world.run([...job, '--until', 'end', '--leave-open', '-o', 'json']);
    assert.equal(code, 0, stderr);
    const { records, restored, windows } = JSON.parse(stdout);
    return [records, restored, windows];
  };
  await send();
  assert.deepEqual(await run(), [100, 0, 9]);
  await send();
  assert.equal((await world.run(['lag', 'reset', 'p', '--to', 'end', '--confirm', 'p'])).code, 0);
  assert.deepEqual(await run(), [0, 100, 0]);
  assert.equal((await world.run(['lag', 'reset', 'p', '--to', '50', '--confirm', 'p'])).code, 0);
  assert.deepEqual(await run(), [150, 50, 15]);
});

test('lag reset: what cannot be is refused before anything is done', async (t) => {
  const world = await resetWorld(t);
  writeFileSync(join(world.dir, 'bad.csv'), 'orders,0,7\norders,zero,7\n');
  const cases: [readonly string[], RegExp][] = [
    [[], /wants one of --to/],
    [['--to', 'start', '--shift-by', '1'], /wants one of --to/],
    [['--to', '1:2'], /it is one place/],
    [['--to', 'nowhere'], /it is one place/],
    [['--shift-by', '1.5'], /whole number/],
    [['--topic', 'nope', '--to', 'start'], /no commit in topic nope/],
    [['--topic', 'nope', '--to', 'start', '--allow-new-topics'], /nope/],
    [['--topic', 'orders:9', '--to', 'start'], /no partition 9/],
    [['--topic', 'orders:x', '--to', 'start'], /--topic wants/],
    [['--from-file', 'none.csv'], /cannot read --from-file/],
    [['--from-file', 'bad.csv'], /bad\.csv:2 wants topic, partition and offset/],
    [['--from-group', 'nobody'], /nobody has no committed offsets/],
    [['--to', 'start'], /nobody can be asked here/],
  ];
  for (const [argv, pattern] of cases) {
    const { code, stderr } = await reset(world, ...argv);
    assert.equal(code, 2, argv.join(' '));
    assert.match(stderr, pattern, argv.join(' '));
  }
  assert.equal((await world.run(['lag', 'reset', 'nobody', '--to', 'start', '--yes'])).code, 2);
  assert.equal(await offsetsOf(world), 'orders/0=10 orders/1=10');
});

test('lag reset asks a person, and does nothing without a yes', async (t) => {
  const world = await resetWorld(t);
  const argv = ['lag', 'reset', 'billing', '--to', 'end'];
  const no = await world.run(argv, { terminal: true, stdin: 'n\n' });
  assert.equal(no.code, 1);
  assert.match(no.stderr, /would reset group billing in 2 partitions[\s\S]*reset group billing\? \[y\/N\]/);
  assert.equal(await offsetsOf(world), 'orders/0=10 orders/1=10');
  const yes = await world.run(argv, { terminal: true, stdin: 'y\n' });
  assert.equal(yes.code, 0, yes.stderr);
  assert.equal(await offsetsOf(world), 'orders/0=20 orders/1=20');
});

test('lines of offsets: commas, spaces, quotes; a partition twice is an error', () => {
  const wanted = [{ topic: 'a', partition: 0, offset: 5 }];
  for (const line of ['a,0,5', 'a 0 5', '"a", 0, 5', 'a\t0\t5\r']) {
    assert.deepEqual(parseOffsetLines(`\n${line}\n`, 'f', 'g'), wanted, line);
  }
  assert.throws(() => parseOffsetLines('a,0,5\na,00,6\n', 'f', 'g'), /f:2 names a\/0 again, after line 1/);
  assert.throws(() => parseOffsetLines('', 'f', 'g'), /f has no offsets of group g/);
  assert.throws(() => parseOffsetLines('a,0,-1', 'f', 'g'), /f:1 wants/);
});

test('property: a reset stays within the log, and its counts add up', () => {
  const nat = fc.nat(1000);
  fc.assert(
    fc.property(nat, nat, fc.option(nat), fc.integer({ min: -1000, max: 3000 }), (start, size, from, wanted) => {
      const end = start + size;
      const { to, skipped, readAgain } = resetRow({ topic: 't', partition: 0 }, from, wanted, { start, end });
      assert.ok(to >= start && to <= end, `${to} is outside ${start} to ${end}`);
      if (wanted >= start && wanted <= end) assert.equal(to, wanted);
      if (from === null) return assert.deepEqual([skipped, readAgain], [null, 0]);
      const at = Math.min(Math.max(from, start), end);
      assert.equal(to - at, skipped! - readAgain);
      assert.ok(skipped === 0 || readAgain === 0, 'skipped and read again at once');
    }),
  );
});
