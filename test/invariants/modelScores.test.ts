// A model answers when it will. What is put out depends on the records and on what it said, and what it said is journaled.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runJob } from '../../src/runtime/job.ts';
import { readJournal } from '../../src/runtime/journal/journalReader.ts';
import { readTopic, startWorld, type World } from '../helpers/world.ts';
import { configOf, LogLines } from '../runtime/helpers/config.ts';
import { DistanceScorer, turnsOf } from '../runtime/helpers/distanceScorer.ts';
import { MemoryCheckpoints } from '../runtime/helpers/memoryCheckpoints.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Lives, PARTITIONS } from './helpers/lives.ts';
import { Readings, seeded } from './helpers/readings.ts';

const LIVES = 2;
const SEED = Number(process.env['ANOMALY_TEST_SEED'] ?? 811);
const SCORE = `
  detector: kpi
  threshold: 1.2
  refractory: 0s
  when: detector > 0 or value < 8
  model: {uri: distance, batch: 16, in_flight: 3, timeout: 60s, input: {length: 3, fields: [value]}}`;
const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
after(() => world.close());

/** What a value is, not when it was asked, says whether there is a score: the undisturbed run has to lack the same ones. */
const fails = (score: number) => Math.floor(score * 1e4) % 23 === 0;

async function liveAndDie(lives: Lives, count: number, random: () => number): Promise<void> {
  const store = new MemoryCheckpoints();
  for (let life = 0; life < count; life++) {
    let saves = 0;
    const isAway = random() < 0.3;
    store.onSave = () => {
      saves++;
      if (isAway) throw new Error('the store is away');
    };
    const enough = Math.floor(random() * 8);
    await lives.one(
      () => store,
      () => isAway || saves >= enough,
    );
  }
  store.onSave = () => {};
  await lives.assertAsUndisturbed(
    () => store,
    () => new MemoryCheckpoints(),
  );
  assert.ok(!lives.log.lines.some((line) => line.includes('without the model')), lives.log.lines.join('\n'));
}

test(`answers in any order, ${LIVES} deaths, and the outputs are those of an undisturbed run`, async (t) => {
  t.diagnostic(`seed ${SEED} (ANOMALY_TEST_SEED)`);
  const random = seeded(SEED);
  const scorers: DistanceScorer[] = [];
  const scorer = () => {
    scorers.push(new DistanceScorer({ length: 3, pause: turnsOf(random, 12), fails }));
    return scorers.at(-1)!;
  };
  const lives = await Lives.open(world, clock, 'modelled', SEED, { score: SCORE, scorer });
  await liveAndDie(lives, LIVES, random);
  const alerts = (await readTopic(world, 'modelled.anomalies')).flat().map(({ value }) => value as { model: unknown });
  const byModel = alerts.filter(({ model }) => model !== null);
  assert.ok(byModel.length > 10, `${byModel.length} of ${alerts.length} alerts with the model`);
  assert.ok(byModel.length < alerts.length);
  assert.deepEqual(byModel[0]!.model, { name: 'distance', version: '1', sha256: 'd15' });
  const most = Math.max(...scorers.map((each) => each.most));
  assert.ok(most > 16 && most <= 48, `${most} rows at once`);
  const rest = { logger: lives.log, ticks: () => performance.now(), transactionTimeoutMs: 1000 };
  const { entries } = await readJournal({ client: world.client, topic: 'modelled.journal', ...rest }, 0);
  assert.ok(entries.some(({ type }) => type === 'scores'));
  t.diagnostic(`${lives.readings.count} records, ${alerts.length} alerts, ${byModel.length} with the model`);
  assert.equal(PARTITIONS, 4);
});

test('windows that silence and the end close wait for the model as any others', async (t) => {
  const random = seeded(SEED + 1);
  const scorers: DistanceScorer[] = [];
  const scorer = () => {
    scorers.push(new DistanceScorer({ length: 3, pause: turnsOf(random, 6), fails }));
    return scorers.at(-1)!;
  };
  const score = SCORE.replace('detector: kpi', 'on: w1m.mean\n  detector: kpi').replace(
    '  when: detector > 0 or value < 8\n',
    '',
  );
  const lives = await Lives.open(world, clock, 'windowed', SEED + 1, { score, scorer });
  await liveAndDie(lives, 2, random);
  // The last of them is of the run to the end, which closes what is open.
  assert.ok(scorers.at(-1)!.asked > 0);
  t.diagnostic(`${scorers.map(({ asked }) => asked).join(', ')} windows asked for`);
});

test('scores that come by chance are run again as they were: replay --verify finds each row', async () => {
  const topic = 'by-chance';
  const random = seeded(SEED + 2);
  const configs = { 'retention.ms': '-1' };
  await world.client.admin.createTopics([{ name: topic, partitions: PARTITIONS, configs }]);
  const readings = new Readings(await world.client.createProducer(), topic, PARTITIONS, 3, SEED);
  readings.append(9000);
  await readings.flush();
  const yaml = `pipeline: ${topic}
source: {topics: [${topic}], time: ts}
time: {max_ahead: off}
score: ${SCORE}
sinks: {format: json}
guarantee: exactly-once
commit_every: 20ms
`;
  const scorer = new DistanceScorer({ length: 3, pause: turnsOf(random, 9), fails: () => random() < 0.2 });
  const log = new LogLines();
  const { totals } = await runJob({
    ...{ client: world.client, registry: undefined, stage: 'run', groupId: topic, toolVersion: '0' },
    config: await configOf(yaml),
    localDir: world.dir,
    openCheckpoints: async () => new MemoryCheckpoints(),
    recovery: { fresh: false, acceptGap: false, allow: [] },
    ...{ untilEnd: true, leaveOpen: false, maxBadRate: 1, logger: log, now: Date.now },
    ticks: () => performance.now(),
    signal: new AbortController().signal,
    scorers: { live: scorer },
  });
  assert.ok(totals.alerts > 20 && scorer.asked > 1000, `${totals.alerts} alerts, ${scorer.asked} asked`);
  writeFileSync(join(world.dir, 'by-chance.yaml'), yaml);
  const { code, stdout, stderr } = await world.run([
    'replay',
    topic,
    '--verify',
    '--config',
    'by-chance.yaml',
    '-o',
    'json',
  ]);
  assert.equal(code, 0, stderr);
  const verified = JSON.parse(stdout) as { partitions: { outputs: { topic: string; rows: number }[] }[] };
  const rows = verified.partitions.flatMap(({ outputs }) =>
    outputs.filter((each) => each.topic.endsWith('.anomalies')),
  );
  assert.equal(
    rows.reduce((sum, each) => sum + each.rows, 0),
    totals.alerts,
  );
});
