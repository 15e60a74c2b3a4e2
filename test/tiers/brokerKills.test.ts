// A real Kafka that is killed by `kill -9` and started again on the same data, in the middle of produce and of run.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { startRegistry } from '../../src/broker/registry.ts';
import { connect } from '../../src/clients/connect.ts';
import { type Child, killTheRest, startAnomaly } from '../invariants/helpers/child.ts';
import { seeded } from '../invariants/helpers/readings.ts';
import { environment, parseLines, type Surroundings, tool } from './helpers/cli.ts';
import { assertNothingLost, type Death, noteDeath, partitionsOf, SINKS } from './helpers/deaths.ts';
import { type Kafka, startKafka } from './helpers/services.ts';

/** Each is 15 s: Kafka has to read its log again. */
const KILLS = Number(process.env['ANOMALY_TEST_BROKER_KILLS'] ?? 20);
const PARTITIONS = 4;
const SERIES = 200;
const SLICE_ROWS = 6000;
/** Rows a second: the broker dies while they are sent. */
const RATE = 6000;
const START_MS = Date.UTC(2026, 0, 1);

let kafka: Kafka;
let around: Surroundings;
const closing: (() => Promise<unknown>)[] = [];

before(async () => {
  kafka = await startKafka({ startsQuickly: true });
  closing.push(() => kafka.remove());
  const registry = await startRegistry({ port: 0 });
  closing.push(() => registry.close());
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-broker-kills-'));
  closing.push(async () => rmSync(dir, { recursive: true, force: true }));
  around = { brokers: kafka.brokers, registry: registry.url, dir };
  await withClient(async ({ admin }) => {
    const topics = ['rows', ...['live', 'whole'].flatMap((group) => SINKS.map((sink) => `${group}.${sink}`))];
    await admin.createTopics(topics.map((name) => ({ name, partitions: PARTITIONS })));
  });
});
afterEach(killTheRest);
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** A client of its own each time, since what the broker's death does to the tool's is what is tested. */
async function withClient<T>(use: (client: Awaited<ReturnType<typeof connect>>) => Promise<T>): Promise<T> {
  const client = await connect({ brokers: [around.brokers], client: 'platformatic', retryTimeoutMs: 60_000 });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

const start = (...argv: string[]): Child =>
  startAnomaly({ dir: around.dir, env: environment(around) }, [...argv, '-X', 'retry_timeout=120s']);

const run = (group: string, ...more: string[]) =>
  start(
    ...['run', '--topic', 'rows', '--pipeline', group, '--time', 'ts', '--window', '1m', '--max-ahead', 'off'],
    ...['--detector', 'rolling-z', '--commit-every', '100ms'],
    ...SINKS.flatMap((sink) => ['-X', `sinks.${sink.replace('dlq', 'dead_letters')}=${group}.${sink}`]),
    ...more,
  );

/** Rows of a slice, each with a number of its own; ten seconds of event time a round of the series. */
function writeSlice(slice: number, random: () => number): string {
  let text = 'ts,sensor_id,value,n\n';
  for (let i = 0; i < SLICE_ROWS; i++) {
    const n = slice * SLICE_ROWS + i;
    const series = n % SERIES;
    const lateMs = random() < 0.002 ? 600_000 : 0;
    const value = (series + random() + (random() > 0.9985 ? 50 : 0)).toFixed(3);
    text += `${START_MS + Math.floor(n / SERIES) * 10_000 - lateMs},s-${series},${value},${n}\n`;
  }
  const file = `slice-${slice}.csv`;
  writeFileSync(join(around.dir, file), text);
  return file;
}

const rowCount = () =>
  withClient(async ({ admin }) =>
    (await admin.listOffsets(partitionsOf('rows', PARTITIONS), 'latest')).reduce((sum, { offset }) => sum + offset, 0),
  );

/** The broker dies when some of the rows have arrived, and is back at once; produce ends as if nothing had been. */
async function killIn(slice: number, random: () => number): Promise<Death> {
  const file = writeSlice(slice, random);
  const before = await rowCount();
  const produce = start(
    ...['produce', file, '--topic', 'rows', '--key', 'sensor_id', '--order', 'file', '--format', 'json'],
    ...['--rate', String(RATE), '-o', 'json'],
  );
  const target = before + 1 + Math.floor(random() * SLICE_ROWS * 0.6);
  while ((await rowCount()) < target) assert.doesNotMatch(produce.stderr(), /error\[/);
  const death = await withClient((client) => noteDeath(client, 'rows', 'live', PARTITIONS));
  const { dataDir, port, controllerPort } = kafka;
  await kafka.stop('SIGKILL');
  kafka = await startKafka({ dataDir, port, controllerPort, startsQuickly: true });
  const { code, stdout, stderr } = await produce.ended;
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).rows, SLICE_ROWS);
  return death;
}

test(`${KILLS} kills of the broker lose nothing of produce and of run`, { timeout: 900_000 }, async (t) => {
  const random = seeded(4242);
  const live = run('live');
  const deaths: Death[] = [];
  while (deaths.length < KILLS) {
    deaths.push(await killIn(deaths.length, random));
    assert.doesNotMatch(live.stderr(), /error\[/);
  }
  live.kill('SIGTERM');
  const { code, stderr } = await live.ended;
  assert.equal(code, 0, stderr);
  for (const group of ['live', 'whole']) {
    const last = await run(group, '--until', 'end', '-o', 'json').ended;
    assert.equal(last.code, 0, last.stderr);
  }
  const { lost, doubled } = await countRows();
  t.diagnostic(`${KILLS} kills of the broker in produce: ${KILLS * SLICE_ROWS} rows, ${lost} lost, ${doubled} doubled`);
  assert.deepEqual([lost, doubled], [0, 0], 'produce lives on, so idempotence holds');
  const say = (line: string) => t.diagnostic(line);
  // What produce lets through, run can decode.
  const groups = { killed: 'live', whole: 'whole', mayBeEmpty: ['dlq'] };
  const repeats = await assertNothingLost(around, groups, PARTITIONS, deaths, say);
  t.diagnostic(`${KILLS} kills of the broker in run: 0 output rows lost, ${repeats} doubled`);
});

/** Rows of the topic by their numbers; those of a partition are in the order of the file. */
async function countRows(): Promise<{ lost: number; doubled: number }> {
  const seen = new Set<number>();
  let doubled = 0;
  const latest = new Array<number>(PARTITIONS).fill(-1);
  const text = await tool(around, 'tail', 'rows', '--offset', 'start:end', '-o', 'ndjson');
  const records = parseLines<{ partition: number; offset: number; value: { n: number } }>(text);
  for (const { partition, value } of records.sort((a, b) => a.offset - b.offset)) {
    const { n } = value;
    if (seen.has(n)) doubled += 1;
    else assert.ok(n > latest[partition]!, `row ${n} comes after row ${latest[partition]} in partition ${partition}`);
    seen.add(n);
    latest[partition] = Math.max(latest[partition]!, n);
  }
  return { lost: KILLS * SLICE_ROWS - seen.size, doubled };
}
