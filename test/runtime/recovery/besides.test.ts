import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CheckpointStore } from '../../../src/stores/checkpointStore.ts';
import { startWorld, type World } from '../../helpers/world.ts';
import { Readings } from '../../invariants/helpers/readings.ts';
import { TopicReader } from '../../invariants/helpers/topicReader.ts';
import { configOf, LogLines } from '../helpers/config.ts';
import { startMember } from '../helpers/member.ts';

const PARTITIONS = 4;
const SLOW_MS = 2000;
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** The store as it is, but what is read from it takes its time. */
function slowly(store: CheckpointStore, onLoad: (isDone: boolean) => void): CheckpointStore {
  return {
    location: store.location,
    save: (snapshot) => store.save(snapshot),
    load: async (reference) => {
      onLoad(false);
      await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      const snapshot = await store.load(reference);
      onLoad(true);
      return snapshot;
    },
    list: (topic, partition) => store.list(topic, partition),
    remove: (references) => store.remove(references),
    probe: () => store.probe(),
    close: () => store.close(),
  };
}

for (const guarantee of ['at-least-once', 'exactly-once'] as const) {
  test(`${guarantee}: partitions that a member keeps go on while it restores others from a slow store`, async (t) => {
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
    const readings = new Readings(await world.client.createProducer(), topic, PARTITIONS, 5, 5);
    const windows = await TopicReader.open(world, `${topic}.windows`, PARTITIONS);
    const stateDir = world.dir;
    const log = new LogLines();
    let loading = 0;
    let loads = 0;
    const stops = [new AbortController(), new AbortController()] as const;
    // A test that fails in the middle must not leave its members behind.
    t.after(() => stops.forEach((each) => void each.abort()));
    const wrapStore = (store: CheckpointStore) =>
      slowly(store, (isDone) => {
        loading += isDone ? -1 : 1;
        loads++;
      });
    const shared = { world, config, stateDir };
    const step = async () => {
      readings.append(200);
      await windows.poll(5);
    };
    const owned = async (count: number) => {
      for (;;) {
        await step();
        const { members, state } = await world.client.admin.describeGroup(topic);
        if (state === 'Stable' && members.length === count && members.every((each) => each.partitions.length > 0))
          return members;
      }
    };
    const stays = startMember({ ...shared, log, signal: stops[0].signal, wrapStore }).run();
    await owned(1);
    const goes = startMember({ ...shared, log: new LogLines(), signal: stops[1].signal }).run();
    await owned(2);
    const kept = keptOf(log);
    assert.ok(kept.length > 0 && kept.length < PARTITIONS, log.lines.join('\n'));
    const until = windows.count + 100;
    while (windows.count < until) await step();
    const before = loads;
    stops[1].abort();
    // Records keep coming: its last commit and its leaving are no pause of the other.
    void goes;
    while (loads === before) await step();
    // How long the partitions that stayed put out nothing, while the others wait for the store.
    let last = performance.now();
    let longest = 0;
    let moments = 0;
    let count = kept.reduce((sum, partition) => sum + windows.values[partition]!.length, 0);
    while (loading > 0) {
      await step();
      const now = kept.reduce((sum, partition) => sum + windows.values[partition]!.length, 0);
      longest = Math.max(longest, performance.now() - last);
      if (now === count) continue;
      count = now;
      last = performance.now();
      moments++;
    }
    t.diagnostic(`${kept.length} kept; rows at ${moments} moments, at most ${Math.round(longest)} ms apart`);
    // Well below 200 ms where the machine does nothing else; a restore that held them up would take two seconds.
    assert.ok(longest < SLOW_MS / 2, `${longest} ms`);
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
