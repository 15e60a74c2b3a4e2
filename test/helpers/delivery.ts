import type { DeliveryClock, StoredDelivery } from '../../src/alerts/delivery/delivery.ts';
import type { Outgoing, SendResult, Sink } from '../../src/alerts/delivery/sink.ts';
import { SinkDelivery, type SinkDeliveryOptions } from '../../src/alerts/delivery/sinkDelivery.ts';
import type { Notification } from '../../src/observe/notification.ts';

export const START_MS = 1_764_115_200_000;

/** Time that moves only when it is told to. */
export class FakeClock implements DeliveryClock {
  nowMs = START_MS;
  /** What `random` gives. */
  chance = 0.5;
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>();

  now(): number {
    return this.nowMs;
  }

  random(): number {
    return this.chance;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Runs what is due on the way, and what that leads to. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await settle();
    for (;;) {
      let next: { readonly atMs: number; readonly run: () => void } | undefined;
      for (const timer of this.#timers) if (next === undefined || timer.atMs < next.atMs) next = timer;
      if (next === undefined || next.atMs > endMs) break;
      this.#timers.delete(next);
      this.nowMs = next.atMs;
      next.run();
      await settle();
    }
    this.nowMs = endMs;
  }

  /** As a crash does: nothing that was planned happens. */
  forgetTimers(): void {
    this.#timers.clear();
  }
}

/** Until all that follows from promises has followed. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What a sink does with a request: takes it, takes it and says nothing of it, fails, refuses, hangs. */
export type Behaviour = 'take' | 'takeAndFail' | 'takeAndHang' | 'fail' | 'busy' | 'unreachable' | 'refuse' | 'hang';

export class FakeSink implements Sink {
  readonly type = 'fake';
  readonly name: string;
  readonly mostAtOnce: number;
  readonly timeoutMs = 10_000;
  readonly resendMs: number | null;
  readonly isLimited: boolean;
  readonly updates: Sink['updates'];
  readonly minSeverity: Sink['minSeverity'];
  /** Asked at each request. */
  behaviour: (batch: readonly Outgoing[]) => Behaviour = () => 'take';
  /** All that was taken, in order. */
  readonly taken: Outgoing[] = [];
  requests = 0;

  constructor(name: string, rest: Partial<Omit<Sink, 'name' | 'type' | 'send' | 'close' | 'timeoutMs'>> = {}) {
    this.name = name;
    this.mostAtOnce = rest.mostAtOnce ?? 1;
    this.resendMs = rest.resendMs ?? null;
    this.isLimited = rest.isLimited ?? true;
    this.updates = rest.updates ?? 'all';
    this.minSeverity = rest.minSeverity ?? 'info';
  }

  async send(batch: readonly Outgoing[]): Promise<SendResult> {
    this.requests += 1;
    const behaviour = this.behaviour(batch);
    if (behaviour.startsWith('take')) this.taken.push(...batch);
    switch (behaviour) {
      case 'take':
        return { kind: 'delivered' };
      case 'refuse':
        return { kind: 'refused', problem: 'it answered 400' };
      case 'busy':
        return { kind: 'retry', problem: 'it answered 429', busy: true };
      case 'unreachable':
        return { kind: 'retry', problem: 'connection refused', isUnreachable: true };
      case 'hang':
      case 'takeAndHang':
        return await new Promise(() => {});
      default:
        return { kind: 'retry', problem: 'it answered 500' };
    }
  }

  async close(): Promise<void> {}

  /** As `open a 1`. */
  get told(): string[] {
    return this.taken.map(({ told, notification }) => `${told} ${notification.id} ${notification.revision}`);
  }
}

/** What the stage keeps on the outbox. */
export class FakeOutbox {
  readonly records = new Map<string, Uint8Array | null>();
  /** Every record in order. */
  readonly log: StoredDelivery[] = [];

  readonly record = (key: string, value: Uint8Array | null): Promise<void> => {
    this.log.push({ key, value });
    this.records.set(key, value);
    return Promise.resolve();
  };

  stored(): StoredDelivery[] {
    return [...this.records].map(([key, value]) => ({ key, value }));
  }

  /** The value of a record. */
  state(incident: string, sink: string): Record<string, unknown> | null {
    const value = this.records.get(`${incident} ${sink}`);
    return value === null || value === undefined ? null : JSON.parse(new TextDecoder().decode(value));
  }
}

export function openDelivery(
  sinks: readonly Sink[],
  clock: FakeClock,
  outbox: Pick<FakeOutbox, 'record'>,
  rest: Partial<SinkDeliveryOptions> = {},
): SinkDelivery {
  return new SinkDelivery({
    ...{ sinks, clock, record: outbox.record, maxAgeMs: Infinity, perMinute: Infinity, burst: 10, mostWaiting: 1000 },
    ...rest,
  });
}

export function incident(id: string, rest: Partial<Notification> = {}): Notification {
  return {
    id,
    revision: 1,
    status: 'open',
    severity: 'error',
    kind: 'anomaly',
    pipeline: 'pump-room',
    summary: `pump-7 is too hot (${id})`,
    reasons: ['temperature 93.2 against 60 to 80', 'first mover pump-7'],
    rule: 'kpi@value',
    series: ['pump-7', 'pump-8'],
    seriesCount: 2,
    value: 93.2,
    expected: 70,
    lower: 60,
    upper: 80,
    score: 7.5,
    alerts: ['kpi@value/pump-7/1764115200000/4711'],
    startedMs: START_MS,
    updatedMs: START_MS,
    endedMs: null,
    evidenceMs: START_MS,
    look: 'anomaly explain kpi@value/pump-7/1764115200000/4711',
    ...rest,
  };
}
