import type { Notification } from '../../observe/notification.ts';
import type { SinkStatus } from '../../observe/status.ts';
import type { DeliveryClock, DeliveryState, RecordDelivery } from './delivery.ts';
import { deliveryKey, encodeDelivery } from './deliveryRecord.ts';
import { type IncidentCase, nextStep } from './incidentCase.ts';
import { LaneNotices, type Say } from './laneNotices.ts';
import { type Finished, LanePicker, type Pick } from './lanePicker.ts';
import { Health, pauseMs } from './pause.ts';
import type { SendResult, Sink } from './sink.ts';
import { SummaryMembers } from './summaryMembers.ts';
import { TokenBucket } from './tokenBucket.ts';

export interface LaneOptions {
  readonly sink: Sink;
  readonly clock: DeliveryClock;
  readonly record: RecordDelivery;
  /** Whether this process has the stage for sure: one that stood still may send what its successor has resolved. */
  readonly mayAsk?: () => boolean;
  /** alerts.max_age. */
  readonly maxAgeMs: number;
  /** alerts.rate_limit and alerts.rate_limit_burst. */
  readonly perMinute: number;
  readonly burst: number;
  /** For the log. */
  readonly say?: Say;
  /** Called when something waits no more. */
  readonly changed: () => void;
}

/** Requests of one incident in a row that the peer answered by a failure, after which others go first. */
const STEP_ASIDE_AFTER = 5;
/** Until it is looked again whether anybody may be asked. */
const ASK_AGAIN_MS = 1000;
/** Timers of an injected clock need not be longer. */
const LONGEST_TIMER_MS = 3_600_000;

/** What one sink is told: a queue with one place an incident, one request at a time, so that nothing overtakes. */
export class Lane {
  readonly sink: Sink;
  readonly #options: LaneOptions;
  readonly #cases = new Map<string, IncidentCase>();
  /** What has something to do, in the order in which it was offered. */
  readonly #waiting = new Map<string, IncidentCase>();
  readonly #members = new SummaryMembers(this.#cases);
  readonly #health = new Health();
  readonly #notices: LaneNotices;
  readonly #outcomes: Record<string, number> = {};
  readonly #picker: LanePicker;
  #busy: Promise<void> | null = null;
  #isStarted = false;
  #isClosed = false;
  #cancelTimer: () => void = () => {};

  constructor(options: LaneOptions) {
    const { sink, clock, perMinute, burst, maxAgeMs } = options;
    this.sink = sink;
    this.#options = options;
    this.#notices = new LaneNotices(sink.name, options.say ?? (() => {}));
    const bucket = new TokenBucket(sink.isLimited ? perMinute : Infinity, burst, clock.now());
    this.#picker = new LanePicker({ sink, bucket, maxAgeMs, waiting: this.#waiting, members: this.#members });
  }

  get pending(): number {
    return this.#waiting.size;
  }

  restore(id: string, state: DeliveryState): void {
    const each = this.#caseOf(id);
    each.isRecorded = true;
    this.#setState(each, state);
  }

  offer(notification: Notification): void {
    const each = this.#caseOf(notification.id);
    if (each.newest !== null && notification.revision <= each.newest.revision) return;
    each.newest = notification;
    this.#picker.watch(each);
    this.#queue(each);
    this.#pump();
  }

  start(): void {
    this.#isStarted = true;
    this.#pump();
  }

  /** Nothing is to be done for the revision that was offered last. */
  isSettled(id: string): boolean {
    const each = this.#cases.get(id);
    return each !== undefined && each.newest !== null && !this.#waiting.has(id);
  }

  /** Nothing will ever be due: it ended and that is told, or it never came here, as what is held does not. */
  isOver(id: string): boolean {
    const each = this.#cases.get(id);
    return each === undefined || (this.isSettled(id) && each.newest!.status === 'resolved');
  }

  /** Of an incident that is over. */
  forget(id: string): void {
    const each = this.#cases.get(id);
    if (each === undefined) return;
    this.#members.remove(each);
    this.#cases.delete(id);
    this.#picker.unwatch(id);
    if (each.isRecorded) void this.#options.record(deliveryKey(id, this.sink.name), null);
  }

  outcomes(): Readonly<Record<string, number>> {
    return { ...this.#outcomes };
  }

  status(): SinkStatus {
    const { retries, circuit, retryMs, lastSuccessMs, lastFailureMs, problem } = this.#health;
    let waitingSinceMs: number | null = null;
    for (const { sinceMs } of this.#waiting.values()) {
      if (waitingSinceMs === null || sinceMs < waitingSinceMs) waitingSinceMs = sinceMs;
    }
    return {
      name: this.sink.name,
      type: this.sink.type,
      outcomes: this.outcomes(),
      retries,
      queue: this.#waiting.size,
      waitingSinceMs,
      circuit,
      retryMs,
      lastSuccessMs,
      lastFailureMs,
      problem,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    await this.#busy;
    await this.sink.close();
  }

  #caseOf(id: string): IncidentCase {
    let each = this.#cases.get(id);
    if (each === undefined) {
      each = {
        ...{ id, newest: null, state: null, isRecorded: false, isEarlier: !this.#isStarted },
        ...{ attempts: 0, notBeforeMs: 0, sinceMs: 0, sentMs: null, isAlone: false },
      };
      this.#cases.set(id, each);
    }
    return each;
  }

  /** Has it wait where something is to be done, and wait no more where nothing is. */
  #queue(each: IncidentCase): void {
    const { sink, maxAgeMs, clock } = this.#options;
    const nowMs = clock.now();
    if (nextStep(each, sink, maxAgeMs, nowMs).kind === 'none') {
      if (this.#waiting.delete(each.id)) this.#options.changed();
    } else if (!this.#waiting.has(each.id)) {
      each.sinceMs = nowMs;
      this.#waiting.set(each.id, each);
    }
  }

  #pump(): void {
    if (!this.#isStarted || this.#isClosed || this.#busy !== null) return;
    this.#cancelTimer();
    const nowMs = this.#options.clock.now();
    const { retryMs } = this.#health;
    if (retryMs !== null && retryMs > nowMs) {
      this.#wakeAt(retryMs, nowMs);
      return;
    }
    if (this.#options.mayAsk?.() === false) {
      this.#wakeAt(nowMs + ASK_AGAIN_MS, nowMs);
      return;
    }
    const { picks, finished, wakeMs } = this.#picker.pick(nowMs);
    this.#finish(finished);
    if (picks.length === 0) {
      this.#wakeAt(wakeMs, nowMs);
      return;
    }
    // It rejects for a fault of ours only, which ends the process rather than asking on and on.
    this.#busy = this.#deliver(picks).then(() => {
      this.#busy = null;
      this.#pump();
    });
  }

  #wakeAt(atMs: number, nowMs: number): void {
    if (atMs === Infinity) return;
    const delayMs = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(atMs - nowMs)));
    this.#cancelTimer = this.#options.clock.after(delayMs, () => this.#pump());
  }

  async #deliver(picks: readonly Pick[]): Promise<void> {
    const merged = picks.filter(({ isFirstMerge }) => isFirstMerge);
    if (merged.length > 0) await this.#keepMerge(merged);
    const result = await this.#ask(picks);
    const nowMs = this.#options.clock.now();
    if (result.kind === 'delivered') {
      this.#health.succeeded(nowMs);
      this.#notices.succeeded();
      for (const pick of picks) this.#delivered(pick, nowMs);
    } else if (result.kind === 'refused') {
      this.#health.refused(nowMs, result.problem);
      for (const pick of picks) this.#refused(pick, picks.length > 1, result.problem, nowMs);
    } else {
      this.#failed(picks, result, nowMs);
    }
  }

  /** Which incidents go by a common id has to be known after a crash, before anybody is told. */
  async #keepMerge(picks: readonly Pick[]): Promise<void> {
    const nowMs = this.#options.clock.now();
    this.#notices.merged(picks.reduce((sum, { cases }) => sum + cases.length, 0));
    await Promise.all(
      picks.flatMap(({ summary, cases }) =>
        cases.map(({ each }) => {
          const { revision = -1, severity = null } = each.state ?? {};
          return this.#record(each, {
            ...{ sink: this.sink.name, revision, told: null, severity, summary, outcome: 'rate_limited' },
            ...{ attempts: each.attempts, atMs: nowMs, problem: null },
          });
        }),
      ),
    );
  }

  #ask(picks: readonly Pick[]): Promise<SendResult> {
    const { sink, clock } = this.#options;
    return new Promise((resolve) => {
      const problem = `no answer within ${sink.timeoutMs} ms (timeout)`;
      const cancel = clock.after(sink.timeoutMs, () => resolve({ kind: 'retry', problem }));
      const answered = (result: SendResult): void => {
        cancel();
        resolve(result);
      };
      sink.send(picks.map(({ outgoing }) => outgoing)).then(answered, (error: unknown) => {
        answered({ kind: 'retry', problem: error instanceof Error ? error.message : String(error) });
      });
    });
  }

  #delivered({ summary, told, cases, isResend }: Pick, nowMs: number): void {
    for (const { each, revision, severity, isDerived } of cases) {
      each.sentMs = nowMs;
      each.isAlone = false;
      if (isResend) continue;
      const outcome = summary === null ? 'delivered' : 'rate_limited';
      this.#done(each, { revision, told, severity, summary, outcome, problem: null }, each.attempts + 1);
      // Alertmanager tells nobody of what ends before it had time to group it.
      if (isDerived && this.sink.resendMs !== null) each.notBeforeMs = nowMs + this.sink.resendMs;
    }
  }

  #refused({ summary, told, cases, isResend }: Pick, isOfSeveral: boolean, problem: string, nowMs: number): void {
    for (const { each, revision } of cases) {
      if (isResend) each.sentMs = nowMs;
      if (isOfSeveral) each.isAlone = true;
      if (isOfSeveral) continue;
      this.#notices.refused(each.id, problem);
      if (isResend) continue;
      const state = each.state;
      const before = told === 'update' ? (state?.told ?? null) : null;
      const severity = state?.severity ?? null;
      this.#done(each, { revision, told: before, severity, summary, outcome: 'failed', problem }, each.attempts + 1);
    }
  }

  #failed(picks: readonly Pick[], result: SendResult & { kind: 'retry' }, nowMs: number): void {
    const { clock } = this.#options;
    this.#health.failed(nowMs, result.problem);
    this.#notices.failed(this.#health, result.problem, this.#waiting.size);
    this.#health.retryMs = nowMs + pauseMs(this.#health.failures, result, clock.random());
    for (const { cases, isResend } of picks) {
      if (isResend) continue;
      for (const { each } of cases) {
        each.attempts += 1;
        if (result.isUnreachable === true || each.attempts < STEP_ASIDE_AFTER || this.#waiting.size <= cases.length) {
          continue;
        }
        each.notBeforeMs = nowMs + pauseMs(each.attempts, result, clock.random());
        if (this.#waiting.delete(each.id)) this.#waiting.set(each.id, each);
      }
    }
    this.#finish(this.#picker.finished(nowMs));
  }

  /** Revisions that are done with, without a request. */
  #finish(finished: readonly Finished[]): void {
    const tooOld = finished.filter(({ outcome }) => outcome === 'too_old').length;
    if (tooOld > 0) this.#notices.tooOld(tooOld);
    for (const { each, outcome, told, problem } of finished) {
      const { severity = null, summary = null } = each.state ?? {};
      const { revision } = each.newest!;
      this.#done(each, { revision, told, severity, summary, outcome, problem }, each.attempts);
    }
  }

  #done(each: IncidentCase, state: Omit<DeliveryState, 'sink' | 'attempts' | 'atMs'>, attempts: number): void {
    each.attempts = 0;
    each.notBeforeMs = 0;
    const whole = { ...state, sink: this.sink.name, attempts, atMs: this.#options.clock.now() };
    if (state.outcome === 'skipped') {
      // Told again from the incident and the configuration, so it needs no record.
      this.#setState(each, whole);
    } else {
      this.#outcomes[state.outcome] = (this.#outcomes[state.outcome] ?? 0) + 1;
      void this.#record(each, whole);
    }
    this.#queue(each);
  }

  #record(each: IncidentCase, state: DeliveryState): Promise<void> {
    each.isRecorded = true;
    this.#setState(each, state);
    return this.#options.record(deliveryKey(each.id, this.sink.name), encodeDelivery(state));
  }

  #setState(each: IncidentCase, state: DeliveryState): void {
    this.#members.remove(each);
    each.state = state;
    this.#members.add(each);
    this.#picker.watch(each);
  }
}
