import { mergeSketches, type SketchData, sketchQuantileMs, sketchSince } from '../latencySketch.ts';
import { shownMembers } from '../shownMembers.ts';
import { isLive, type MemberStatus } from '../status.ts';
import { statusKey } from '../statusRecord.ts';
import { type MemberRates, NO_RATES, ratesBetween } from './memberRates.ts';
import { Ring } from './ring.ts';
import type { PipelineView } from './snapshot.ts';
import { type PacedMember, stagesOf } from './stages.ts';

/** Two minutes of points, one a second. */
const POINTS = 120;
const POINT_MS = 1000;
/** How long a pipeline that ended or fell silent is shown; one that failed stays longer, as its error is of use. */
const FORGET_MS = 60_000;
const FORGET_FAILED_MS = 3_600_000;
/** Members that are remembered at most: a group that restarts in a loop leaves one each time. */
const MOST_MEMBERS = 1000;

interface Track {
  readonly status: MemberStatus;
  /** The status that the rates are counted from. */
  readonly since: MemberStatus;
  readonly rates: MemberRates;
  /** Records a second, as each status since the last point told: a burst between two points belongs to the next. */
  readonly told: number[];
}

/** One pipeline as its members' statuses tell it, with what of the last two minutes has to be kept for that. */
export class PipelineWatch {
  readonly name: string;
  readonly #sessionTimeoutMs: number;
  readonly #members = new Map<string, Track>();
  readonly #rates = new Ring<number>(POINTS);
  readonly #latency = new Ring<PipelineView['latency'][number]>(POINTS);
  #gained: SketchData = EMPTY;
  #pointMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, sessionTimeoutMs: number) {
    this.name = name;
    this.#sessionTimeoutMs = sessionTimeoutMs;
  }

  /** Last words of all members that are remembered. */
  get statuses(): MemberStatus[] {
    return [...this.#members.values()].map(({ status }) => status);
  }

  /** A status; one that is older than what is known says nothing new. */
  take(status: MemberStatus): void {
    const key = statusKey(status);
    const known = this.#members.get(key);
    if (known !== undefined && known.status.atMs > status.atMs) return;
    this.#members.set(key, known === undefined ? newTrack(status) : followed(known, status));
    // The first word of a member is of its whole life: no value of it is known to be new.
    if (known !== undefined) this.#gain(known.status, status);
    if (this.#members.size > MOST_MEMBERS) this.#dropOldest();
  }

  /** The member of this key said that it ends. */
  ended(key: string, nowMs: number): void {
    const known = this.#members.get(key);
    if (known === undefined) return;
    this.#members.set(key, { ...known, status: { ...known.status, state: 'stopped', atMs: nowMs }, rates: NO_RATES });
  }

  /** Called at least once a second: makes a point of the histories when one is due, and forgets what is long gone. */
  tick(nowMs: number): void {
    for (const [key, { status }] of this.#members) {
      if (nowMs - status.atMs > this.#keptMs(status)) this.#members.delete(key);
    }
    if (nowMs - this.#pointMs < POINT_MS) return;
    // Points keep their pace where ticks come a little late, and begin anew after a longer pause.
    this.#pointMs = nowMs - this.#pointMs < 2 * POINT_MS ? this.#pointMs + POINT_MS : nowMs;
    this.#rates.push(this.#live(nowMs).reduce((sum, track) => sum + meanRate(track), 0));
    for (const { told } of this.#members.values()) told.length = 0;
    this.#latency.push({
      atMs: nowMs,
      p50Ms: sketchQuantileMs(this.#gained, 0.5),
      p95Ms: sketchQuantileMs(this.#gained, 0.95),
      p99Ms: sketchQuantileMs(this.#gained, 0.99),
    });
    this.#gained = EMPTY;
  }

  get isForgotten(): boolean {
    return this.#members.size === 0;
  }

  view(nowMs: number): PipelineView {
    const live = this.#live(nowMs);
    const shown = shownMembers(this.statuses, nowMs, this.#sessionTimeoutMs);
    const rank = (status: MemberStatus) => (isLive(status, nowMs, this.#sessionTimeoutMs) ? 0 : 1);
    return {
      name: this.name,
      state: stateOf(
        live.map(({ status }) => status),
        shown,
      ),
      members: shown.sort((a, b) => rank(a) - rank(b) || compare(statusKey(a), statusKey(b))),
      stages: stagesOf(live),
      rates: this.#rates.values(),
      latency: this.#latency.values(),
    };
  }

  #gain(before: MemberStatus, now: MemberStatus): void {
    if (now.latency == null) return;
    const isSameLife = before.startedMs === now.startedMs;
    const had = (isSameLife ? before.latency?.toAlert : undefined) ?? EMPTY;
    this.#gained = mergeSketches(this.#gained, sketchSince(now.latency.toAlert, had));
  }

  #live(nowMs: number): (PacedMember & Track)[] {
    return [...this.#members.values()].filter(({ status }) => isLive(status, nowMs, this.#sessionTimeoutMs));
  }

  #keptMs({ state }: MemberStatus): number {
    return state === 'failed' ? FORGET_FAILED_MS : FORGET_MS + this.#sessionTimeoutMs;
  }

  #dropOldest(): void {
    let oldest: [string, number] | undefined;
    for (const [key, { status }] of this.#members) {
      if (oldest === undefined || status.atMs < oldest[1]) oldest = [key, status.atMs];
    }
    if (oldest !== undefined) this.#members.delete(oldest[0]);
  }
}

function newTrack(status: MemberStatus): Track {
  return { status, since: status, rates: NO_RATES, told: [] };
}

function followed(known: Track, status: MemberStatus): Track {
  const rates = ratesBetween(known.since, status);
  if (rates === undefined) return { ...known, status };
  if (known.told.length < MOST_TOLD) known.told.push(rates.records ?? 0);
  return { status, since: status, rates, told: known.told };
}

function meanRate({ told, rates }: Track): number {
  return told.length === 0 ? (rates.records ?? 0) : told.reduce((sum, each) => sum + each, 0) / told.length;
}

/** Statuses a second that are counted; where nobody makes points there may come many. */
const MOST_TOLD = 100;

/** The state that a look is for first: what is not running as it should. */
function stateOf(live: readonly MemberStatus[], shown: readonly MemberStatus[]): PipelineView['state'] {
  const any = (...states: readonly MemberStatus['state'][]) => live.some(({ state }) => states.includes(state));
  if (live.length === 0) return shown.some(({ state }) => state === 'failed') ? 'failed' : 'gone';
  if (any('restarting')) return 'restarting';
  if (any('restoring', 'starting')) return 'restoring';
  if (any('stopping')) return 'stopping';
  return live.every(({ state }) => state === 'paused') ? 'paused' : 'running';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const EMPTY: SketchData = { buckets: [], count: 0, sumMs: 0, maxMs: 0 };
