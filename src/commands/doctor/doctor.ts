import { setTimeout as delay } from 'node:timers/promises';
import { parseAddress } from '../../clients/address.ts';
import { createAdminApi } from '../../clients/adminApi.ts';
import type { KafkaClient, TopicInfo } from '../../clients/client.ts';
import type { ClientChoice } from '../../clients/connect.ts';
import { inspectListener, type ListenerView } from '../../clients/inspectListener.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { CommandContext } from '../command.ts';
import { adminOptions, clientOptions } from '../connections.ts';

/** Longest that one call is repeated, below --deadline: a new cluster makes the topic of its groups at the first question. */
const RETRY_MS = 4000;

export interface Connected {
  readonly client: KafkaClient;
  readonly choice: ClientChoice;
}

/** What several checks share, each asked for once: connections, the pipeline, its topics. */
export class Doctor {
  readonly context: CommandContext;
  /** Undefined where none is configured, or where the configuration is broken. */
  readonly config: PipelineConfig | undefined;
  /** Why a pipeline that is configured cannot be one. */
  readonly problem: AnomalyError | undefined;
  #connected: Promise<Connected> | undefined;
  #topics: Promise<readonly TopicInfo[]> | undefined;
  #isAdminOfAnother: Promise<boolean> | undefined;
  readonly #configs = new Map<string, Promise<ReadonlyMap<string, string> | null>>();
  readonly #views = new Map<string, Promise<ListenerView>>();

  constructor(context: CommandContext) {
    this.context = context;
    const { settings } = context;
    if (settings.problems.length > 0 || settings.list('source.topics').length === 0) return;
    try {
      this.config = settings.pipeline();
    } catch (error) {
      if (!isAnomalyError(error)) throw error;
      this.problem = error;
    }
  }

  get addresses(): readonly string[] {
    return this.context.settings.list('brokers');
  }

  get dialTimeoutMs(): number {
    return this.context.settings.durationMs('dial_timeout');
  }

  /** The pipeline, for checks of one. */
  get pipeline(): PipelineConfig {
    if (this.config === undefined) throw new AnomalyError('ANM_INTERNAL', 'this check needs a pipeline');
    return this.config;
  }

  connected(): Promise<Connected> {
    const { settings, cwd } = this.context;
    this.#connected ??= import('../../clients/connect.ts').then(({ connectWithChoice }) => {
      const options = clientOptions(settings, cwd);
      const retryTimeoutMs = Math.min(RETRY_MS, options.retryTimeoutMs ?? RETRY_MS);
      return connectWithChoice({ ...options, retryTimeoutMs });
    });
    return this.#connected;
  }

  async client(): Promise<KafkaClient> {
    return (await this.connected()).client;
  }

  /**
   * Whether the Admin API is of another cluster than the brokers, as at a default address where something else listens;
   * false while that is not known, so that brokers which are down do not hide it.
   */
  isAdminOfAnother(): Promise<boolean> {
    const { settings, cwd } = this.context;
    this.#isAdminOfAnother ??= Promise.race([
      this.client()
        .then(({ admin }) => admin.cluster())
        .then(({ clusterId }) => createAdminApi(adminOptions(settings, cwd)).isOfAnother(clusterId))
        .catch(() => false),
      delay(this.dialTimeoutMs, false, { ref: false }),
    ]);
    return this.#isAdminOfAnother;
  }

  /** How a listener wants to be spoken to. */
  view(address: string): Promise<ListenerView> {
    let view = this.#views.get(address);
    if (view === undefined) {
      const { tls, sasl } = clientOptions(this.context.settings, this.context.cwd);
      const { host, port } = parseAddress(address);
      view = inspectListener(host, port, { tls, mechanism: sasl?.mechanism, timeoutMs: this.dialTimeoutMs });
      this.#views.set(address, view);
    }
    return view;
  }

  /** The source topics that there are. */
  topics(): Promise<readonly TopicInfo[]> {
    this.#topics ??= this.client().then(({ admin }) => admin.topics(this.pipeline.source.topics));
    return this.#topics;
  }

  /** Null where the client cannot read it. */
  configs(topic: string): Promise<ReadonlyMap<string, string> | null> {
    let configs = this.#configs.get(topic);
    if (configs === undefined) {
      configs = Promise.all([import('../../runtime/topics/topics.ts'), this.client()]).then(
        ([{ knownConfigs }, { admin }]) => knownConfigs(admin, topic),
      );
      this.#configs.set(topic, configs);
    }
    return configs;
  }

  async close(): Promise<void> {
    const connected = await this.#connected?.catch(() => undefined);
    await connected?.client.close();
  }
}
