import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { readJournal } from '../../../src/runtime/journal/journalReader.ts';
import { lineageOf } from '../../../src/runtime/journal/lineage.ts';
import type { LocalMember } from '../../../src/runtime/localMember.ts';
import type { Scorers } from '../../../src/runtime/model/modelOptions.ts';
import { append, readTopic, startWorld, type World } from '../../helpers/world.ts';
import { configOf, LogLines } from '../helpers/config.ts';
import { type DistanceOptions, DistanceScorer } from '../helpers/distanceScorer.ts';
import { startMember } from '../helpers/member.ts';
import { MemoryCheckpoints } from '../helpers/memoryCheckpoints.ts';

const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const yamlOf = (topic: string, more = '') => `pipeline: ${topic}
source: {topics: [${topic}], time: ts, format: json}
time: {max_ahead: off}
score:
  detector: kpi
  threshold: 1.2
  refractory: 0s
  model: {uri: first, input: {length: 2, fields: [value]}, timeout: 2s${more}}
guarantee: exactly-once
commit_every: 20ms
checkpoint: {every: 40ms, retain: 2}
sinks: {format: json}
`;

/** A pipeline whose models are by name, with records that come when the test wants them. */
class Piped {
  readonly opened: string[] = [];
  readonly log = new LogLines();
  readonly topic: string;
  readonly #yaml: string;
  readonly #models: Readonly<Record<string, Partial<DistanceOptions>>>;
  readonly #checkpoints = new MemoryCheckpoints();
  readonly scorers: DistanceScorer[] = [];
  member!: LocalMember;
  #stop = new AbortController();
  #ended: Promise<unknown> = Promise.resolve();
  #count = 0;

  constructor(topic: string, models: Readonly<Record<string, Partial<DistanceOptions>>>, more = '') {
    this.topic = topic;
    this.#yaml = yamlOf(topic, more);
    this.#models = models;
  }

  async start(others: Partial<Scorers> = {}): Promise<void> {
    this.#stop = new AbortController();
    const scorers = () => ({ live: this.#model('first'), open: async (uri: string) => this.#model(uri), ...others });
    this.member = startMember({
      ...{ world, config: await configOf(this.#yaml), log: this.log, signal: this.#stop.signal, scorers },
      checkpoints: this.#checkpoints,
    });
    this.#ended = this.member.run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  /** Records of which every fiftieth is a spike; resolves when they are committed. */
  async send(count: number): Promise<void> {
    const producer = await world.client.createProducer();
    for (let end = this.#count + count; this.#count < end; this.#count++) {
      const i = this.#count;
      const value = ((i * 7919) % 101) / 50 + (i % 50 === 49 ? 40 : 0);
      append(producer, this.topic, { partition: 0, key: 'k', value: { ts: START_MS + i * 60_000, value } });
    }
    await producer.close();
    await this.until(() => this.member.statuses()[0]!.partitions[0]?.committed === this.#count);
  }

  async until(isSo: () => boolean): Promise<void> {
    const endMs = performance.now() + 120_000;
    while (!isSo()) {
      assert.ok(
        performance.now() < endMs,
        `waited in vain: ${JSON.stringify(this.member.statuses())} ${this.log.lines.join('\n')}`,
      );
      await setTimeout(5);
    }
  }

  async promote(id: string, model: string): Promise<string> {
    this.member.command({ id, command: 'promote', name: null, group: null, sentMs: 0, by: 'test', model });
    const answer = () => this.member.statuses()[0]!.applied.find((each) => each.id === id);
    await this.until(() => answer() !== undefined);
    return answer()!.result ?? `${answer()!.error?.code} ${answer()!.error?.message}`;
  }

  async names(): Promise<(string | null)[]> {
    const rows = (await readTopic(world, `${this.topic}.anomalies`)).flat();
    return rows.map(({ value }) => (value as { model: { name: string } | null }).model?.name ?? null);
  }

  async journaled() {
    const rest = { logger: this.log, ticks: () => performance.now(), transactionTimeoutMs: 1000 };
    for (;;) {
      try {
        const { entries } = await readJournal({ client: world.client, topic: `${this.topic}.journal`, ...rest }, 0);
        return lineageOf(entries, { topic: this.topic, partition: 0 });
      } catch (error) {
        // The run has trimmed it meanwhile.
        if ((error as { code?: string }).code !== 'ANM_OFFSET_OUT_OF_RANGE') throw error;
      }
    }
  }

  #model(uri: string): DistanceScorer {
    this.opened.push(uri);
    const given = this.#models[uri];
    if (given === undefined) throw new Error(`there is no ${uri}`);
    const scorer = new DistanceScorer({ length: 2, identity: { name: uri, sha256: uri }, ...given });
    this.scorers.push(scorer);
    return scorer;
  }
}

test('promote: another model from an offset on, without a pause, over restarts, as long as the configuration stands', async () => {
  const topic = 'swapped';
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const piped = new Piped(topic, { first: {}, second: {}, wide: { length: 5 } });
  await piped.start();
  await piped.send(300);
  assert.equal(
    await piped.promote('a', 'wide'),
    'ANM_CONTROL cannot ask wide as it reads {"length":5,"fields":["value"],"scaling":"none"}, and the pipeline\'s windows are {"length":2,"fields":["value"],"scaling":"none"}',
  );
  assert.match(await piped.promote('b', 'gone'), /there is no gone/);
  assert.equal(await piped.promote('c', 'second'), 'second, in the place of first');
  await piped.send(300);
  assert.equal(piped.member.statuses()[0]!.model?.name, 'second');
  const before = await piped.names();
  assert.ok(before.includes('first') && before.includes('second'), before.join());
  assert.ok(before.lastIndexOf('first') < before.indexOf('second'), before.join());
  assert.equal((await piped.journaled()).model?.uri, 'second');
  // Snapshots trim the journal behind them: the model is named again with them.
  await piped.send(300);
  await piped.stop();
  piped.opened.length = 0;
  await piped.start();
  await piped.send(200);
  assert.deepEqual(piped.opened, ['first', 'second']);
  const since = (await piped.names()).slice(before.length);
  assert.ok(since.length > 2 && !since.includes('first'), since.join());
  assert.ok(piped.log.lines.some((line) => /goes on with second, which was put in the place of first/.test(line)));
  assert.ok(!piped.log.lines.some((line) => line.includes('learnt from without the model')));
  await piped.stop();
  // What the run has opened by itself it has closed.
  const [second] = piped.scorers.filter(({ identity }) => identity.name === 'second');
  assert.equal(second!.isClosed, true);
});

test('a promoted model that gives no scores goes by itself, and the journal says so', async () => {
  const topic = 'fell-back';
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const piped = new Piped(topic, { first: {}, broken: { fails: () => true } }, ', rollback: {values: 100}');
  await piped.start();
  await piped.send(200);
  assert.equal(await piped.promote('a', 'broken'), 'broken, in the place of first');
  await piped.send(200);
  await piped.until(() => piped.member.statuses()[0]!.model?.rollbacks === 1);
  assert.equal(piped.member.statuses()[0]!.model?.name, 'first');
  await piped.send(100);
  const { model } = await piped.journaled();
  assert.equal(model?.uri, 'first');
  assert.match(model!.reason, /^rolled back: 100\.0 % of \d+ values had no score/);
  assert.ok(piped.log.lines.some((line) => /went back from broken to first, as 100\.0 %/.test(line)));
  await piped.stop();
});

test('a shadow is asked and compared, and changes no alert; a canary is asked for its series', async () => {
  const topic = 'shadowed';
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const piped = new Piped(topic, { first: {} }, ', shadow: s, canary: {uri: c, share: 1}');
  const shadow = new DistanceScorer({ length: 2, identity: { name: 's' } });
  const canary = new DistanceScorer({ length: 2, identity: { name: 'c' } });
  await piped.start({ shadow, canary });
  await piped.send(400);
  const status = piped.member.statuses()[0]!.model!;
  assert.equal(status.name, 'first');
  assert.ok(status.shadow!.compared > 300 && status.shadow!.disagreed === 0, JSON.stringify(status.shadow));
  assert.deepEqual([status.canary!.name, status.canary!.share, status.canary!.asked], ['c', 1, canary.asked]);
  assert.equal(canary.asked + status.asked, shadow.asked);
  const names = new Set(await piped.names());
  assert.ok(names.has('c') && !names.has('s') && !names.has('first'), [...names].join());
  await piped.stop();
});
