import type { Logger } from '../../output/logger.ts';
import type { Clock, Timer } from '../clock.ts';
import type { TopicStore } from '../topics.ts';
import type { Compacted } from './compaction.ts';
import type { PartitionLog } from './partitionLog.ts';
import { applyRetention, rollByTime } from './retention.ts';

/** Kafka's log.retention.check.interval.ms. */
export const RETENTION_INTERVAL_MS = 300_000;
/** Redpanda's log_compaction_interval_ms. */
export const COMPACTION_INTERVAL_MS = 10_000;
/** Redpanda's transactional_id_expiration_ms: producers that wrote nothing for so long are forgotten. */
const PRODUCER_EXPIRATION_MS = 604_800_000;

/** So long at a time a compaction keeps everybody else waiting, about. */
const SLICE_MS = 10;

/** Retention, compaction and rolling of every log, again and again by the broker's clock. */
export class Housekeeper {
  private readonly topics: TopicStore;
  private readonly clock: Clock;
  private readonly logger: Logger | undefined;
  private readonly timers = new Map<number, Timer>();
  /** The compaction pass under way: one at a time. */
  private pass: Promise<void> | null = null;
  private isStopped = false;

  constructor(topics: TopicStore, clock: Clock, logger?: Logger) {
    this.topics = topics;
    this.clock = clock;
    this.logger = logger;
  }

  start(): void {
    this.every(RETENTION_INTERVAL_MS, () => this.retain());
    this.every(COMPACTION_INTERVAL_MS, () => {
      this.compact().catch((error) => this.failed(error));
    });
  }

  /** Resolves when nothing more is done to the logs, so that they may be closed. */
  async stop(): Promise<void> {
    this.isStopped = true;
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
    await this.pass?.catch(() => {});
  }

  /** Deletes what retention.ms and retention.bytes let go. */
  retain(): void {
    const nowMs = this.clock.now();
    this.eachLog((log) => {
      rollByTime(log, nowMs);
      const freedBytes = applyRetention(log, nowMs);
      log.producers.expire(nowMs - PRODUCER_EXPIRATION_MS);
      if (freedBytes > 0) this.say('deleted by retention', log, { freedBytes });
    });
  }

  /** Compacts what is due; resolves at the end of the pass. Other work comes in every few milliseconds. */
  compact(): Promise<void> {
    if (this.isStopped) return Promise.resolve();
    this.pass ??= this.compactAll().finally(() => {
      this.pass = null;
    });
    return this.pass;
  }

  private async compactAll(): Promise<void> {
    const logs: PartitionLog[] = [];
    this.eachLog((log) => {
      if (log.configs.isCompacted && log.activeSegment !== undefined) logs.push(log);
    });
    if (logs.length === 0) return;
    // Loaded by the first pass that needs them, as they bring the codecs along.
    const [{ compactInSteps }, { prepareCodecs }] = await Promise.all([
      import('./compaction.ts'),
      import('../../wire/compression.ts'),
    ]);
    await prepareCodecs();
    for (const log of logs) {
      if (this.isGone(log)) continue;
      this.guarded(log, () => rollByTime(log, this.clock.now()));
      await this.inSlices(log, compactInSteps(log, this.clock.now()));
    }
  }

  private async inSlices(log: PartitionLog, steps: Generator<void, Compacted | null, void>): Promise<void> {
    for (let isDone = false; !isDone && !this.isGone(log); ) {
      isDone = true;
      this.guarded(log, () => {
        const untilMs = performance.now() + SLICE_MS;
        let step = steps.next();
        while (step.done !== true && performance.now() < untilMs) step = steps.next();
        if (step.done !== true) isDone = false;
        else if (step.value !== null) this.say('compacted', log, { ...step.value });
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    // One that is left in its middle gives back the file that it writes.
    this.guarded(log, () => void steps.return(null));
  }

  /** Its topic is deleted, or all logs are about to be closed. */
  private isGone(log: PartitionLog): boolean {
    return this.isStopped || this.topics.partition(log.topic, log.partition) !== log;
  }

  private eachLog(action: (log: PartitionLog) => void): void {
    for (const { partitions } of this.topics.all()) {
      for (const log of partitions) this.guarded(log, () => action(log));
    }
  }

  /** A disk that refuses one log leaves the others to their turn. */
  private guarded(log: PartitionLog, action: () => void): void {
    try {
      action();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger?.error('cannot tidy up a log', { topic: log.topic, partition: log.partition, error: reason });
    }
  }

  private say(what: string, { topic, partition }: PartitionLog, numbers: Record<string, number>): void {
    this.logger?.debug(what, { topic, partition, ...numbers });
  }

  private failed(error: unknown): void {
    this.logger?.error('cannot tidy up the logs', { error: error instanceof Error ? error.message : String(error) });
  }

  private every(intervalMs: number, action: () => void): void {
    const again = () => {
      try {
        action();
      } catch (error) {
        this.failed(error);
      }
      this.timers.set(intervalMs, this.clock.after(intervalMs, again));
    };
    this.timers.set(intervalMs, this.clock.after(intervalMs, again));
  }
}
