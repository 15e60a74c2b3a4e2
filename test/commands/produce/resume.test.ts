import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CliOptions } from '../../helpers/cli.ts';
import { append, startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const row = (i: number, value: number | string = i) => `${1_767_225_600_000 + i * 1000},s-${i % 4},${value}\n`;
const csv = (rows: readonly string[]) => `ts,sensor_id,value\n${rows.join('')}`;
const ROWS = Array.from({ length: 200 }, (_, i) => row(i));

function write(name: string, rows: readonly string[]): string {
  writeFileSync(join(world.dir, name), csv(rows));
  return name;
}

const flags = (topic: string, ...args: string[]) => [
  ...['produce', ...args, '--topic', topic, '--partitions', '2', '--format', 'json', '-o', 'json'],
];

async function run(topic: string, args: readonly string[], options: CliOptions = {}) {
  const { code, stdout, stderr } = await world.run(flags(topic, ...args), options);
  return { code, stderr, ...(stdout === '' ? {} : JSON.parse(stdout)) } as {
    code: number;
    stderr: string;
    rows: number;
    found: number;
  };
}

/** What `tail` prints of a topic, in the order of each partition. */
async function contentOf(topic: string): Promise<string[]> {
  const { stdout } = await world.run(['tail', topic, '--offset', 'start', '-o', 'json']);
  const rows = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  rows.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  return rows.map(({ partition, key, value, headers }) => JSON.stringify([partition, key, value, headers]));
}

async function foreign(topic: string, values: readonly string[]): Promise<void> {
  const producer = await world.client.createProducer();
  for (const value of values) for (const partition of [0, 1]) append(producer, topic, { partition, key: 'k', value });
  await producer.flush();
  await producer.close();
}

test('a load that was cut goes on where it was, and one that is whole has nothing to do', async () => {
  const file = write('whole.csv', ROWS);
  assert.deepEqual((await run('undisturbed', [file, '--resumable'])).rows, 200);
  const first = await run('cut', [file, '--resume', '--limit', '77']);
  assert.deepEqual([first.code, first.rows, first.found], [0, 77, 0]);
  const second = await run('cut', [file, '--resume']);
  assert.deepEqual([second.code, second.rows, second.found], [0, 123, 77]);
  assert.deepEqual(await contentOf('cut'), await contentOf('undisturbed'));
  const third = await run('cut', [file, '--resume']);
  assert.deepEqual([third.code, third.rows, third.found], [0, 0, 200]);
});

test('records of others before, in between and after are passed over, however many', async () => {
  const file = write('shared.csv', ROWS);
  await world.client.admin.createTopics([{ name: 'shared', partitions: 2 }]);
  await foreign('shared', ['before']);
  assert.equal((await run('shared', [file, '--resumable', '--limit', '50'])).rows, 50);
  await foreign(
    'shared',
    Array.from({ length: 3000 }, (_, i) => `between ${i}`),
  );
  const resumed = await run('shared', [file, '--resume']);
  assert.deepEqual([resumed.code, resumed.rows, resumed.found], [0, 150, 50]);
  const plain = (records: readonly string[]) => records.map((each) => JSON.stringify(JSON.parse(each).slice(0, 3)));
  const own = (await contentOf('shared')).filter((each) => each.includes('sensor_id'));
  assert.deepEqual(plain(own), plain(await contentOf('undisturbed')));
});

test('a source that changed is refused, with the place, before anything is sent', async () => {
  const file = write('changing.csv', ROWS);
  assert.equal((await run('changing', [file, '--resume', '--limit', '100'])).rows, 100);
  const before = await contentOf('changing');
  write('changing.csv', ROWS.with(3, row(3, 999)));
  const edited = await run('changing', [file, '--resume']);
  assert.equal(edited.code, 5);
  assert.match(
    edited.stderr,
    /ANM_RESUME.*rows up to number \d+ of partition \d are not those that were sent: the source has changed/,
  );
  write('changing.csv', ROWS.slice(0, 60));
  const shorter = await run('changing', [file, '--resume']);
  assert.equal(shorter.code, 5);
  assert.match(shorter.stderr, /ANM_RESUME.*partition \d holds \d+ rows of these inputs, and they have only \d+/);
  write('changing.csv', [...ROWS.slice(0, 40), row(40, 1), ...ROWS.slice(40)]);
  assert.equal((await run('changing', [file, '--resume'])).code, 5);
  assert.deepEqual(await contentOf('changing'), before);
  // Rows after those that were sent may differ: none of them was sent.
  write('changing.csv', [...ROWS.slice(0, 150), row(150, 5)]);
  const later = await run('changing', [file, '--resume']);
  assert.deepEqual([later.code, later.rows, later.found], [0, 51, 100]);
});

test('other flags are refused', async () => {
  const file = write('flags.csv', ROWS);
  assert.equal((await run('flags', [file, '--resume', '--limit', '100'])).rows, 100);
  for (const other of [
    ['--by-file'],
    ['--keyless'],
    ['--record-time', 'event'],
    ['--order', 'file'],
    ['--key', 'value'],
  ]) {
    const { code, stderr } = await run('flags', [file, '--resume', ...other]);
    assert.equal(code, 5, other.join(' '));
    assert.match(stderr, /ANM_RESUME.*sent with other settings/);
  }
  assert.equal((await run('flags', [file, '--resume', '--rate', '1e6', '--compression', 'lz4'])).found, 100);
});

test('where it cannot be told how far a load came, it is not guessed', async () => {
  const file = write('unmarked.csv', ROWS);
  assert.equal((await run('unmarked', [file, '--limit', '10'])).rows, 10);
  const unmarked = await run('unmarked', [file, '--resume']);
  assert.equal(unmarked.code, 5);
  assert.match(unmarked.stderr, /ANM_RESUME.*no record in unmarked is marked[\s\S]*--resumable/);
  const compacted = ['--topic-config', 'cleanup.policy=compact'];
  assert.equal((await run('compacted', [file, ...compacted, '--resumable', '--limit', '10'])).rows, 10);
  const refused = await run('compacted', [file, '--resume']);
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /ANM_RESUME.*compacted/);
  const looped = await run('unmarked', [file, '--resume', '--loop']);
  assert.equal(looped.code, 2);
});

test('two loads of one topic go on apart', async () => {
  const a = write('first.csv', ROWS);
  const b = write(
    'second.csv',
    ROWS.map((_, i) => row(i, -i)),
  );
  assert.equal((await run('both', [a, '--resumable', '--limit', '30'])).rows, 30);
  assert.equal((await run('both', [b, '--resumable', '--limit', '60'])).rows, 60);
  assert.deepEqual((await run('both', [a, '--resume'])).found, 30);
  assert.deepEqual((await run('both', [b, '--resume'])).found, 60);
  assert.equal((await contentOf('both')).length, 400);
});

test('a bad row is in the rejects once, however often the load began', async () => {
  const file = write('bad.csv', ROWS.with(5, row(5, 'warm')).with(150, 'x,y\n'));
  assert.equal((await run('bad', [file, '--resume', '--limit', '100'])).rows, 100);
  assert.equal((await run('bad', [file, '--resume', '--limit', '120'])).rows, 20);
  assert.equal((await run('bad', [file, '--resume'])).rows, 78);
  const rejects = readFileSync(join(world.dir, 'bad.rejects.ndjson'), 'utf8').trim().split('\n');
  assert.deepEqual(rejects.map((line) => JSON.parse(line).line).sort(), [152, 7]);
});

test('standard input is held against the topic as it is sent', async () => {
  const all = csv(ROWS);
  const part = await run('piped', ['-', '--resume', '--limit', '90'], { stdin: all });
  assert.equal(part.rows, 90);
  const rest = await run('piped', ['-', '--resume'], { stdin: all });
  assert.deepEqual([rest.code, rest.rows, rest.found], [0, 110, 90]);
  const other = await run('piped', ['-', '--resume'], { stdin: csv(ROWS.with(0, row(0, 4))) });
  assert.equal(other.code, 5);
  assert.match(other.stderr, /the source has changed/);
  assert.equal((await contentOf('piped')).length, 200);
});

test('rows that another process sent meanwhile are found and said', async () => {
  const file = write('late.csv', ROWS);
  assert.equal((await run('late', [file, '--resume', '--limit', '40'])).rows, 40);
  // The broker takes in what the first one has under way only after the second one has read the marks and sent.
  const { faults } = world.broker;
  faults.inject({ api: 'Produce', delayMs: 3000 });
  const first = run('late', [file, '--resume']);
  while (faults.armedCount > 0) await new Promise((resolve) => setImmediate(resolve));
  const second = await run('late', [file, '--resume']);
  assert.deepEqual([second.code, second.rows], [0, 160]);
  const { code, stderr } = await first;
  assert.equal(code, 5);
  assert.match(stderr, /ANM_RESUME.*160 rows are in the topic twice: another process sent them meanwhile/);
  assert.equal((await contentOf('late')).length, 360);
});
