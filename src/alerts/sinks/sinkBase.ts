import type { Outgoing, SendResult, Sink } from '../delivery/sink.ts';

/** What all sinks are told. */
export interface SinkBase {
  readonly name: string;
  /** One request and its answer. */
  readonly timeoutMs: number;
  readonly updates: Sink['updates'];
  readonly minSeverity: Sink['minSeverity'];
  /** Whether what is sent is marked as a test. */
  readonly test: boolean;
}

/** A sink that takes one incident a request, each once, within the rate limit: what a kind of sink does else, it says. */
export abstract class BaseSink implements Sink {
  abstract readonly type: string;
  readonly mostAtOnce: number = 1;
  readonly resendMs: number | null = null;
  readonly isLimited: boolean = true;
  readonly name: string;
  readonly timeoutMs: number;
  readonly updates: Sink['updates'];
  readonly minSeverity: Sink['minSeverity'];
  protected readonly test: boolean;

  constructor({ name, timeoutMs, updates, minSeverity, test }: SinkBase) {
    this.name = name;
    this.timeoutMs = timeoutMs;
    this.updates = updates;
    this.minSeverity = minSeverity;
    this.test = test;
  }

  abstract send(batch: readonly Outgoing[]): Promise<SendResult>;

  async close(): Promise<void> {}
}
