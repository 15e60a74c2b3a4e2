import type { Notification } from '../../observe/notification.ts';
import type { SinkStatus } from '../../observe/status.ts';
import type { Delivery, DeliveryClock, RecordDelivery, StoredDelivery } from './delivery.ts';
import { decodeDelivery } from './deliveryRecord.ts';
import { Lane } from './lane.ts';
import type { Say } from './laneNotices.ts';
import type { Sink } from './sink.ts';

export interface SinkDeliveryOptions {
  /** With names of their own. */
  readonly sinks: readonly Sink[];
  readonly clock: DeliveryClock;
  readonly record: RecordDelivery;
  /** Whether this process has the stage for sure; nobody is asked while not. */
  readonly mayAsk?: () => boolean;
  /** alerts.max_age. */
  readonly maxAgeMs: number;
  /** alerts.rate_limit: notifications a minute and sink; Infinity for no limit. */
  readonly perMinute: number;
  /** alerts.rate_limit_burst: how many of them at once. */
  readonly burst: number;
  /** For the log: a sink that fails and comes back, and what is not told for good. */
  readonly say?: Say;
  /** alerts.max_waiting: incidents that wait for a sink, above which there is no room. */
  readonly mostWaiting: number;
}

/** Delivery by one lane a sink: none waits for another. */
export class SinkDelivery implements Delivery {
  readonly #lanes: readonly Lane[];
  readonly #options: SinkDeliveryOptions;
  /** Records of sinks that are not configured any more, by incident. */
  readonly #strangers = new Map<string, string[]>();
  #waiters: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];
  #isClosed = false;

  constructor(options: SinkDeliveryOptions) {
    const { sinks, ...rest } = options;
    this.#options = options;
    this.#lanes = sinks.map((sink) => new Lane({ ...rest, sink, changed: () => this.#changed() }));
  }

  restore(records: Iterable<StoredDelivery>): void {
    for (const stored of records) {
      const decoded = decodeDelivery(stored);
      if (decoded === null) continue;
      const { incidentId, state } = decoded;
      const lane = this.#lanes.find(({ sink }) => sink.name === state.sink);
      if (lane !== undefined) lane.restore(incidentId, state);
      else this.#strangers.set(incidentId, [...(this.#strangers.get(incidentId) ?? []), stored.key]);
    }
  }

  start(): void {
    for (const lane of this.#lanes) lane.start();
  }

  offer(notification: Notification): void {
    for (const lane of this.#lanes) lane.offer(notification);
  }

  get hasRoom(): boolean {
    return this.#lanes.every(({ pending }) => pending < this.#options.mostWaiting);
  }

  room(): Promise<void> {
    return this.#until(() => this.hasRoom);
  }

  get pending(): number {
    return this.#lanes.reduce((sum, { pending }) => sum + pending, 0);
  }

  idle(): Promise<void> {
    return this.#until(() => this.pending === 0);
  }

  isSettled(incidentId: string): boolean {
    return this.#lanes.every((lane) => lane.isSettled(incidentId));
  }

  forget(incidentId: string): boolean {
    if (!this.#lanes.every((lane) => lane.isOver(incidentId))) return false;
    for (const lane of this.#lanes) lane.forget(incidentId);
    for (const key of this.#strangers.get(incidentId) ?? []) void this.#options.record(key, null);
    this.#strangers.delete(incidentId);
    return true;
  }

  status(): readonly SinkStatus[] {
    return this.#lanes.map((lane) => lane.status());
  }

  outcomes(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const lane of this.#lanes) {
      for (const [name, count] of Object.entries(lane.outcomes())) sums[name] = (sums[name] ?? 0) + count;
    }
    return sums;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#changed();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  #until(holds: () => boolean): Promise<void> {
    if (this.#isClosed || holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ holds, resolve }));
  }

  #changed(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.#isClosed || waiter.holds()) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}
