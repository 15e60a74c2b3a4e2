import assert from 'node:assert/strict';
import { KafkaError } from '../../../src/broker/protocol/errorCodes.ts';
import type { ModelScorer } from '../../../src/models/modelScorer.ts';
import { type JobResult, runJob } from '../../../src/runtime/job.ts';
import { readJournal } from '../../../src/runtime/journal/journalReader.ts';
import { lineageOf } from '../../../src/runtime/journal/lineage.ts';
import type { CheckpointStore, SnapshotReference } from '../../../src/stores/checkpointStore.ts';
import type { World } from '../../helpers/world.ts';
import { configOf, LogLines } from '../../runtime/helpers/config.ts';
import { brokenPromises } from './brokenPromises.ts';
import type { LeapClock } from './leapClock.ts';
import { Readings } from './readings.ts';
import { TopicReader } from './topicReader.ts';

export const PARTITIONS = 4;
export const SINKS = ['windows', 'anomalies', 'late', 'dlq'] as const;
/** Longer than a busy machine keeps a transaction waiting; what is left open the leaps of the clock bring to its end. */
const TRANSACTION_MS = 120_000;

/** Every kind of state that a recovery has to bring back. */
const yamlOf = (topic: string, pipeline: string, score: string) => `pipeline: ${pipeline}
source: {topics: [${topic}], time: ts}
time: {max_ahead: off, out_of_orderness: 5s, allowed_lateness: 1m}
windows:
  - {name: w1m, type: tumbling, size: 1m, aggregates: [count, mean, p95, distinct]}
  - {name: h2m, type: hopping, size: 2m, advance: 1m, aggregates: [sum, slope]}
  - {name: s, type: session, gap: 25s, aggregates: [first, last]}
  - {name: c, type: count, size: 7, aggregates: [variance]}
features: [{name: trend, rolling: 4, statistic: mean, of: w1m.mean}]
score: ${score}
sinks: {format: json, windows: ${pipeline}.windows, anomalies: ${pipeline}.anomalies, late: ${pipeline}.late, dead_letters: ${pipeline}.dlq}
guarantee: exactly-once
commit_every: 20ms
transaction_timeout: ${TRANSACTION_MS}ms
checkpoint: {every: 40ms, retain: 4}
`;

/** The section `score`, and the model that it names. */
export interface LivesScoring {
  readonly score: string;
  readonly scorer?: () => ModelScorer;
}

/** Opens the checkpoints of a start: each start is a process of its own, and so is what it knows of the store. */
export type OpenCheckpoints = (group: string, cluster: string) => CheckpointStore;

/** A pipeline with many lives, each ended by what nothing survives, while readings keep coming. */
export class Lives {
  readonly log = new LogLines();
  readonly readings: Readings;
  readonly windows: TopicReader;
  readonly topic: string;
  readonly #world: World;
  readonly #clock: LeapClock;
  readonly #scoring: LivesScoring;

  private constructor(
    world: World,
    clock: LeapClock,
    topic: string,
    readings: Readings,
    windows: TopicReader,
    scoring: LivesScoring,
  ) {
    this.#world = world;
    this.#clock = clock;
    this.topic = topic;
    this.readings = readings;
    this.windows = windows;
    this.#scoring = scoring;
  }

  /** The source topic has the pipeline's name. */
  static async open(
    world: World,
    clock: LeapClock,
    topic: string,
    seed: number,
    scoring: LivesScoring = { score: '{detector: rolling-z}' },
  ): Promise<Lives> {
    const configs = { 'retention.ms': '-1' };
    const names = [topic, ...SINKS.map((sink) => `${topic}.${sink}`)];
    await world.client.admin.createTopics(names.map((name) => ({ name, partitions: PARTITIONS, configs })));
    const readings = new Readings(await world.client.createProducer(), topic, PARTITIONS, 20, seed);
    return new Lives(
      world,
      clock,
      topic,
      readings,
      await TopicReader.open(world, `${topic}.windows`, PARTITIONS),
      scoring,
    );
  }

  /** A life that goes on until it is so, at least some rows long; it commits nothing of what it has in hand then. */
  async one(open: OpenCheckpoints, isEnough: () => boolean): Promise<void> {
    let failure: unknown;
    this.#run(this.topic, open, false).catch((error: unknown) => {
      failure = error;
    });
    const more = async () => {
      this.readings.append(200);
      await this.windows.poll(10);
    };
    const rows = this.windows.count + 30;
    while (failure === undefined && (this.windows.count < rows || !isEnough())) await more();
    const errorCode = KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    this.#world.broker.faults.inject({ api: 'AddPartitionsToTxn', errorCode, count: 1e6 });
    while (failure === undefined) await more();
    this.#world.broker.faults.clear();
    assert.equal((failure as { code?: string }).code, 'ANM_AUTHORIZATION', String(failure));
    // What it left open keeps the offsets unstable until the broker ends it.
    this.#clock.leap(TRANSACTION_MS * 1.5);
  }

  /** Runs to the end, and compares with one undisturbed run: record for record, in order, by partition. */
  async assertAsUndisturbed(open: OpenCheckpoints, fresh: OpenCheckpoints): Promise<void> {
    await this.readings.flush();
    await this.windows.close();
    const whole = `${this.topic}-whole`;
    const { totals } = await this.#run(whole, fresh, true);
    // More where its session ran out on a busy machine, and it read again what it had not committed.
    assert.ok(totals.records >= this.readings.count, `${totals.records} of ${this.readings.count}`);
    await this.#run(this.topic, open, true);
    assert.deepEqual(await brokenPromises(this.#world, PARTITIONS, SINKS, this.topic, whole), []);
  }

  /** The snapshots of a partition that count by its journal, oldest first. */
  async named(partition: number): Promise<readonly (SnapshotReference & { readonly offset: number })[]> {
    const topic = `${this.topic}.journal`;
    const rest = { logger: this.log, ticks: () => performance.now(), transactionTimeoutMs: TRANSACTION_MS };
    const { entries } = await readJournal({ client: this.#world.client, topic, ...rest }, partition);
    return lineageOf(entries, { topic: this.topic, partition }).snapshots;
  }

  async #run(pipeline: string, open: OpenCheckpoints, untilEnd: boolean): Promise<JobResult> {
    return runJob({
      ...{ client: this.#world.client, registry: undefined, stage: 'run', groupId: pipeline, toolVersion: '0' },
      config: await configOf(yamlOf(this.topic, pipeline, this.#scoring.score)),
      localDir: this.#world.dir,
      openCheckpoints: async (group, cluster) => open(group, cluster),
      recovery: { fresh: false, acceptGap: false, allow: [] },
      ...{ untilEnd, leaveOpen: false, maxBadRate: 1, logger: this.log, now: Date.now },
      ticks: () => performance.now(),
      signal: new AbortController().signal,
      ...(this.#scoring.scorer !== undefined && { scorers: { live: this.#scoring.scorer() } }),
    });
  }
}
