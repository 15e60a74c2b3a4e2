// A rebalance is of what moves: who keeps a partition goes on reading, committing and putting out, exactly once.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { Producer } from '../../src/clients/producer.ts';
import { append, startWorld, type World } from '../helpers/world.ts';
import { BrokerTap } from './helpers/brokerTap.ts';
import { type Child, killTheRest, startAnomaly } from './helpers/child.ts';
import { START_MS } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

const PARTITIONS = 4;
/** What a rebalance may cost a partition that stays, where nothing else wants the machine. */
const MOST_MS = 200;
/** So much as a multiple of what the start of a stranger costs there: a machine that is slower is so at both. */
const MOST_TIMES = 5;
/** Between two records of a partition: far below what a member can take, or a wait would be that of a backlog. */
const EVERY_MS = 10;
const ROUNDS = 3;
let world: World;
let tap: BrokerTap;
before(async () => {
  world = await startWorld();
  tap = new BrokerTap(world.broker);
});
afterEach(killTheRest);
after(() => world.close());

/** Each record is a row at once, and committed with the next commit. */
function configOf(pipeline: string): string {
  const text = `version: 1
pipeline: ${pipeline}
source: {topics: [steps], time: ts}
time: {max_ahead: off}
windows: [{name: each, type: count, size: 1, aggregates: [count]}]
guarantee: exactly-once
commit_every: 20ms
sinks: {format: json, windows: ${pipeline}.windows, late: ${pipeline}.late, dead_letters: ${pipeline}.dlq}
`;
  writeFileSync(join(world.dir, `${pipeline}.yaml`), text);
  return `${pipeline}.yaml`;
}

const start = (pipeline: string): Child => startAnomaly(world, ['run', '--config', configOf(pipeline)]);

/** Feeds all partitions evenly all the time, and measures how long each waits for its next committed row. */
class Watch {
  #longestMs: number[] = [];
  readonly #lastMs = new Array<number>(PARTITIONS).fill(performance.now());
  readonly #rows: TopicReader;
  readonly #producer: Producer;
  #count = 0;
  #fedMs = 0;

  constructor(rows: TopicReader, producer: Producer) {
    this.#rows = rows;
    this.#producer = producer;
  }

  /** The longest wait of each partition until it is so. */
  async until(isThere: () => Promise<boolean>): Promise<number[]> {
    this.#longestMs = new Array<number>(PARTITIONS).fill(0);
    while (!(await isThere())) await this.#step();
    // One row more of each, or a wait that is not over would not count.
    const had = this.#rows.values.map((values) => values.length);
    while (this.#rows.values.some((values, p) => values.length === had[p])) await this.#step();
    return this.#longestMs;
  }

  async #step(): Promise<void> {
    if (performance.now() - this.#fedMs >= EVERY_MS) this.#feed();
    const had = this.#rows.values.map((values) => values.length);
    await this.#rows.poll(5);
    const time = performance.now();
    for (let p = 0; p < PARTITIONS; p++) {
      if (this.#rows.values[p]!.length === had[p]) continue;
      this.#longestMs[p] = Math.max(this.#longestMs[p]!, time - this.#lastMs[p]!);
      this.#lastMs[p] = time;
    }
  }

  #feed(): void {
    this.#fedMs = performance.now();
    const ts = START_MS + this.#count++;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      append(this.#producer, 'steps', { partition, key: `${partition}`, timestamp: START_MS, value: { ts, value: 1 } });
    }
  }
}

async function membersOf(pipeline: string) {
  const { state, members } = await world.client.admin.describeGroup(pipeline);
  return { isStable: state === 'Stable', members };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

test('while a member joins, those that are there go on: no row waits for the answer to their JoinGroup', async () => {
  const names = ['steps', 'going.windows'];
  const configs = { 'retention.ms': '-1' };
  await world.client.admin.createTopics(names.map((name) => ({ name, partitions: PARTITIONS, configs })));
  const rows = await TopicReader.open(world, 'going.windows', PARTITIONS);
  const watch = new Watch(rows, await world.client.createProducer());
  start('going');
  await watch.until(async () => rows.values.every((values) => values.length > 0));
  const { memberId } = (await membersOf('going')).members[0]!;
  let release!: () => void;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isHeld = false;
  tap.onRequest = (api, request) => {
    if (api !== 'JoinGroup' || (request as { memberId?: unknown }).memberId !== memberId) return undefined;
    isHeld = true;
    return released;
  };
  start('going');
  await watch.until(async () => isHeld);
  const had = rows.values.map((values) => values.length);
  // Where it stopped, this would never be so.
  await watch.until(async () => rows.values.every((values, p) => values.length > had[p]! + 20));
  tap.onRequest = () => undefined;
  release();
  await watch.until(async () => {
    const { isStable, members } = await membersOf('going');
    return isStable && members.length === 2;
  });
  await rows.close();
});

test(`while a member joins and leaves, partitions that stay wait less than ${MOST_MS} ms`, async (t) => {
  const names = ['steps', 'steady.windows'];
  const configs = { 'retention.ms': '-1' };
  await world.client.admin.createTopics(names.map((name) => ({ name, partitions: PARTITIONS, configs })));
  const rows = await TopicReader.open(world, 'steady.windows', PARTITIONS);
  const watch = new Watch(rows, await world.client.createProducer());
  const isShared = (pipeline: string, count: number) => async () => {
    const { isStable, members } = await membersOf(pipeline);
    if (count === 0) return members.length === 0;
    return (
      isStable && members.length === count && members.every((each) => each.partitions.length === PARTITIONS / count)
    );
  };
  start('steady');
  await watch.until(isShared('steady', 1));
  const { memberId } = (await membersOf('steady')).members[0]!;
  const steady: number[] = [];
  const joins: number[] = [];
  const leaves: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // The machine's own part: a process of another group starts and takes its partitions.
    const stranger = start('stranger');
    steady.push(Math.max(...(await watch.until(isShared('stranger', 1)))));
    stranger.kill('SIGTERM');
    await watch.until(isShared('stranger', 0));
    const second = start('steady');
    const joining = await watch.until(isShared('steady', 2));
    const { members } = await membersOf('steady');
    const stayed = members.find((member) => member.memberId === memberId)!.partitions.map(({ partition }) => partition);
    assert.equal(stayed.length, PARTITIONS / 2);
    joins.push(Math.max(...stayed.map((partition) => joining[partition]!)));
    second.kill('SIGTERM');
    // It reads on meanwhile: what lies unread would count as a wait.
    const leaving = await watch.until(isShared('steady', 1));
    const { code, stderr } = await second.ended;
    assert.equal(code, 0, stderr);
    leaves.push(Math.max(...stayed.map((partition) => leaving[partition]!)));
  }
  // A wait that the rebalance brings is there each time, one that the machine brings is not.
  const [joinMs, leaveMs, alone] = [Math.min(...joins), Math.min(...leaves), median(steady)];
  const told = `${Math.round(joinMs)} ms at a join, ${Math.round(leaveMs)} ms at a leave, ${Math.round(alone)} ms without`;
  t.diagnostic(`longest waits of partitions that stay: ${told}`);
  t.diagnostic(`by round: ${[joins, leaves, steady].map((waits) => waits.map(Math.round).join(', ')).join('; ')}`);
  const mostMs = Math.max(MOST_MS, MOST_TIMES * alone);
  assert.ok(joinMs < mostMs && leaveMs < mostMs, told);
  await rows.close();
});
