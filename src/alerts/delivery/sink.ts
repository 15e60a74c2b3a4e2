import type { Notification, Severity } from '../../observe/notification.ts';
import type { Told } from './delivery.ts';

/** One incident on its way. `told` may be another than the notification's status: an update that comes first is an open. */
export interface Outgoing {
  readonly told: Told;
  readonly notification: Notification;
}

/** What a sink said to a request. `problem` is for people and has no secrets. */
export type SendResult =
  | { readonly kind: 'delivered' }
  /** It will never take this: not repeated. */
  | { readonly kind: 'refused'; readonly problem: string }
  | {
      readonly kind: 'retry';
      readonly problem: string;
      /** It asked for fewer requests: the pause is minutes. */
      readonly busy?: boolean;
      /** It named the time. */
      readonly afterMs?: number;
      /** No connection, so it is not for what was sent, and the order of the incidents stays. */
      readonly isUnreachable?: boolean;
    };

/** Where notifications go: requests out, answers in. Queue, order, pauses and records are the lane's. */
export interface Sink {
  readonly name: string;
  readonly type: string;
  /** Incidents of one request. */
  readonly mostAtOnce: number;
  /** One request and its answer; what takes longer is given up and repeated. */
  readonly timeoutMs: number;
  /** How often what fires is sent again; null where once is enough. */
  readonly resendMs: number | null;
  /** Whether alerts.rate_limit counts here. */
  readonly isLimited: boolean;
  /** Which changes of an open incident are told. */
  readonly updates: 'all' | 'severity' | 'none';
  /** Incidents below it are not told. */
  readonly minSeverity: Severity;
  /** Never rejects for what the peer does. */
  send(batch: readonly Outgoing[]): Promise<SendResult>;
  close(): Promise<void>;
}
