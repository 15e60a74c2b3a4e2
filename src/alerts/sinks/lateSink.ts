import type { AlertSinkConfig } from '../../config/alertSinks.ts';
import { type AnomalyError, isAnomalyError } from '../../errors.ts';
import type { Outgoing, SendResult, Sink } from '../delivery/sink.ts';

/**
 * A sink whose secret or file could not be read when it was to be opened, as while it is renewed. To delivery it is a sink
 * that is down: each request tries to open it again, and what is for it waits.
 */
export class LateSink implements Sink {
  readonly name: string;
  readonly type: string;
  readonly timeoutMs: number;
  readonly resendMs: number | null;
  readonly isLimited: boolean;
  readonly updates: Sink['updates'];
  readonly minSeverity: Sink['minSeverity'];
  readonly #open: () => Sink;
  #sink: Sink | undefined;

  /** @param open @throws ANM_CONFIG while it cannot be opened */
  constructor({ name, type, timeoutMs, resendMs, updates, minSeverity }: AlertSinkConfig, open: () => Sink) {
    this.name = name;
    this.type = type;
    this.timeoutMs = timeoutMs;
    // Queues go by these from the start: as the kinds that read secrets or files have them.
    const isAlertmanager = type === 'alertmanager';
    this.resendMs = isAlertmanager ? resendMs : null;
    this.isLimited = !isAlertmanager;
    this.updates = updates;
    this.minSeverity = minSeverity;
    this.#open = open;
  }

  get mostAtOnce(): number {
    return this.#sink?.mostAtOnce ?? 1;
  }

  async send(batch: readonly Outgoing[]): Promise<SendResult> {
    try {
      this.#sink ??= this.#open();
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return { kind: 'retry', problem: error.message, isUnreachable: true };
    }
    return await this.#sink.send(batch);
  }

  async close(): Promise<void> {
    await this.#sink?.close();
  }
}

/** Whether it is for what the configuration names, and not for a fault of ours. */
export function isUnreadable(error: unknown): error is AnomalyError {
  return isAnomalyError(error) && error.code === 'ANM_CONFIG';
}
