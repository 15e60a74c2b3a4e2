import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CheckpointStore } from '../../../src/stores/checkpointStore.ts';
import { startWorld, type World } from '../../helpers/world.ts';
import { Readings } from '../../invariants/helpers/readings.ts';
import { TopicReader } from '../../invariants/helpers/topicReader.ts';
import { configOf, LogLines } from '../helpers/config.ts';
import { startMember } from '../helpers/member.ts';

const PARTITIONS = 4;
const SERIES = 5;
/** Between two readings of a series, which are ten seconds apart: far below what a member takes, or a wait is of a backlog. */
const EVERY_MS = 10;
/** Of each partition that is looked at: 12 windows, at that pace some 0.7 s. */
const ROWS = 12 * SERIES;
const ROUNDS = 3;
/** A partition puts out rows every 60 ms; so long it may wait where nothing else wants the machine. */
const MOST_MS = 300;
/** And so much as a multiple of what it waits while nobody restores anything. */
const MOST_TIMES = 5;
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** The store as it is, but what is read from it comes when the test lets it. */
function held(store: CheckpointStore, onLoad: () => void, mayGo: Promise<void>): CheckpointStore {
  return {
    location: store.location,
    save: (snapshot) => store.save(snapshot),
    load: async (reference) => {
      onLoad();
      await mayGo;
      return store.load(reference);
    },
    list: (topic, partition) => store.list(topic, partition),
    remove: (references) => store.remove(references),
    probe: () => store.probe(),
    close: () => store.close(),
  };
}

/** Feeds all partitions evenly all the time, and follows the rows. */
class Feed {
  readonly #readings: Readings;
  readonly #rows: TopicReader;
  #fedMs = 0;

  constructor(readings: Readings, rows: TopicReader) {
    this.#readings = readings;
    this.#rows = rows;
  }

  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) await this.#step();
  }

  /** The longest wait for a row of any of the partitions, until each has put out `ROWS` more. */
  async longestMs(partitions: readonly number[]): Promise<number> {
    const from = this.#rows.values.map((values) => values.length);
    const had = [...from];
    const lastMs = had.map(() => performance.now());
    let longestMs = 0;
    await this.until(() => {
      const time = performance.now();
      for (const p of partitions) {
        const { length } = this.#rows.values[p]!;
        if (length === had[p]) continue;
        longestMs = Math.max(longestMs, time - lastMs[p]!);
        had[p] = length;
        lastMs[p] = time;
      }
      return partitions.every((p) => had[p]! >= from[p]! + ROWS);
    });
    return longestMs;
  }

  async #step(): Promise<void> {
    if (performance.now() - this.#fedMs >= EVERY_MS) {
      this.#fedMs = performance.now();
      this.#readings.append(PARTITIONS * SERIES);
    }
    await this.#rows.poll(5);
  }
}

async function rounds(measure: () => Promise<number>): Promise<number[]> {
  const longest: number[] = [];
  for (let round = 0; round < ROUNDS; round++) longest.push(await measure());
  return longest;
}

for (const guarantee of ['at-least-once', 'exactly-once'] as const) {
  test(`${guarantee}: partitions that a member keeps go on while it restores others from a store that does not answer`, async (t) => {
    const topic = `besides-${guarantee}`;
    const configs = { 'retention.ms': '-1' };
    const topics = [topic, `${topic}.windows`].map((name) => ({ name, partitions: PARTITIONS, configs }));
    await world.client.admin.createTopics(topics);
    const config = await configOf(
      [
        `pipeline: ${topic}`,
        `source: {topics: [${topic}], time: ts, fields: {value: value}}`,
        'time: {max_ahead: off}',
        'windows: [{name: w1m, type: tumbling, size: 1m, aggregates: [count]}]',
        `sinks: {format: json, windows: ${topic}.windows}`,
        'checkpoint: {every: 500ms}',
        `guarantee: ${guarantee}`,
        'commit_every: 20ms',
      ].join('\n'),
    );
    const windows = await TopicReader.open(world, `${topic}.windows`, PARTITIONS);
    const producer = await world.client.createProducer();
    const feed = new Feed(new Readings(producer, topic, PARTITIONS, SERIES, 5), windows);
    const log = new LogLines();
    let loads = 0;
    let letGo = () => {};
    const mayGo = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const stops = [new AbortController(), new AbortController()] as const;
    // A test that fails in the middle must not leave its members behind.
    t.after(() => {
      letGo();
      for (const each of stops) each.abort();
    });
    const shared = { world, config, stateDir: world.dir };
    const isShared = (count: number) => async () => {
      const { members, state } = await world.client.admin.describeGroup(topic);
      return state === 'Stable' && members.length === count && members.every((each) => each.partitions.length > 0);
    };
    const wrapStore = (store: CheckpointStore) => held(store, () => loads++, mayGo);
    const stays = startMember({ ...shared, log, signal: stops[0].signal, wrapStore }).run();
    await feed.until(isShared(1));
    const goes = startMember({ ...shared, log: new LogLines(), signal: stops[1].signal }).run();
    await feed.until(isShared(2));
    const kept = keptOf(log);
    assert.ok(kept.length > 0 && kept.length < PARTITIONS, log.lines.join('\n'));
    const others = [...Array(PARTITIONS).keys()].filter((partition) => !kept.includes(partition));
    const from = windows.values.map(({ length }) => length);
    await feed.until(() => windows.values.every(({ length }, p) => length >= from[p]! + ROWS));
    const alone = await rounds(() => feed.longestMs(kept));
    const before = loads;
    stops[1].abort();
    // Its last commit and its leaving are no pause of the other.
    await feed.until(() => loads > before);
    // What the restore holds up comes never: the store answers only after it.
    const besides = await rounds(() => feed.longestMs(kept));
    letGo();
    const without = windows.values.map(({ length }) => length);
    await feed.until(() => others.every((p) => windows.values[p]!.length > without[p]!));
    // A wait that the restore brings is there each time, one that the machine brings is not.
    const [waitMs, mostMs] = [Math.min(...besides), Math.max(MOST_MS, MOST_TIMES * Math.min(...alone))];
    const told = [besides, alone].map((waits) => waits.map(Math.round).join(', ')).join(' ms; without a restore ');
    t.diagnostic(`${kept.length} kept; longest waits by round ${told} ms`);
    assert.ok(waitMs < mostMs, told);
    stops[0].abort();
    await Promise.all([stays, goes]);
    await windows.close();
  });
}

/** What it was given, without what it gave up. */
function keptOf(log: LogLines): number[] {
  const owned = new Set<number>();
  for (const line of log.lines) {
    const partitions = [...line.matchAll(/[\w-]+\/(\d+)/g)].map((match) => Number(match[1]));
    if (/^info assigned/.test(line)) for (const each of partitions) owned.add(each);
    if (/^info gave up/.test(line)) for (const each of partitions) owned.delete(each);
  }
  return [...owned];
}
