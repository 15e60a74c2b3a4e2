import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { send, startWorld, type World } from '../helpers/world.ts';

// Goal: what init writes runs as it is, on files and on topics of each encoding, and says what was seen.

const NAB = fileURLToPath(new URL('../../fixtures/nab/demo/realKnownCause', import.meta.url));
const START = Date.parse('2026-01-01T00:00:00Z');

let world: World;
before(async () => {
  world = await startWorld({ autoCreate: false });
});
after(() => world.close());

interface Found {
  readonly source: { readonly kind: string; readonly format: string; readonly records: number; readonly bad: number };
  readonly time: { readonly field: string; readonly format: string } | null;
  readonly key: string | null;
  readonly is_keyed: boolean;
  readonly series: number;
  readonly fields: readonly string[];
  readonly split: { readonly series: string; readonly partitions: readonly number[] } | null;
  readonly interval_ms: number | null;
  readonly disorder_ms: number;
  readonly suggested: {
    readonly window_ms: number;
    readonly out_of_orderness_ms: number;
    readonly max_ahead_ms: number | null;
  };
  readonly load: string | null;
  readonly yaml?: string;
}

async function found(...argv: string[]): Promise<Found> {
  const { stdout, stderr, code } = await world.run(['init', ...argv, '--to', '-', '-o', 'json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Found;
}

/** Writes the file, loads the data where it says so, runs it, and returns what the run counted. */
async function runs(name: string, ...sources: string[]): Promise<Record<string, number>> {
  const written = await world.run(['init', ...sources, '--to', name]);
  assert.equal(written.code, 0, written.stderr);
  const { load } = await found(...sources);
  if (load !== null) {
    const loaded = await world.run(load.split(' ').slice(1));
    assert.equal(loaded.code, 0, `${load}: ${loaded.stderr}`);
  }
  const shown = await world.run(['config', 'show', '--config', name]);
  assert.equal(shown.code, 0, `${name} is valid: ${shown.stderr}`);
  const run = await world.run(['run', '-f', name, '--until', 'end', '-o', 'json']);
  assert.equal(run.code, 0, run.stderr);
  return JSON.parse(run.stdout) as Record<string, number>;
}

test('CSV: the demo data of NAB', async () => {
  const seen = await found(NAB);
  assert.deepEqual(seen.time, { field: 'timestamp', format: 'ISO 8601' });
  assert.equal(seen.key, null);
  assert.ok(seen.is_keyed, 'each file is a series');
  assert.deepEqual(seen.fields, ['value']);
  assert.equal(seen.interval_ms, 300_000);
  assert.equal(seen.disorder_ms, 0);
  assert.equal(seen.suggested.window_ms, 3_600_000);
  const totals = await runs('nab.yaml', NAB);
  assert.ok(totals['records']! > seen.source.records, 'more is loaded than was looked at');
  assert.equal(totals['series'], seen.series);
  assert.equal(totals['dead_letters'], 0);
  assert.ok(totals['windows']! > 1000 && totals['alerts']! > 0, JSON.stringify(totals));
});

/** Rows of three pumps, a value of each every 10 s; every tenth row comes 25 s late. */
function rows(count: number): { pump: string; at: number; pressure: number; rpm: number }[] {
  return Array.from({ length: count }, (_, i) => {
    const at = START + Math.floor(i / 3) * 10_000 - (i % 10 === 9 ? 25_000 : 0);
    return { pump: `pump-${i % 3}`, at, pressure: 5 + Math.sin(i / 7), rpm: 1500 + (i % 11) };
  });
}

test('NDJSON: a key by its values, times in seconds, nested numbers, rows out of order', async () => {
  const lines = rows(600).map(({ pump, at, pressure, rpm }) =>
    JSON.stringify({ epoch: at / 1000, machine: { label: pump }, m: { pressure, rpm } }),
  );
  writeFileSync(join(world.dir, 'pumps.ndjson'), `${lines.join('\n')}\n`);
  const seen = await found('pumps.ndjson');
  assert.deepEqual(seen.time, { field: 'epoch', format: 'seconds since 1970' });
  assert.equal(seen.series, 3);
  assert.equal(seen.interval_ms, 10_000);
  assert.ok(seen.disorder_ms >= 20_000 && seen.disorder_ms <= 40_000, String(seen.disorder_ms));
  assert.ok(seen.suggested.out_of_orderness_ms >= seen.disorder_ms, 'the watermark waits for what was seen');
  const totals = await runs('pumps.yaml', 'pumps.ndjson');
  assert.equal(totals['records'], 600);
  assert.equal(totals['series'], 3);
  assert.equal(totals['late'], 0);
});

test('a JSON topic: key, unit of time, fields, interval, disorder', async () => {
  const records = rows(900).map(({ pump, at, pressure, rpm }, i) => ({
    partition: i % 3,
    key: null,
    timestamp: at,
    value: { sensor: pump, ts: at * 1000, id: i, note: `n${i}`, ok: true, reading: { pressure, rpm } },
  }));
  await send(world.client, 'json-pumps', 3, records);
  const seen = await found('json-pumps');
  assert.deepEqual(seen.source, {
    kind: 'topic',
    topic: 'json-pumps',
    inputs: [],
    partitions: 3,
    format: 'json',
    records: 900,
    bad: 0,
  });
  assert.deepEqual(seen.time, { field: 'ts', format: 'microseconds since 1970' });
  assert.equal(seen.key, 'sensor', 'a number of each record names none, nor does a text that never repeats');
  assert.deepEqual(seen.fields, ['reading.pressure', 'reading.rpm']);
  assert.equal(seen.interval_ms, 10_000);
  assert.equal(seen.suggested.window_ms, 300_000);
  assert.equal(seen.split, null);
  assert.match(seen.yaml!, /reading_pressure: reading\.pressure/);
  const totals = await runs('json-pumps.yaml', 'json-pumps');
  assert.equal(totals['records'], 900);
  assert.equal(totals['series'], 3);
  assert.equal(totals['late'], 0);
  assert.ok(totals['windows']! > 0, JSON.stringify(totals));
});

test('an Avro topic, by the registry', async () => {
  const csv = rows(300).map(({ pump, at, pressure }) => `${new Date(at).toISOString()},${pump},${pressure}`);
  writeFileSync(join(world.dir, 'avro.csv'), `time,device_id,pressure\n${csv.join('\n')}\n`);
  const loaded = await world.run(['produce', 'avro.csv', '--topic', 'avro-pumps', '--partitions', '2']);
  assert.equal(loaded.code, 0, loaded.stderr);
  const seen = await found('avro-pumps');
  assert.equal(seen.source.format, 'avro');
  assert.deepEqual(seen.time, { field: 'time', format: 'milliseconds since 1970' });
  assert.equal(seen.key, 'device_id');
  assert.deepEqual(seen.fields, ['pressure']);
  const totals = await runs('avro-pumps.yaml', 'avro-pumps');
  assert.equal(totals['records'], 300);
  assert.equal(totals['series'], 3);
});

test('a series in two partitions is said, in the file and on stderr', async () => {
  const value = (i: number) => ({ sensor: 'a', ts: START + i * 1000, value: i });
  await send(
    world.client,
    'split',
    2,
    [0, 1, 2, 3].map((i) => ({ partition: i % 2, key: null, value: value(i) })),
  );
  assert.deepEqual((await found('split')).split, { series: 'a', partitions: [0, 1] });
  const { stdout, stderr } = await world.run(['init', 'split', '--to', '-']);
  assert.match(stdout, /# a is in partitions 0 and 1: run with --repartition/);
  assert.match(stderr, /series a is in partitions 0 and 1/);
});

test('no field of times, no key: what holds then stands as a comment', async () => {
  await send(
    world.client,
    'bare',
    1,
    [1, 2, 3, 4, 5].map((value) => ({ partition: 0, key: null, value: { value } })),
  );
  const seen = await found('bare');
  assert.deepEqual([seen.time, seen.key, seen.is_keyed], [null, null, false]);
  const totals = await runs('bare.yaml', 'bare');
  assert.equal(totals['records'], 5);
});

test('event times ahead of the records switch max_ahead off, or they would all be dead letters', async () => {
  const value = (i: number) => ({ sensor: 'a', ts: START + 86_400_000 + i * 1000, value: i });
  const records = [0, 1, 2, 3].map((i) => ({ partition: 0, key: null, value: value(i), timestamp: START + i }));
  await send(world.client, 'ahead', 1, records);
  assert.equal((await found('ahead')).suggested.max_ahead_ms, null);
  const totals = await runs('ahead.yaml', 'ahead');
  assert.equal(totals['dead_letters'], 0);
});

test('a file that is there is kept without --force, before anything is asked', async () => {
  writeFileSync(join(world.dir, 'mine.yaml'), 'mine');
  const kept = await world.run(['init', 'bare', '--to', 'mine.yaml', '--brokers', '127.0.0.1:1']);
  assert.equal(kept.code, 2);
  assert.match(kept.stderr, /mine\.yaml as it is already there[\s\S]*--force/);
  assert.equal(readFileSync(join(world.dir, 'mine.yaml'), 'utf8'), 'mine');
  const forced = await world.run(['init', 'bare', '--to', 'mine.yaml', '--force']);
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(readFileSync(join(world.dir, 'mine.yaml'), 'utf8'), /^version: 1$/m);
});

test('what cannot be looked at: no such topic, an empty one, one of text, several', async () => {
  const refused = async (code: number, pattern: RegExp, ...argv: string[]) => {
    const run = await world.run(['init', ...argv]);
    assert.equal(run.code, code, run.stderr);
    assert.match(run.stderr, pattern);
    assert.ok(!existsSync(join(world.dir, 'anomaly.yaml')), 'nothing is written');
  };
  await refused(2, /ANM_TOPIC_MISSING/, 'no-such-topic');
  await world.client.admin.createTopics([{ name: 'empty', partitions: 2 }]);
  await refused(5, /topic empty as it is empty[\s\S]*anomaly produce/, 'empty');
  await send(world.client, 'text', 1, [{ partition: 0, key: null, value: '1700000000,a,5.5' }]);
  await refused(5, /topic text: .*a value is "1700000000,a,5\.5"[\s\S]*source\.format: csv/, 'text');
  await refused(2, /several topics/, 'bare', 'split');
});
