import type { KafkaClient } from '../clients/client.ts';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import { SkewEstimate } from '../observe/clockSkew.ts';
import { type LatencyStatus, withClockSkew } from '../observe/latency.ts';
import type { MemberStatus } from '../observe/status.ts';
import type { Logger } from '../output/logger.ts';
import { ControlReader } from './control/controlReader.ts';
import type { Members } from './members.ts';
import { type MetricsServer, serveMetrics } from './metrics/server.ts';
import { checkDefinition } from './status/definitionCheck.ts';
import type { MemberIdentity } from './status/memberBoard.ts';
import { OutageNotice } from './status/outageNotice.ts';
import { StatusPublisher } from './status/publisher.ts';
import { ensureOperationTopics, statusTopic } from './topics/operationTopics.ts';

export interface OperationOptions {
  /** Not the members' own: it goes on while those are restarted. */
  readonly client: KafkaClient;
  readonly config: PipelineConfig;
  readonly identity: MemberIdentity;
  readonly members: Members;
  /** Runs to the end of its topics: a pause of before its start is not for it. */
  readonly untilEnd: boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly pause: (timeMs: number, signal: AbortSignal) => Promise<void>;
  /** Calls at that pace until the returned function is called. */
  readonly every: (timeMs: number, call: () => void) => () => void;
}

/** What an operator has of the members of this process: status and control topics, /metrics. */
export class Operation {
  readonly #closers: (() => Promise<void> | void)[] = [];
  /** Of the broker that leads the status topic. */
  readonly #skew = new SkewEstimate();

  /**
   * Where the topics cannot be made or read, that is said and the pipeline runs without them: nobody's pipeline should
   * stand still because nobody can look at it.
   *
   * @throws ANM_DEFINITION_MISMATCH, ANM_PORT_IN_USE
   */
  static async start(options: OperationOptions): Promise<Operation> {
    const operation = new Operation();
    try {
      const { metrics, status } = options.config.operation;
      operation.#outages(options);
      if (metrics.listen !== '')
        operation.#metrics(await serveMetrics(metrics.listen, () => operation.#statuses(options.members)), options);
      if (Number.isFinite(status.everyMs) && (await operation.#topics(options))) await operation.#operate(options);
      return operation;
    } catch (error) {
      await operation.close();
      throw error;
    }
  }

  /** Publishes the members' last word, and ends the rest. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  /** The latency with what is known of the broker's clock. */
  withClockSkew(latency: LatencyStatus | null | undefined): LatencyStatus | null {
    const { skew } = this.#skew;
    return skew === null ? (latency ?? null) : withClockSkew(latency, skew);
  }

  #outages({ config, members, now, logger, every }: OperationOptions): void {
    const goesOn = () => config.operation.restart.strategy !== 'none' && members.statuses().every(hasBegun);
    const notice = new OutageNotice({
      ...{ now, logger },
      outage: () => members.outage(),
      promise: () =>
        goesOn()
          ? 'nothing is lost, and it goes on by itself when the cluster is back'
          : 'nothing is lost; it ends after retry_timeout, and another start goes on from the last commit',
      lagRecords: () => lagRecords(members.statuses()),
    });
    this.#closers.push(every(OutageNotice.everyMs, () => notice.look()));
  }

  #metrics(server: MetricsServer, { logger }: OperationOptions): void {
    logger.info(`metrics on ${server.url}/metrics`);
    this.#closers.push(() => server.close());
  }

  async #topics({ client, identity, logger }: OperationOptions): Promise<boolean> {
    try {
      const made = await ensureOperationTopics(client.admin, identity.pipeline);
      if (made.length > 0) logger.info(`created ${made.join(', ')}`);
      return true;
    } catch (error) {
      logger.warn(`runs without status and control, as their topics cannot be made: ${(error as Error).message}`);
      return false;
    }
  }

  #statuses(members: Members): readonly MemberStatus[] {
    return members.statuses().map((each) => ({ ...each, latency: this.withClockSkew(each.latency) }));
  }

  async #operate({
    client,
    config,
    identity,
    members,
    untilEnd,
    now,
    logger,
    signal,
    pause,
    every,
  }: OperationOptions): Promise<void> {
    const { pipeline, group, definition, member } = identity;
    await checkDefinition({ client, pipeline, group, definition, member, now, logger, signal });
    const reader = await ControlReader.start({
      ...{ client, pipeline, group, untilEnd, logger, signal, pause },
      onCommand: (command) => members.command(command),
    });
    this.#closers.push(() => reader.close());
    const publisher = new StatusPublisher({
      topic: statusTopic(pipeline),
      createProducer: () => client.createProducer({ idempotent: true }),
      statuses: () => this.#statuses(members),
      onAppend: (append) => this.#skew.add(append),
      ...{ now, logger },
    });
    this.#closers.push(() => publisher.close());
    await publisher.tick();
    this.#closers.push(every(config.operation.status.everyMs, () => void publisher.tick()));
  }
}

/** Of all partitions; null where it is not known of one, or none is owned. */
function lagRecords(statuses: readonly MemberStatus[]): number | null {
  const lags = statuses.flatMap(({ partitions }) => partitions.map(({ lag }) => lag));
  return lags.length === 0 ? null : lags.reduce((sum, lag) => (sum === null || lag === null ? null : sum + lag), 0);
}

/** Whether an outage leads to restarts: what fails before that is the user's to mend. */
function hasBegun({ state, restarts, totals }: MemberStatus): boolean {
  return state !== 'starting' || restarts > 0 || totals.commits > 0;
}
