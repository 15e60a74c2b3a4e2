import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { ApiName } from '../../src/broker/protocol/apis.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { type Child, killTheRest, startAnomaly } from './helpers/child.ts';
import { readByForeign, wantsForeign } from './helpers/foreignReader.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Readings, seeded } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

/** How often a process dies; the named long run (see README.md) takes more. */
const KILLS = Number(process.env['ANOMALY_TEST_KILLS'] ?? 10);
const SEED = Number(process.env['ANOMALY_TEST_SEED'] ?? 20_261);
const PARTITIONS = 4;
const SERIES_EACH = 40;
const SINKS = ['windows', 'anomalies', 'late', 'dlq'] as const;
/** Longer than a session, which the run leaves at ten seconds, and than its transaction_timeout. */
const LEAP_MS = 15_000;
/** What is held at death happens after all when the clock leaps. */
const HELD_MS = 14_000;
const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
afterEach(killTheRest);
after(() => world.close());

/** Where a process is when it dies. */
const PHASES = [
  'rows',
  'produce held',
  'offsets held',
  'end held',
  'end done, answer lost',
  'upload',
  'restore',
  'rebalance',
] as const;
type Phase = (typeof PHASES)[number];

const flags = (pipeline: string, ...more: string[]) => [
  'run',
  ...['--topic', 'readings', '--pipeline', pipeline, '--time', 'ts', '--window', '1m', '--max-ahead', 'off'],
  ...['--detector', 'rolling-z', '--guarantee', 'exactly-once', '--commit-every', '100ms'],
  ...['--checkpoint-every', '400ms', '-X', 'checkpoint.retain=3', '--transaction-timeout', '5s'],
  ...SINKS.flatMap((sink) => ['-X', `sinks.${sink.replace('dlq', 'dead_letters')}=${pipeline}.${sink}`]),
  ...more,
];

/** One pipeline that is killed again and again, while readings keep coming. */
class Killed {
  readonly hits = new Map<string, number>();
  readonly #readings: Readings;
  readonly #windows: TopicReader;
  readonly #random = seeded(SEED);
  #member = 0;

  constructor(readings: Readings, windows: TopicReader) {
    this.#readings = readings;
    this.#windows = windows;
  }

  /** A process that lives until it is in that phase. A static member, every other time: its id is taken over at once. */
  async once(phase: Phase): Promise<void> {
    const isStatic = this.#member++ % 2 === 0;
    const child = this.#start(isStatic);
    const where = await this.#reach(phase, child);
    child.kill('SIGKILL');
    assert.equal((await child.ended).signal, 'SIGKILL', child.stderr());
    world.broker.faults.clear();
    const found = where();
    this.hits.set(found, (this.hits.get(found) ?? 0) + 1);
    // So the broker takes note of the death.
    clock.leap(LEAP_MS);
  }

  #start(isStatic: boolean): Child {
    return startAnomaly(world, flags('killed', ...(isStatic ? ['--instance', 'one'] : [])));
  }

  /** Resolves when the process is in the phase; the answer says, after its death, where it was for sure. */
  async #reach(phase: Phase, child: Child): Promise<() => string> {
    switch (phase) {
      case 'rows':
        await this.#rows(child, Math.floor(this.#random() * 400));
        return () => phase;
      case 'produce held':
        return this.#struck(child, phase, { api: 'Produce', delayMs: HELD_MS });
      case 'offsets held':
        return this.#struck(child, phase, { api: 'TxnOffsetCommit', delayMs: HELD_MS });
      case 'end held':
        return this.#struck(child, phase, { api: 'EndTxn', delayMs: HELD_MS });
      case 'end done, answer lost':
        return this.#struck(child, phase, { api: 'EndTxn', drop: 'after' });
      case 'upload': {
        await this.#rows(child, 50);
        const known = new Set(snapshotFolders());
        const begun = () => snapshotFolders().filter((each) => !known.has(each));
        await this.#until(child, () => begun().length > 0);
        return () => (begun().some((each) => !existsSync(join(each, 'manifest.json'))) ? phase : 'after an upload');
      }
      case 'restore': {
        let restored = false;
        await this.#until(
          child,
          () => /restoring readings/.test(child.stderr()) || child.stderr().includes('restored'),
        );
        restored = child.stderr().includes('restored');
        return () => (restored ? 'after a restore' : phase);
      }
      case 'rebalance': {
        await this.#rows(child, 50);
        const other = this.#start(false);
        await this.#until(child, () => /assigned readings/.test(other.stderr()));
        await this.#rows(child, Math.floor(this.#random() * 50));
        other.kill('SIGKILL');
        await other.ended;
        return () => phase;
      }
    }
  }

  async #struck(
    child: Child,
    phase: Phase,
    fault: { api: ApiName; delayMs?: number; drop?: 'after' },
  ): Promise<() => string> {
    await this.#rows(child, 20 + Math.floor(this.#random() * 200));
    world.broker.faults.inject({ ...fault, skip: Math.floor(this.#random() * 4) });
    await this.#until(child, () => world.broker.faults.armedCount === 0);
    return () => phase;
  }

  async #rows(child: Child, rows: number): Promise<void> {
    const target = this.#windows.count + rows;
    await this.#until(child, () => this.#windows.count >= target);
  }

  async #until(child: Child, isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      // Only a pipeline that moves sends requests.
      this.#readings.append(200);
      await this.#windows.poll(20);
      assert.doesNotMatch(child.stderr(), /error\[/);
    }
  }
}

function snapshotFolders(): string[] {
  const root = join(world.dir, 'state', 'anomaly', 'killed');
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => /readings-\d+\/\d{20}-[^/]+$/.test(name))
    .map((name) => join(root, name));
}

test(`killed ${KILLS} times, a pipeline puts out exactly what an undisturbed one does, record for record`, async (t) => {
  // The clock leaps past the retention checks, and the readings bear old times.
  const configs = { 'retention.ms': '-1' };
  const topics = ['readings', ...SINKS.map((sink) => `killed.${sink}`)];
  await world.client.admin.createTopics(topics.map((name) => ({ name, partitions: PARTITIONS, configs })));
  const producer = await world.client.createProducer();
  const readings = new Readings(producer, 'readings', PARTITIONS, SERIES_EACH, 7);
  const windows = await TopicReader.open(world, 'killed.windows', PARTITIONS);
  const killed = new Killed(readings, windows);
  for (let kill = 0; kill < KILLS; kill++) await killed.once(PHASES[kill % PHASES.length]!);
  for (const [phase, count] of killed.hits) t.diagnostic(`${count} x ${phase}`);
  await producer.flush();
  await windows.close();

  const last = await world.run(flags('killed', '--until', 'end', '-o', 'json'));
  assert.equal(last.code, 0, last.stderr);
  const whole = await world.run(flags('whole', '--until', 'end', '-o', 'json'));
  assert.equal(whole.code, 0, whole.stderr);
  // More where its session ran out on a busy machine, and it read again what it had not committed.
  assert.ok(JSON.parse(whole.stdout).records >= readings.count, whole.stdout);
  t.diagnostic(`${readings.count} records; the last run restored by ${JSON.parse(last.stdout).restored} of them`);
  for (const sink of SINKS) await assertEqualRecords(sink);

  const sources = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 'readings', partition }));
  const ends = await world.client.admin.listOffsets(sources, 'latest');
  assert.deepEqual(await world.client.admin.groupOffsets('killed', sources), ends);
});

/** By partition: the same committed records in the same order, none missing and none twice. */
async function assertEqualRecords(sink: string): Promise<void> {
  const whole = await (await TopicReader.open(world, `whole.${sink}`, PARTITIONS)).toEnd(world);
  const killed = await (await TopicReader.open(world, `killed.${sink}`, PARTITIONS)).toEnd(world);
  const foreign = wantsForeign() ? await readByForeign(world, `killed.${sink}`, PARTITIONS) : killed.values;
  assert.ok(whole.count > 10, `${whole.count} ${sink}`);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    assert.deepEqual(killed.values[partition], whole.values[partition], `${sink} of partition ${partition}`);
    assert.deepEqual(foreign[partition], whole.values[partition], `${sink} of partition ${partition}, by kafkajs`);
  }
  await Promise.all([whole.close(), killed.close()]);
}
