import { outboxTopic } from '../../alerts/stage/outbox.ts';
import type { Consumer } from '../../clients/client.ts';
import type { AlertStatus } from '../../observe/status.ts';
import { alertTopics } from '../topics/runTopics.ts';
import { makeMissing } from '../topics/topicTable.ts';
import { StageSession, type StageSessionOptions } from './stageSession.ts';

export type AlertStageOptions = StageSessionOptions;

const STANDBY_POLL_MS = 200;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

/**
 * The alert stage of a pipeline as one process knows it. All of them are members of the group <pipeline>.alerts, which
 * gives the only partition of the outbox to one: that one is at work, the others stand by. A failure is said, and the
 * stage tried again: that nobody can be told now does not end the pipeline.
 */
export class AlertStage {
  readonly #options: AlertStageOptions;
  #session: StageSession | undefined;
  #isOwner = false;
  #isPaused = false;
  #isWaiting = false;
  #failures = 0;
  /** Of the last failure: said once while nothing succeeds. */
  #problem: string | undefined;
  #retryMs = 0;

  constructor(options: AlertStageOptions) {
    this.#options = options;
  }

  /** Null while another member has the stage. */
  get status(): AlertStatus | null {
    if (this.#session === undefined) return null;
    const { books, delivery } = this.#session;
    const outcomes: Record<string, number> = { ...books.outcomes };
    // Whether it was delivered is known there, where anybody is told.
    if (delivery !== undefined) delete outcomes['delivered'];
    for (const [name, count] of Object.entries(delivery?.outcomes() ?? {})) {
      outcomes[name] = (outcomes[name] ?? 0) + count;
    }
    return { outcomes, open: books.open, sinks: delivery?.status() ?? [] };
  }

  /** Makes the topics where they are missing. @throws what the broker refuses */
  static async prepare({ client, config }: Pick<AlertStageOptions, 'client' | 'config'>): Promise<readonly string[]> {
    return await makeMissing(client.admin, alertTopics(config.pipeline), { partitions: 1 });
  }

  /** Until the signal. */
  async run(): Promise<void> {
    const { signal, logger, pause } = this.#options;
    while (!signal.aborted) {
      let group: Consumer | undefined;
      try {
        group = await this.#join();
        while (!signal.aborted) await this.#turn(group);
      } catch (error) {
        const { message } = error as Error;
        if (!signal.aborted)
          logger[message === this.#problem ? 'debug' : 'error'](`alert stage: ${message}; tries again`);
        this.#problem = message;
      } finally {
        await this.#endSession();
        this.#isOwner = false;
        await group?.close().catch(() => {});
      }
      if (!signal.aborted) await pause(this.#nextRetry(), signal);
    }
  }

  async #join(): Promise<Consumer> {
    const { client, config } = this.#options;
    const { pipeline, transactionTimeoutMs } = config;
    const group = await client.createConsumer({
      ...{ groupId: `${pipeline}.alerts`, rebalance: 'cooperative', isolation: 'read_committed', transactionTimeoutMs },
    });
    const lose = async () => {
      this.#isOwner = false;
      await this.#endSession();
    };
    await group.subscribe([outboxTopic(pipeline)], 'latest', {
      onAssigned: async (partitions) => {
        if (partitions.length > 0) this.#isOwner = true;
        // Who is to stand by has done all that is asked of it.
        else if (!this.#isOwner) this.#succeeded();
        this.#isPaused = false;
        return undefined;
      },
      onRevoked: async (partitions) => {
        if (partitions.length > 0) await lose();
      },
      onLost: lose,
    });
    return group;
  }

  async #turn(group: Consumer): Promise<void> {
    const batch = await group.poll(this.#session === undefined ? STANDBY_POLL_MS : 0);
    group.takeCorrupt();
    if (!this.#isOwner) return;
    // The partition is only what says who is at work: nobody reads it here.
    if (!this.#isPaused || batch !== null) {
      group.pause([{ topic: outboxTopic(this.#options.config.pipeline), partition: 0 }]);
      this.#isPaused = true;
    }
    if (this.#session === undefined && !(await this.#hasAlerts())) return;
    this.#session ??= await StageSession.open(this.#options, group);
    await this.#session.turn();
    this.#succeeded();
  }

  /** The next failure is news, and soon tried again. */
  #succeeded(): void {
    this.#problem = undefined;
    this.#failures = 0;
    this.#retryMs = 0;
  }

  /** A pipeline makes the topic when it starts, which may be later. */
  async #hasAlerts(): Promise<boolean> {
    const { client, config, logger } = this.#options;
    const topic = config.sinks.anomalies;
    const isThere = (await client.admin.topics([topic])).length > 0;
    if (!isThere && !this.#isWaiting) logger.debug(`alert stage: waits for topic ${topic}`);
    this.#isWaiting = !isThere;
    return isThere;
  }

  async #endSession(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  #nextRetry(): number {
    this.#failures++;
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#failures === 1 ? FIRST_RETRY_MS : 2 * this.#retryMs);
    return this.#retryMs;
  }
}
