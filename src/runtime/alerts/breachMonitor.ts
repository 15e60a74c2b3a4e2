import type { Evidence } from '../../alerts/stage/evidence.ts';
import type { BreachConfig } from '../../config/alertsConfig.ts';
import { type SketchData, sketchQuantileMs, sketchSince } from '../../observe/latencySketch.ts';
import { SEVERITIES, type Severity } from '../../observe/notification.ts';
import { type MemberStatus, scoredByAny } from '../../observe/status.ts';
import { SESSION_TIMEOUT_MS } from '../topics/operationTopics.ts';
import type { BreachFinding } from './breachFinding.ts';
import { checkpointReasons, inferenceReasons, isReplaced, latencyReasons, memberReasons } from './breachReasons.ts';
import { LagBreaches } from './lagBreaches.ts';

interface Watched {
  isOpen: boolean;
  /** The highest that was told of what is open. */
  severity: Severity;
  /** Since when what is found differs from what is told; null while it does not. */
  sinceMs: number | null;
  toldMs: number;
}

/** Time over which latencies and answers are counted, and the least of them that says something. */
const WINDOW_MS = 60_000;
const LEAST_COUNT = 20;
/** What was above a limit is below it again only by this much. */
const BELOW = 0.8;
/** A breach that lasts is evidence again. */
const REPEAT_MS = 3_600_000;
/** A member that is gone while others go on is news for so long. */
const GONE_MS = 600_000;

/** The pipeline's own state as its members tell it, made into evidence for the alert stage. Times are of the clock here. */
export class BreachMonitor {
  readonly #rules: BreachConfig;
  readonly #checkpointEveryMs: number;
  readonly #watched = new Map<string, Watched>();
  readonly #looks = new Map<string, { readonly atMs: number; readonly status: MemberStatus }[]>();
  readonly #lag: LagBreaches;

  constructor(rules: BreachConfig, checkpointEveryMs: number) {
    this.#rules = rules;
    this.#checkpointEveryMs = checkpointEveryMs;
    this.#lag = new LagBreaches(rules.lagMs);
  }

  /** A breach that an earlier process has told and not resolved. */
  restore(rule: string, series: string, atMs: number, severity: Severity): void {
    this.#watched.set(`${rule}\n${series}`, { isOpen: true, severity, sinceMs: null, toldMs: atMs });
  }

  /** Evidence of breaches that began or ended, from the members' last statuses. */
  look(members: readonly MemberStatus[], nowMs: number): Evidence[] {
    const found = [...this.#members(members, nowMs), ...members.flatMap((status) => this.#measured(status, nowMs))];
    // What a dead member had last is another's now.
    const live = members.filter(({ atMs }) => nowMs - atMs <= SESSION_TIMEOUT_MS);
    if (Number.isFinite(this.#rules.lagMs)) found.push(...this.#lag.look(live, nowMs));
    const keys = new Set(found.map(({ rule, series }) => `${rule}\n${series}`));
    // What nobody speaks of any more, as a member that left in order, is over.
    for (const [key, { isOpen }] of this.#watched) {
      if (keys.has(key)) continue;
      const [rule, series] = key.split('\n') as [BreachFinding['rule'], string];
      if (!isOpen) this.#watched.delete(key);
      else
        found.push({ rule, series, isBad: false, severity: 'info', text: '', reasons: [], value: null, limit: null });
    }
    return found.flatMap((finding) => this.#judge(finding, nowMs));
  }

  #judge(finding: BreachFinding, nowMs: number): Evidence[] {
    const { rule, series, isBad, severity } = finding;
    const key = `${rule}\n${series}`;
    const watched = this.#watched.get(key) ?? { isOpen: false, severity, sinceMs: null, toldMs: -Infinity };
    this.#watched.set(key, watched);
    if (isBad === watched.isOpen) {
      watched.sinceMs = null;
      const isWorse = SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(watched.severity);
      if (!isBad || (!isWorse && nowMs - watched.toldMs < REPEAT_MS)) return [];
      if (isWorse) watched.severity = severity;
    } else {
      watched.sinceMs ??= nowMs;
      if (nowMs - watched.sinceMs < this.#rules.afterMs) return [];
      watched.isOpen = isBad;
      watched.severity = severity;
    }
    const atMs = watched.sinceMs ?? nowMs;
    watched.sinceMs = null;
    watched.toldMs = nowMs;
    return [evidence(finding, atMs, nowMs)];
  }

  /** Members that failed, are restarted, or say nothing any more. */
  #members(members: readonly MemberStatus[], nowMs: number): BreachFinding[] {
    if (!this.#rules.members) return [];
    const isSilent = ({ atMs, state }: MemberStatus) =>
      state !== 'stopped' && state !== 'failed' && nowMs - atMs > 2 * SESSION_TIMEOUT_MS;
    const going = members.filter((status) => !isSilent(status) && status.state !== 'failed');
    const isAnyLive = going.length > 0;
    // Only who speaks now has partitions for certain.
    const live = going.filter(({ atMs, state }) => state !== 'stopped' && nowMs - atMs <= SESSION_TIMEOUT_MS);
    return members.flatMap((status): BreachFinding[] => {
      const { member: series, state, error, atMs } = status;
      const silentMs = nowMs - atMs;
      const others = live.filter((each) => each !== status);
      const reasons = memberReasons(status, others);
      const base = { rule: 'member', series, reasons, value: null, limit: null } as const;
      const isOver = isReplaced(status, others);
      if (state === 'failed' || state === 'restarting') {
        const why = error === null ? '' : `: ${error.message}`;
        // One that is being restarted says so every few seconds: what has fallen silent died at that.
        const isBeingRestarted = state === 'restarting' && !isSilent(status);
        // Where others go on, a failure is news for a while.
        const isBad = !isAnyLive || isBeingRestarted || (silentMs < GONE_MS && !isOver);
        const severity = isAnyLive ? 'error' : 'critical';
        const text = isSilent(status)
          ? `member ${series} was ${state}${why}, and has said nothing for ${Math.round(silentMs / 1000)} s`
          : `member ${series} is ${state}${why}`;
        return [{ ...base, isBad, severity, text }];
      }
      const isGone = isSilent(status) && (!isAnyLive || (silentMs < GONE_MS && !isOver));
      const text = `member ${series} has said nothing for ${Math.round(silentMs / 1000)} s`;
      return [{ ...base, isBad: isGone, severity: isAnyLive ? 'error' : 'critical', text }];
    });
  }

  /** Latency, answers of the model and checkpoints of a member that lives. */
  #measured(status: MemberStatus, nowMs: number): BreachFinding[] {
    if (nowMs - status.atMs > SESSION_TIMEOUT_MS) {
      this.#looks.delete(status.member);
      return [];
    }
    const looks = this.#looks.get(status.member) ?? [];
    this.#looks.set(status.member, looks);
    looks.push({ atMs: nowMs, status });
    while (looks.length > 1 && looks[1]!.atMs <= nowMs - WINDOW_MS) looks.shift();
    const before = looks[0]!.status;
    return [...this.#latency(status, before), ...this.#inference(status, before), ...this.#checkpoint(status, nowMs)];
  }

  #latency({ member: series, latency }: MemberStatus, { latency: before }: MemberStatus): BreachFinding[] {
    const { latencyMs: limit } = this.#rules;
    if (latency == null || !Number.isFinite(limit)) return [];
    const p95 = recentQuantile(latency.toAlert, before?.toAlert, 0.95);
    if (p95 === null) return [];
    const isOpen = this.#watched.get(`latency\n${series}`)?.isOpen === true;
    const isBad = p95 > (isOpen ? BELOW * limit : limit);
    const text = `${series}: p95 from ingestion to alert was ${Math.round(p95)} ms in the last minute, more than ${limit} ms`;
    const reasons = latencyReasons(latency, before);
    return [{ rule: 'latency', series, isBad, severity: 'error', text, reasons, value: p95, limit }];
  }

  #inference({ member: series, model }: MemberStatus, { model: before }: MemberStatus): BreachFinding[] {
    const { inference: limit } = this.#rules;
    if (model === null || before === null || !Number.isFinite(limit)) return [];
    const asked = model.asked - before.asked;
    if (asked < LEAST_COUNT) return [];
    const share = (scoredByAny(model) - scoredByAny(before)) / asked;
    const percent = (value: number) => `${Math.round(1000 * value) / 10} %`;
    const text = `${series}: model ${model.name} scored ${percent(share)} of ${asked} values in the last minute, less than ${percent(limit)}`;
    const reasons = inferenceReasons(model, before);
    return [{ rule: 'inference', series, isBad: share < limit, severity: 'error', text, reasons, value: share, limit }];
  }

  /** Where nothing comes nothing has to be kept. */
  #checkpoint(status: MemberStatus, nowMs: number): BreachFinding[] {
    const { member: series, checkpoint, startedMs, rates, state } = status;
    const { checkpoint: most } = this.#rules;
    if (!Number.isFinite(most) || state !== 'running') return [];
    const limit = most * this.#checkpointEveryMs;
    const ageMs = nowMs - (checkpoint.lastMs ?? startedMs);
    const isBad = ageMs > limit && (rates.records > 0 || checkpoint.failure !== null);
    const why = checkpoint.failure === null ? '' : `: ${checkpoint.failure}`;
    const text = `${series}: newest checkpoint is ${Math.round(ageMs / 1000)} s old, more than ${limit / 1000} s${why}`;
    const reasons = checkpointReasons(status);
    return [{ rule: 'checkpoint', series, isBad, severity: 'warning', text, reasons, value: ageMs, limit }];
  }
}

function evidence(
  { rule, series, isBad, severity, text, reasons, value, limit }: BreachFinding,
  startMs: number,
  nowMs: number,
) {
  return {
    ...{ id: `breach/${rule}/${series}/${startMs}`, series, rule: `breach@${rule}`, startMs, endMs: startMs },
    ...{ value, expected: null, lower: null, upper: limit, score: null, threshold: null, parts: [] },
    ...{ recordMs: nowMs, state: isBad ? 'open' : 'resolved', severity, text, reasons },
  } satisfies Evidence;
}

/** Quantile of what a sketch has counted since an earlier look; null where that is too little. */
export function recentQuantile(now: SketchData, before: SketchData | undefined, q: number): number | null {
  const recent = before === undefined ? now : sketchSince(now, before);
  return recent.count < LEAST_COUNT ? null : sketchQuantileMs(recent, q);
}
