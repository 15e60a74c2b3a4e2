import type { KafkaClient, TopicInfo } from '../../clients/client.ts';
import type { ClusterWatch } from '../../observe/watch/clusterWatch.ts';
import type { LagSampler } from '../lag/lagSampler.ts';
import type { TopicFollower } from './topicFollower.ts';
import { outputTopics, statusTopics } from './watchedTopics.ts';
import type { WatchedCluster, WatcherOptions } from './watcherOptions.ts';
import { WatchOutputs } from './watchOutputs.ts';
import { watchStatuses } from './watchStatuses.ts';

/** Between two looks at the topics: new pipelines are seen within this. */
const TOPICS_MS = 2000;
/** A look that takes long is followed by a pause that is as much longer. */
const REST_SHARE = 4;
/** Short, so that the end and new topics are seen soon; a poll ends with the first batch. */
const POLL_MS = 250;
const OUTPUT_POLL_MS = 1000;

/** The watch over one connection: it ends with the first failure, and everything with it. */
export class WatchSession {
  readonly client: KafkaClient;
  readonly #options: WatcherOptions;
  readonly #registry: WatchedCluster['registry'];
  readonly #watch: ClusterWatch;
  readonly #positions: Map<string, number>;
  readonly #sampler: LagSampler;
  readonly #stop = new AbortController();
  #topics: readonly TopicInfo[] = [];
  /** How many pipelines were known when their topics were last looked for. */
  #pipelines = 0;
  #statuses: TopicFollower | undefined;
  #outputs: WatchOutputs | undefined;
  #hasLag = false;
  #hasStatuses = false;

  constructor(
    options: WatcherOptions,
    { client, registry }: WatchedCluster,
    watch: ClusterWatch,
    positions: Map<string, number>,
    sampler: LagSampler,
  ) {
    this.#options = options;
    this.#sampler = sampler;
    this.client = client;
    this.#registry = registry;
    this.#watch = watch;
    this.#positions = positions;
  }

  /** Whether everything was looked at once. */
  get isComplete(): boolean {
    return this.#hasLag && this.#hasStatuses;
  }

  /** @param onAnswer called when the cluster has answered something */
  async run(onAnswer: () => void): Promise<void> {
    const { logger, now } = this.#options;
    const { client } = this;
    const registry = this.#registry;
    this.#statuses = await watchStatuses(this.#watch, client, this.#positions, now);
    this.#outputs = await WatchOutputs.open({ watch: this.#watch, registry, logger, now }, client, this.#positions);
    const loops = [
      this.#lookAtTopics(onAnswer),
      this.#readStatuses(onAnswer),
      this.#readOutputs(),
      this.#lag(onAnswer),
    ];
    try {
      await Promise.all(loops);
    } finally {
      this.#stop.abort();
      // What is under way ends with its connection.
      await this.client.close().catch(() => {});
      await Promise.allSettled(loops);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled([this.#statuses?.close(), this.#outputs?.close()]);
    await this.client.close().catch(() => {});
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  async #lookAtTopics(onAnswer: () => void): Promise<void> {
    const { pause, now, pipeline } = this.#options;
    while (!this.#isOver) {
      const begunMs = now();
      this.#topics = await this.client.admin.topics();
      this.#follow();
      if (statusTopics(this.#topics, pipeline).length === 0) this.#hasStatuses = true;
      onAnswer();
      await pause(Math.max(TOPICS_MS, REST_SHARE * (now() - begunMs)), this.#stop.signal);
    }
  }

  #follow(): void {
    this.#statuses?.follow(statusTopics(this.#topics, this.#options.pipeline));
    this.#outputs?.follow(outputTopics(this.#topics, this.#watch.statuses));
    this.#pipelines = this.#watch.pipelines;
  }

  async #readStatuses(onAnswer: () => void): Promise<void> {
    const statuses = this.#statuses!;
    while (!this.#isOver) {
      // What a pipeline puts out is known once it has told.
      if (this.#watch.pipelines !== this.#pipelines) this.#follow();
      if (statuses.isIdle) await this.#options.pause(POLL_MS, this.#stop.signal);
      else if (!(await statuses.poll(POLL_MS)) && !this.#hasStatuses) {
        this.#hasStatuses = true;
        onAnswer();
      }
    }
  }

  async #readOutputs(): Promise<void> {
    const outputs = this.#outputs!;
    while (!this.#isOver) {
      if (outputs.isIdle) await this.#options.pause(POLL_MS, this.#stop.signal);
      else if (!(await outputs.poll(OUTPUT_POLL_MS))) await this.#options.pause(OUTPUT_POLL_MS, this.#stop.signal);
    }
  }

  async #lag(onAnswer: () => void): Promise<void> {
    const { lagEveryMs, pause } = this.#options;
    while (!this.#isOver) {
      const { partitions, tookMs } = await this.#sampler.sample();
      this.#watch.lag(partitions);
      this.#hasLag = true;
      onAnswer();
      await pause(Math.max(lagEveryMs, REST_SHARE * tookMs), this.#stop.signal);
    }
  }
}
