import { type Notification, SEVERITIES, type Severity } from '../../observe/notification.ts';
import type { DeliveryState, Told } from './delivery.ts';
import type { Sink } from './sink.ts';

/** One incident at one sink. */
export interface IncidentCase {
  readonly id: string;
  /** As it was offered last; null for one that is known from a record only. */
  newest: Notification | null;
  state: DeliveryState | null;
  /** Whether a record of it is on the outbox. */
  isRecorded: boolean;
  /** May have been sent by an earlier process, without a record: it keeps its own id. */
  readonly isEarlier: boolean;
  /** Requests for the step that is due, so far. */
  attempts: number;
  /** Not sent before. */
  notBeforeMs: number;
  /** Since when it waits. */
  sinceMs: number;
  /** When the sink last took it, as this process knows: what fires is sent again. */
  sentMs: number | null;
  /** A batch that it was in was refused: it is sent by itself, so that the refusal is of one. */
  isAlone: boolean;
}

export type Step =
  | { readonly kind: 'none' }
  | { readonly kind: 'send'; readonly told: Told }
  /** Nothing is sent, and the revision is done with. */
  | { readonly kind: 'finish'; readonly outcome: DeliveryState['outcome']; readonly problem: string | null };

const NONE: Step = { kind: 'none' };

/** Whether the sink holds it open, so that a resolve is due to it. */
export function isOpen(state: DeliveryState | null): boolean {
  return state !== null && (state.told === 'open' || state.told === 'update');
}

/** What is to be done for an incident at a sink: never a resolve before its open, and nothing twice. */
export function nextStep(
  { newest, state }: IncidentCase,
  sink: Pick<Sink, 'updates' | 'minSeverity'>,
  maxAgeMs: number,
  nowMs: number,
): Step {
  if (newest === null) return NONE;
  const isResolved = newest.status === 'resolved';
  // Whatever its age: who was told that something is wrong is told that it ended.
  if (isResolved && isOpen(state)) return { kind: 'send', told: 'resolved' };
  if (state !== null && state.revision >= newest.revision) return NONE;
  if (isResolved && state?.outcome === 'failed') {
    return { kind: 'finish', outcome: 'failed', problem: 'it refused the open, so there is nothing to resolve' };
  }
  const told = isOpen(state) ? 'update' : 'open';
  const isTold =
    told === 'open' ? rank(newest.severity) >= rank(sink.minSeverity) : tellsUpdate(newest, state!, sink.updates);
  if (!isTold) return { kind: 'finish', outcome: 'skipped', problem: null };
  // Of a merged incident only what makes the whole worse is told.
  if (told === 'update' && state!.summary !== null && !isWorse(newest, state!)) {
    return { kind: 'finish', outcome: 'rate_limited', problem: null };
  }
  // What is so now is told, however long the sink was away.
  const isOfNow = newest.isOrdered === true || newest.isLasting === true;
  if (!isOfNow && nowMs - newest.evidenceMs > maxAgeMs) return { kind: 'finish', outcome: 'too_old', problem: null };
  return { kind: 'send', told };
}

function tellsUpdate(newest: Notification, state: DeliveryState, updates: Sink['updates']): boolean {
  return updates === 'all' || (updates === 'severity' && isWorse(newest, state));
}

function isWorse({ severity }: Notification, state: DeliveryState): boolean {
  return state.severity !== null && rank(severity) > rank(state.severity);
}

export function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

/** The notification as it goes out: what a sink never saw is an open, also where it has ended by now. */
export function asTold(notification: Notification, told: Told): Notification {
  return told === 'resolved' || notification.status !== 'resolved'
    ? { ...notification, status: told }
    : { ...notification, status: told, endedMs: null };
}
