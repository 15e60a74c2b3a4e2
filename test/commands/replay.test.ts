import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type JsonRecord, readTopic, send, startWorld, type World } from '../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const START = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

type Line = Record<string, unknown>;
const recordsOf = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
    .filter(({ type }) => type === 'record');

async function timed(argv: readonly string[]) {
  const started = performance.now();
  const { code, stdout, stderr } = await world.run(argv);
  assert.equal(code, 0, stderr);
  return { stdout, elapsedMs: performance.now() - started };
}

/** One record batch a partition: a record a day, the second partition half a day behind the first. */
const DAYS: readonly JsonRecord[] = [0, 1].flatMap((partition) =>
  Array.from({ length: 10 }, (_, day) => ({
    partition,
    key: 'a',
    value: { day },
    timestamp: START + (day + partition / 2) * DAY_MS,
  })),
);

test('the pace holds between the records of a batch, over all partitions', async () => {
  await send(world.client, 'days', 2, DAYS);
  const fast = await timed(['replay', 'days']);
  assert.equal(recordsOf(fast.stdout).length, 20);
  // Nine and a half days in 100 ms.
  const paced = await timed(['replay', 'days', '--speed', '8208000x']);
  assert.ok(paced.elapsedMs >= 95, `${paced.elapsedMs} ms`);
  const order = recordsOf(paced.stdout).map(({ partition }) => partition);
  assert.equal(order.length, 20);
  // Not one after the other.
  assert.ok(order.indexOf(1) < order.lastIndexOf(0) && order.indexOf(0) < order.lastIndexOf(1), order.join());
  const copied = await timed(['replay', 'days', '--to', 'days-copy', '--speed', '8208000x']);
  assert.ok(copied.elapsedMs >= 95, `${copied.elapsedMs} ms`);
  const values = async (topic: string) =>
    (await readTopic(world, topic)).map((records) =>
      records.map(({ key, value, timestamp }) => ({ key, value, timestamp })),
    );
  assert.deepEqual(await values('days-copy'), await values('days'));
});

test('a file keeps the pace of its event times, too', async () => {
  const rows = Array.from({ length: 5 }, (_, day) => `${new Date(START + day * DAY_MS).toISOString()},${day}`);
  writeFileSync(join(world.dir, 'days.csv'), `timestamp,value\n${rows.join('\n')}\n`);
  const fast = await timed(['replay', 'days.csv']);
  const paced = await timed(['replay', 'days.csv', '--speed', '3456000x']);
  assert.ok(paced.elapsedMs >= 95, `${paced.elapsedMs} ms`);
  assert.equal(paced.stdout, fast.stdout);
});

test('what does not hold for an input is refused, and not ignored', async () => {
  writeFileSync(join(world.dir, 'rows.csv'), 'timestamp,value\n2026-01-01T00:00:00Z,1\n');
  await send(world.client, 'one', 1, DAYS.slice(0, 1));
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [['rows.csv', '--offset', '+5'], /--offset is for topics, and rows\.csv is a file/],
    [['rows.csv', '--partition', '0'], /--partition is for topics/],
    [['rows.csv', '--follow'], /--follow is for topics/],
    [['rows.csv', '--speed', 'bogus'], /--speed cannot be bogus/],
    [['one', '--speed', '-1x'], /--speed cannot be -1x/],
    [['rows.csv', '--key', 'nope'], /--key cannot be nope as no file has such a column[\s\S]*timestamp, value/],
    [['one', '--partition', '9'], /topic one has no partition 9; its last one is 0/],
  ];
  for (const [argv, message] of refused) {
    const { code, stderr } = await world.run(['replay', ...argv]);
    assert.equal(code, 2, argv.join(' '));
    assert.match(stderr, message);
  }
});

test('a key may be a path in nested rows, as produce has them', async () => {
  const rows = [1, 2].map((id) =>
    JSON.stringify({ timestamp: new Date(START + id), pump: { id: `p${id}` }, value: id }),
  );
  writeFileSync(join(world.dir, 'nested.jsonl'), `${rows.join('\n')}\n`);
  const { stdout } = await world.run(['replay', 'nested.jsonl', '--key', 'pump.id']);
  assert.deepEqual(
    recordsOf(stdout).map(({ key }) => key),
    ['p1', 'p2'],
  );
});
