import type { Severity } from '../../observe/notification.ts';
import type { DeliveryState, Told } from './delivery.ts';
import { asTold, type IncidentCase, isOpen, nextStep, type Step } from './incidentCase.ts';
import type { Outgoing, Sink } from './sink.ts';
import { summaryId, summaryOf } from './summary.ts';
import type { SummaryMembers } from './summaryMembers.ts';
import type { TokenBucket } from './tokenBucket.ts';

/** One notification of the next request, and the incidents that it tells of. */
export interface Pick {
  readonly outgoing: Outgoing;
  readonly told: Told;
  readonly cases: readonly PickedCase[];
  /** Id that they go by together; null for one incident under its own. */
  readonly summary: string | null;
  /** That they do is new, and to be kept first. */
  readonly isFirstMerge: boolean;
  /** Nothing changed: it fires and is told again. */
  readonly isResend: boolean;
}

export interface PickedCase {
  readonly each: IncidentCase;
  readonly revision: number;
  readonly severity: Severity;
  /** An open of what has ended by now. */
  readonly isDerived: boolean;
}

export interface Finished {
  readonly each: IncidentCase;
  readonly outcome: DeliveryState['outcome'];
  readonly told: Told | null;
  readonly problem: string | null;
}

export interface Picked {
  readonly picks: readonly Pick[];
  /** What needs no request. */
  readonly finished: readonly Finished[];
  /** When to look again, where nothing is picked. */
  readonly wakeMs: number;
}

export interface LanePickerOptions {
  readonly sink: Sink;
  readonly bucket: TokenBucket;
  readonly maxAgeMs: number;
  readonly waiting: ReadonlyMap<string, IncidentCase>;
  readonly members: SummaryMembers;
}

type Send = Step & { readonly kind: 'send' };

/** Chooses what goes into the next request of a lane: what waits in its order, then what fires and is due again. */
export class LanePicker {
  readonly #options: LanePickerOptions;
  readonly #firing = new Map<string, IncidentCase>();

  constructor(options: LanePickerOptions) {
    this.#options = options;
  }

  /** Keeps in view what fires at a sink that wants to be told again and again. */
  watch(each: IncidentCase): void {
    const isFiring = each.newest !== null && each.newest.status !== 'resolved' && isOpen(each.state);
    if (isFiring && this.#options.sink.resendMs !== null) this.#firing.set(each.id, each);
    else this.#firing.delete(each.id);
  }

  unwatch(id: string): void {
    this.#firing.delete(id);
  }

  pick(nowMs: number): Picked {
    const { sink, maxAgeMs, waiting } = this.#options;
    const picks: Pick[] = [];
    const finished: Finished[] = [];
    const taken = new Set<IncidentCase>();
    let wakeMs = Infinity;
    for (const each of waiting.values()) {
      if (picks.length >= sink.mostAtOnce) break;
      const step = nextStep(each, sink, maxAgeMs, nowMs);
      if (step.kind === 'none' || taken.has(each)) continue;
      if (step.kind === 'finish') {
        finished.push(finishedOf(each, step));
        continue;
      }
      if (each.notBeforeMs > nowMs) {
        wakeMs = Math.min(wakeMs, each.notBeforeMs);
        continue;
      }
      if (each.isAlone && picks.length > 0) continue;
      if (this.#endsQuietly(each, step)) {
        finished.push({ each, outcome: 'rate_limited', problem: null, told: 'resolved' });
        continue;
      }
      const waitMs = this.#waitMs(step, nowMs);
      if (waitMs > 0) {
        wakeMs = Math.min(wakeMs, nowMs + waitMs);
        continue;
      }
      const pick = this.#pickOf(each, step, taken, nowMs);
      if (step.told !== 'resolved') this.#options.bucket.take();
      for (const { each: member } of pick.cases) taken.add(member);
      picks.push(pick);
      if (each.isAlone) break;
    }
    wakeMs = Math.min(wakeMs, this.#addResends(picks, taken, nowMs));
    return { picks, finished, wakeMs };
  }

  /** What needs no request by now, as it became too old while the sink did not answer. */
  finished(nowMs: number): readonly Finished[] {
    const { sink, maxAgeMs, waiting } = this.#options;
    const finished: Finished[] = [];
    for (const each of waiting.values()) {
      const step = nextStep(each, sink, maxAgeMs, nowMs);
      if (step.kind === 'finish') finished.push(finishedOf(each, step));
    }
    return finished;
  }

  /** A resolve is never held back. */
  #waitMs({ told }: Send, nowMs: number): number {
    return told === 'resolved' ? 0 : this.#options.bucket.waitMs(nowMs);
  }

  #groupOf({ state }: IncidentCase): string | null {
    return state === null || state.told === 'resolved' ? null : state.summary;
  }

  /** It went by a common id, and others of it go on. */
  #endsQuietly(each: IncidentCase, { told }: Send): boolean {
    const group = this.#groupOf(each);
    return told === 'resolved' && group !== null && this.#options.members.hasOtherOpen(group, each.id);
  }

  #pickOf(each: IncidentCase, step: Send, taken: ReadonlySet<IncidentCase>, nowMs: number): Pick {
    const group = this.#groupOf(each);
    if (group !== null) return this.#groupPick(group, step, nowMs);
    if (step.told === 'open' && this.#options.bucket.count(nowMs) < 2) {
      const others = this.#mergeable(nowMs).filter((other) => !taken.has(other));
      if (others.length > 1 && others.includes(each)) return merged(summaryId(each.id), 'open', others, others, true);
    }
    return single(each, step.told, false);
  }

  /** Those that may share the last token: they wait for their first notification, and nobody can have got it before. */
  #mergeable(nowMs: number): readonly IncidentCase[] {
    const { waiting, sink, maxAgeMs } = this.#options;
    return [...waiting.values()].filter((each) => {
      if (each.isEarlier || each.attempts > 0 || each.notBeforeMs > nowMs || this.#groupOf(each) !== null) return false;
      const step = nextStep(each, sink, maxAgeMs, nowMs);
      return step.kind === 'send' && step.told === 'open';
    });
  }

  #groupPick(group: string, { told }: Send, nowMs: number): Pick {
    const { members, sink, maxAgeMs } = this.#options;
    const all = members.of(group).filter(({ newest }) => newest !== null);
    const due = all.filter((each) => {
      const step = nextStep(each, sink, maxAgeMs, nowMs);
      return step.kind === 'send' && step.told === told;
    });
    return merged(group, told, all, due, false);
  }

  /** @returns when the next one is due */
  #addResends(picks: Pick[], taken: ReadonlySet<IncidentCase>, nowMs: number): number {
    const { sink } = this.#options;
    let wakeMs = Infinity;
    for (const each of this.#firing.values()) {
      if (taken.has(each)) continue;
      const dueMs = each.sentMs === null ? nowMs : each.sentMs + sink.resendMs!;
      if (dueMs > nowMs) {
        wakeMs = Math.min(wakeMs, dueMs);
      } else if (picks.length < sink.mostAtOnce && !(picks.length > 0 && each.isAlone)) {
        picks.push(single(each, 'update', true));
        if (each.isAlone) return nowMs;
      }
    }
    return wakeMs;
  }
}

function finishedOf(each: IncidentCase, { outcome, problem }: Step & { readonly kind: 'finish' }): Finished {
  return { each, outcome, problem, told: each.state?.told ?? null };
}

function pickedCase(each: IncidentCase, told: Told, severity: Severity): PickedCase {
  const { revision, status } = each.newest!;
  return { each, revision, severity, isDerived: told !== 'resolved' && status === 'resolved' };
}

function single(each: IncidentCase, told: Told, isResend: boolean): Pick {
  const outgoing = { told, notification: asTold(each.newest!, told) };
  const cases = [pickedCase(each, told, each.newest!.severity)];
  return { outgoing, told, cases, summary: null, isFirstMerge: false, isResend };
}

function merged(
  id: string,
  told: Told,
  all: readonly IncidentCase[],
  due: readonly IncidentCase[],
  isFirstMerge: boolean,
): Pick {
  const notification = asTold(
    summaryOf(
      id,
      all.map(({ newest }) => newest!),
    ),
    told,
  );
  const cases = due.map((each) => pickedCase(each, told, notification.severity));
  return { outgoing: { told, notification }, told, cases, summary: id, isFirstMerge, isResend: false };
}
