/** What was there before of one series and rule: which peaks are expected, and how often it opened of late. Plain data. */
export interface Profile {
  readonly series: string;
  readonly rule: string;
  /** Exceedances of the last four weeks, the oldest first. */
  readonly past: PastPeak[];
  /** When it opened, the last few. */
  readonly opens: number[];
  /** What operators taught: hours of the week that are told whatever came before, or held up to a score. */
  readonly taught: TaughtHour[];
}

export interface PastPeak {
  startMs: number;
  endMs: number;
  score: number;
  /** 1 above what was expected, -1 below, 0 unknown. */
  readonly side: number;
}

export interface TaughtHour {
  /** Milliseconds of the week, 0 is Monday 00:00 UTC. */
  readonly weekMs: number;
  readonly verb: 'deliver' | 'hold';
  readonly score: number;
  /** When it was said, epoch milliseconds: what was said before that changes nothing. */
  readonly atMs?: number;
}

export interface Peak {
  readonly startMs: number;
  readonly score: number;
  readonly side: number;
}

/** Why a peak is expected, and until when it may last. */
export interface Expected {
  readonly reason: string;
  readonly untilMs: number;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const WEEK_MS = 7 * DAY_MS;

/** Of the last four weeks, and of the last seven days. */
const WEEKS = 4;
const WEEKS_NEEDED = 3;
const DAYS = 7;
const DAYS_NEEDED = 6;
/** How much higher than the highest of those before a peak may be. */
const HIGHER = 1.1;
/** How much longer than the longest of them it may last. */
const LONGER_MS = HOUR_MS;
const MOST_PAST = 256;
const MOST_OPENS = 16;
const MOST_TAUGHT = 32;

export function newProfile(series: string, rule: string): Profile {
  return { series, rule, past: [], opens: [], taught: [] };
}

/**
 * Whether a peak came before at this hour: in three of the last four weeks at this hour of the week, or on six of the last
 * seven days at this hour of the day, an hour off at most. It is held only while it is new in nothing: on the same side, at
 * most a tenth higher than the highest of those, and at most an hour longer than the longest. Null where it is new.
 */
export function expectedPeak(profile: Profile, peak: Peak): Expected | null {
  if (taughtAt(profile, peak.startMs)?.verb === 'deliver') return null;
  if (isHeldByWord(profile, peak)) {
    return { reason: 'an operator holds this rule at this hour of the week', untilMs: peak.startMs + DAY_MS };
  }
  const weekly = matches(profile, peak, WEEK_MS, WEEKS);
  const daily = matches(profile, peak, DAY_MS, DAYS);
  if (weekly.length >= WEEKS_NEEDED && isNoHigher(peak, weekly)) {
    const reason = `${weekly.length} of the last ${WEEKS} weeks had an alert of this rule within an hour of this one`;
    return { reason, untilMs: lastsUntil(peak, weekly) };
  }
  if (daily.length >= DAYS_NEEDED && isNoHigher(peak, daily)) {
    const reason = `${daily.length} of the last ${DAYS} days had an alert of this rule within an hour of this one`;
    return { reason, untilMs: lastsUntil(peak, daily) };
  }
  return null;
}

/** Notes that it opened; returns how often it did within the time, this one included. */
export function noteOpen(profile: Profile, startMs: number, withinMs: number): number {
  profile.opens.push(startMs);
  profile.opens.splice(0, Math.max(0, profile.opens.length - MOST_OPENS));
  return profile.opens.filter((openMs) => Math.abs(startMs - openMs) <= withinMs).length;
}

/** Notes an exceedance that is over. What begins within an hour of the one before is the same one. */
export function notePast(profile: Profile, { startMs, endMs, score, side }: PastPeak): void {
  const { past } = profile;
  const last = past.at(-1);
  if (last !== undefined && last.side === side && startMs >= last.startMs && startMs - last.endMs <= HOUR_MS) {
    last.endMs = Math.max(last.endMs, endMs);
    last.score = Math.max(last.score, score);
  } else {
    past.push({ startMs, endMs, score, side });
    if (last !== undefined && startMs < last.startMs) past.sort((a, b) => a.startMs - b.startMs);
  }
  const oldestMs = startMs - WEEKS * WEEK_MS - 2 * HOUR_MS;
  const kept = past.findIndex((peak) => peak.endMs >= oldestMs);
  past.splice(0, Math.max(kept < 0 ? past.length : kept, past.length - MOST_PAST));
}

/** What an operator said of the hour of the week of this time; undefined where nobody said anything. */
export function taughtAt({ taught }: Profile, timeMs: number): TaughtHour | undefined {
  return taught.findLast(({ weekMs }) => isNearInWeek(weekMs, weekOf(timeMs)));
}

/** Whether an operator's word alone holds this peak. */
export function isHeldByWord(profile: Profile, { startMs, score }: Pick<Peak, 'startMs' | 'score'>): boolean {
  const taught = taughtAt(profile, startMs);
  return taught?.verb === 'hold' && score <= HIGHER * taught.score;
}

/** Takes what an operator said of a peak; the last word of an hour of the week counts. */
export function teach(
  profile: Profile,
  verb: TaughtHour['verb'],
  { startMs, score }: Pick<Peak, 'startMs' | 'score'>,
  atMs: number,
): void {
  const weekMs = weekOf(startMs);
  const rest = profile.taught.filter((each) => !isNearInWeek(each.weekMs, weekMs));
  rest.push({ weekMs, verb, score, atMs });
  profile.taught.splice(0, profile.taught.length, ...rest.slice(-MOST_TAUGHT));
}

/** The past peaks at this time one to `count` periods ago; one that lasted over several counts once. */
function matches({ past }: Profile, { startMs, side }: Peak, periodMs: number, count: number): PastPeak[] {
  const found: PastPeak[] = [];
  for (let back = 1; back <= count; back++) {
    const atMs = startMs - back * periodMs;
    const match = past.find(
      (peak) => peak.side === side && peak.startMs - HOUR_MS <= atMs && atMs <= peak.endMs + HOUR_MS,
    );
    if (match !== undefined && !found.includes(match)) found.push(match);
  }
  return found;
}

function isNoHigher({ score }: Peak, before: readonly PastPeak[]): boolean {
  return score <= HIGHER * Math.max(...before.map((peak) => peak.score));
}

function lastsUntil({ startMs }: Peak, before: readonly PastPeak[]): number {
  return startMs + Math.max(...before.map((peak) => peak.endMs - peak.startMs)) + LONGER_MS;
}

/** 1970-01-01 was a Thursday. */
function weekOf(timeMs: number): number {
  return (((timeMs + 3 * DAY_MS) % WEEK_MS) + WEEK_MS) % WEEK_MS;
}

function isNearInWeek(a: number, b: number): boolean {
  const apart = Math.abs(a - b);
  return Math.min(apart, WEEK_MS - apart) <= HOUR_MS;
}
