import type { Random } from '../random.ts';

export const KINDS = ['spike', 'shift', 'drift', 'freeze', 'gap'] as const;
export type Kind = (typeof KINDS)[number];

/** An anomaly that is put into a series, on its grid of expected rows: from <= i < to. */
export interface Injection {
  readonly kind: Kind;
  readonly from: number;
  readonly to: number;
  /** How far values are moved at most, in reaches of the noise; 0 for freezes and gaps. */
  readonly reaches: number;
  /** A shift that stays; [from, to) is then its first day. */
  readonly isPermanent: boolean;
}

/** Shortest and longest duration by kind, in rows. */
export type Durations = { readonly [K in Exclude<Kind, 'spike'>]: readonly [number, number] };

const MAGNITUDES: { readonly [K in Kind]: readonly [number, number] } = {
  spike: [2, 5],
  shift: [1.2, 3],
  drift: [2, 4],
  freeze: [0, 0],
  gap: [0, 0],
};
/** A series has one anomaly a place, and none before this part of it. */
const FIRST_PLACE = 0.2;
const LAST_PLACE = 0.97;
const LONGEST_SPIKE = 5;
const PERMANENT_SHARE = 0.3;

/** Six anomalies of one series, in order: two spikes, one of each other kind. */
export function drawInjections(rows: number, rowsADay: number, durations: Durations, random: Random): Injection[] {
  const kinds = random.shuffle<Kind>(['spike', 'spike', 'shift', 'drift', 'freeze', 'gap']);
  const isPermanent = random.uniform() < PERMANENT_SHARE;
  if (isPermanent) kinds.push(...kinds.splice(kinds.indexOf('shift'), 1));
  const place = ((LAST_PLACE - FIRST_PLACE) * rows) / kinds.length;
  let spikes = 0;
  return kinds.map((kind, k) => {
    const stays = kind === 'shift' && isPermanent;
    const length = lengthOf(kind, stays ? rowsADay : 0, spikes, durations, random);
    if (kind === 'spike') spikes++;
    const earliest = FIRST_PLACE * rows + k * place;
    const from = Math.floor(earliest + random.uniform() * (place - length));
    const [low, high] = MAGNITUDES[kind];
    const sign = random.uniform() < 0.5 ? -1 : 1;
    return { kind, from, to: from + length, reaches: sign * random.between(low, high), isPermanent: stays };
  });
}

/** The first spike of a series is one row, the second one two to five. */
function lengthOf(kind: Kind, fixed: number, spikes: number, durations: Durations, random: Random): number {
  if (fixed > 0) return fixed;
  if (kind === 'spike') return spikes === 0 ? 1 : random.integer(2, LONGEST_SPIKE);
  return random.integer(...durations[kind]);
}

/** How far row i is moved by an injection, in reaches. */
export function movedBy(injection: Injection, i: number): number {
  const { kind, from, to, reaches, isPermanent } = injection;
  if (i < from || (i >= to && !isPermanent)) return 0;
  return kind === 'drift' ? (reaches * (i - from + 1)) / (to - from) : reaches;
}
