import type { Notification, Severity } from '../../observe/notification.ts';
import type { SinkStatus } from '../../observe/status.ts';

/**
 * Brings notifications to the sinks. The alert stage offers; delivery queues, sends, retries, and tells by `record` what
 * became of each, so that the stage can keep it on <pipeline>.outbox.
 *
 * A start: `restore` with all delivery records of the outbox, `offer` of all its notifications, resolved ones included,
 * then `start`. What the records say is delivered is not sent again; all else is, under the same id.
 */
export interface Delivery {
  /** Takes what earlier processes recorded. Before the first `offer`. */
  restore(records: Iterable<StoredDelivery>): void;

  /** Begins to send. What was offered before may have been sent by an earlier process, so it goes under its own id. */
  start(): void;

  /**
   * Takes an incident as it stands now, for all sinks. Supersedes what still waits of the same incident; a revision that
   * is not newer than the one known is passed over.
   */
  offer(notification: Notification): void;

  /**
   * False while a sink has as many incidents waiting as alerts.max_waiting allows. Reading then has to pause: `offer`
   * still takes what comes, as nothing may be lost.
   */
  readonly hasRoom: boolean;

  /** Resolves when there is room again, at once when there is, or when `close` is called. */
  room(): Promise<void>;

  /** Incidents that wait for a sink or are on their way, summed over the sinks. */
  readonly pending: number;

  /** Resolves when nothing is pending, or when `close` is called. An incident that fires is not pending once delivered. */
  idle(): Promise<void>;

  /** Whether every sink is done with the newest revision of an incident that was offered. */
  isSettled(incidentId: string): boolean;

  /**
   * Drops an incident that is resolved and settled, with a record of value null (a tombstone) for each of its delivery
   * records; one that was never offered has none. False, and nothing done, where it is not settled.
   */
  forget(incidentId: string): boolean;

  /** One entry a sink, in the order of the configuration. */
  status(): readonly SinkStatus[];

  /** Notifications by what became of them, summed over the sinks: delivered, too_old, rate_limited, failed. */
  outcomes(): Readonly<Record<string, number>>;

  /**
   * Starts nothing more and waits for the requests under way, each bounded by its deadline. What waits is sent after the
   * next start.
   */
  close(): Promise<void>;
}

/** A delivery record as it lies on the outbox. Null is a tombstone. */
export interface StoredDelivery {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/**
 * Writes a record to the outbox; called in the order that records have to be in. Resolves when the record is there to
 * stay, with all before it. Delivery waits for it only before it merges incidents into a summary: whatever else is not
 * there after a crash is sent again. It never rejects: a stage that cannot write has to stop by itself.
 */
export type RecordDelivery = (key: string, value: Uint8Array | null) => Promise<void>;

/** Time and chance, injected. */
export interface DeliveryClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `run` after so many milliseconds, unless what it returns is called before. */
  after(delayMs: number, run: () => void): () => void;
  /** From [0, 1). */
  random(): number;
}

/** What of an incident a sink is told. */
export type Told = 'open' | 'update' | 'resolved';

/** What is known of an incident at a sink: the value of its delivery record, as JSON in snake_case. */
export interface DeliveryState {
  readonly sink: string;
  /** Newest revision that is done with, whatever the outcome. */
  readonly revision: number;
  /** What the sink was told last; null where it was told nothing, or takes no resolve: none is due. */
  readonly told: Told | null;
  /** Of what it was told last. */
  readonly severity: Severity | null;
  /** Id of the notification that it goes by, where the rate limit merged several incidents into one. */
  readonly summary: string | null;
  /** Of the newest revision. */
  readonly outcome: 'delivered' | 'too_old' | 'rate_limited' | 'failed' | 'skipped';
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Why it failed. */
  readonly problem: string | null;
}
