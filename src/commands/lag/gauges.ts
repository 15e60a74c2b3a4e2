import { createAdminApi } from '../../clients/adminApi.ts';
import type { Admin } from '../../clients/client.ts';
import { AnomalyError } from '../../errors.ts';
import { GAUGE_INTERVAL_MS, GAUGES_ON, type LagGauges, readGauges } from '../../observe/lag/gauges.ts';
import type { LagSample } from '../../observe/lag/sample.ts';
import { type SecondOpinion, SecondOpinions } from '../../observe/lag/secondOpinion.ts';
import type { CommandContext } from '../command.ts';
import { adminOptions } from '../connections.ts';

export type GaugeOpinion = SecondOpinion;

/** What came of asking Redpanda for its own lag. */
export interface CrossCheck {
  readonly status: 'on' | 'off' | 'unreachable';
  /** Why there is no opinion, and what turns the gauges on. */
  readonly note: string | null;
  readonly command: string | null;
  readonly opinions: ReadonlyMap<string, SecondOpinion>;
}

/**
 * Redpanda's lag gauges beside our own numbers, where that is asked for or admin.urls is set. Each broker has the gauges of
 * the groups that it coordinates, so all addresses are asked.
 */
export class GaugeCheck {
  readonly #context: CommandContext;
  readonly #isAsked: boolean;
  #opinions: SecondOpinions | undefined;
  #isOfAnother: boolean | undefined;
  #hasWarned = false;

  private constructor(context: CommandContext, isAsked: boolean) {
    this.#context = context;
    this.#isAsked = isAsked;
  }

  /** Undefined where nobody asked for it and there is no address. */
  static open(context: CommandContext): GaugeCheck | undefined {
    const isAsked = context.flags['crossCheck'] === true;
    const isSet = context.settings.origin('admin.urls').origin !== 'default';
    return isAsked || isSet ? new GaugeCheck(context, isAsked) : undefined;
  }

  /** @param admin of the brokers, whose cluster must be that of the gauges */
  async take(sample: LagSample, admin: Admin): Promise<CrossCheck> {
    const none: CrossCheck = { status: 'unreachable', note: null, command: null, opinions: new Map() };
    let gauges: LagGauges;
    try {
      await this.#checkCluster(admin);
      gauges = await this.#read();
      this.#opinions ??= new SecondOpinions(await this.#intervalMs());
    } catch (error) {
      const { message } = error as Error;
      this.#say(message, this.#isAsked ? 'warn' : 'debug');
      return { ...none, note: message };
    }
    if (!gauges.isOn && sample.groups.length > 0) {
      const note = "Redpanda's lag gauges are off";
      this.#say(`${note}; turn them on with: ${GAUGES_ON}`, this.#isAsked ? 'warn' : 'info');
      return { ...none, status: 'off', note, command: GAUGES_ON };
    }
    const opinions = this.#opinions.take(sample.atMs, gauges, sample.groups);
    return { status: 'on', note: null, command: null, opinions };
  }

  /** Groups of the same name in another cluster have nothing to say of ours. What cannot be asked is taken for ours. */
  async #checkCluster(admin: Admin): Promise<void> {
    const { settings, cwd, logger } = this.#context;
    try {
      this.#isOfAnother ??= await createAdminApi(adminOptions(settings, cwd)).isOfAnother(
        (await admin.cluster()).clusterId,
      );
    } catch (error) {
      logger.debug(`whether the Admin API is of this cluster is not known: ${(error as Error).message}`);
    }
    if (this.#isOfAnother !== true) return;
    const places = settings.list('admin.urls').join(', ');
    throw new AnomalyError(
      'ANM_CONFIG',
      `${places} is the Admin API of another cluster: set admin.urls (-X admin.hosts)`,
    );
  }

  async #read(): Promise<LagGauges> {
    const connection = adminOptions(this.#context.settings, this.#context.cwd);
    const answers = await Promise.allSettled(
      connection.urls.map((url) => createAdminApi({ ...connection, urls: [url] }).metrics()),
    );
    const texts = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (texts.length === 0 && failed !== undefined) throw failed.reason;
    return readGauges(texts);
  }

  /** Redpanda's setting where it may be read. */
  async #intervalMs(): Promise<number> {
    const { settings, cwd, logger } = this.#context;
    try {
      const config = await createAdminApi(adminOptions(settings, cwd)).get('/v1/cluster_config');
      const seconds = (config as Record<string, unknown>)['consumer_group_lag_collection_interval_sec'];
      return typeof seconds === 'number' && seconds > 0 ? 1000 * seconds : GAUGE_INTERVAL_MS;
    } catch (error) {
      logger.debug(`the interval of the lag gauges is taken for its default: ${(error as Error).message}`);
      return GAUGE_INTERVAL_MS;
    }
  }

  /** Once, however many looks follow. */
  #say(message: string, level: 'debug' | 'info' | 'warn'): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#context.logger[level](`no second opinion on the lag: ${message}`);
  }
}
