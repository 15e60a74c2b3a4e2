import type { Admin } from '../../clients/client.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { parseDuration } from '../../config/duration.ts';
import { AnomalyError } from '../../errors.ts';
import { parseUtcTime } from '../../platform/utcTime.ts';

/** One end of a range: relative to the log's ends, absolute, or the first record at or after a time (epoch ms). */
export type OffsetBound =
  | { readonly kind: 'start'; readonly plus: number }
  | { readonly kind: 'end'; readonly minus: number }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'time'; readonly timeMs: number };

export interface OffsetRange {
  readonly from: OffsetBound;
  /** Exclusive; undefined where the text names no end. */
  readonly to: OffsetBound | undefined;
}

export const OFFSET_GRAMMAR =
  'start, end, :end, 42, +n (after the start), -n (before the end), a:b (b not included), @time, @t1:t2; a time is epoch seconds or ms, a date, RFC 3339, or a duration from now as -1h; a duration for t2 counts from a t1 that is none, as @2026-02-14:1h';

/** rpk's grammar of `topic consume --offset`. @throws AnomalyError ANM_USAGE */
export function parseOffsets(text: string, nowMs: number): OffsetRange {
  const range = text.startsWith('@') ? parseTimes(text.slice(1), nowMs) : parsePositions(text);
  if (range === null) {
    throw new AnomalyError('ANM_USAGE', `--offset cannot be "${text}"`, { hint: `it takes ${OFFSET_GRAMMAR}` });
  }
  return range;
}

function parsePositions(text: string): OffsetRange | null {
  const colon = text.indexOf(':');
  const left = colon < 0 ? text : text.slice(0, colon);
  const from = left === '' && colon >= 0 ? ({ kind: 'start', plus: 0 } as const) : parsePosition(left);
  if (from === null) return null;
  const right = colon < 0 ? '' : text.slice(colon + 1);
  if (right === '') return { from, to: undefined };
  // a:@t2 mixes both kinds, as rpk does not; it is refused with the rest.
  const to = parsePosition(right);
  return to === null ? null : { from, to };
}

function parsePosition(text: string): OffsetBound | null {
  if (text === 'start') return { kind: 'start', plus: 0 };
  if (text === 'end') return { kind: 'end', minus: 0 };
  if (!/^[+-]?\d{1,16}$/.test(text)) return null;
  const value = Math.abs(Number(text));
  if (text.startsWith('+')) return { kind: 'start', plus: value };
  if (text.startsWith('-')) return { kind: 'end', minus: value };
  return { kind: 'offset', offset: value };
}

/**
 * RFC 3339 has colons of its own, so every colon is tried as the one between the two times. A duration as the second time
 * counts from the first where that is a time, and from now where that is a duration, too.
 */
function parseTimes(text: string, nowMs: number): OffsetRange | null {
  const whole = parseTime(text, nowMs);
  if (whole !== null) return { from: whole, to: undefined };
  for (let colon = text.indexOf(':'); colon >= 0; colon = text.indexOf(':', colon + 1)) {
    const left = text.slice(0, colon);
    const right = text.slice(colon + 1).replace(/^@/, '');
    const from: OffsetBound | null = left === '' ? { kind: 'start', plus: 0 } : parseTime(left, nowMs);
    if (from === null) continue;
    if (right === '') return { from, to: undefined };
    const to = parseTime(right, from.kind === 'time' && parseSpan(left) === null ? from.timeMs : nowMs);
    if (to !== null) return { from, to };
  }
  return null;
}

/** @param spanFromMs what a duration counts from */
function parseTime(text: string, spanFromMs: number): OffsetBound | null {
  if (text === 'start') return { kind: 'start', plus: 0 };
  if (text === 'end') return { kind: 'end', minus: 0 };
  if (/^\d{13}$/.test(text)) return { kind: 'time', timeMs: Number(text) };
  if (/^\d{9,10}$/.test(text)) return { kind: 'time', timeMs: Number(text) * 1000 };
  const timeMs = parseUtcTime(text);
  if (timeMs !== null) return { kind: 'time', timeMs };
  const spanMs = parseSpan(text);
  return spanMs === null ? null : { kind: 'time', timeMs: spanFromMs + spanMs };
}

/** A duration with its unit: 0 alone is no time. */
function parseSpan(text: string): number | null {
  return /[a-z]$/.test(text) ? parseDuration(text) : null;
}

export interface ResolvedRange {
  /** Where to begin, one entry a partition. */
  readonly from: TopicPartitionOffset[];
  /** Where to stop, exclusive; undefined: never. */
  readonly to: TopicPartitionOffset[] | undefined;
}

/** Asks the broker what a range means now. Without an end it stops at the end offsets of now, unless it follows. */
export async function resolveOffsets(
  admin: Pick<Admin, 'listOffsets'>,
  partitions: readonly TopicPartition[],
  range: OffsetRange,
  follow = false,
): Promise<ResolvedRange> {
  const [earliest, latest] = await Promise.all([
    admin.listOffsets(partitions, 'earliest'),
    admin.listOffsets(partitions, 'latest'),
  ]);
  const resolve = async (bound: OffsetBound): Promise<TopicPartitionOffset[]> => {
    const atTime = bound.kind === 'time' ? await admin.listOffsets(partitions, bound.timeMs) : [];
    return partitions.map(({ topic, partition }, i) => {
      const first = earliest[i]!.offset;
      const last = latest[i]!.offset;
      const wanted = positionOf(bound, first, last, atTime[i]?.offset ?? -1);
      return { topic, partition, offset: Math.min(Math.max(wanted, first), last) };
    });
  };
  const from = await resolve(range.from);
  if (range.to === undefined && follow) return { from, to: undefined };
  const to = range.to === undefined ? latest : await resolve(range.to);
  return { from, to: to.map(({ topic, partition, offset }) => ({ topic, partition, offset })) };
}

/** `atTime`: first offset at or after the bound's time, -1 where there is none. Not clamped to the log. */
export function positionOf(bound: OffsetBound, first: number, last: number, atTime: number): number {
  switch (bound.kind) {
    case 'start':
      return first + bound.plus;
    case 'end':
      return last - bound.minus;
    case 'offset':
      return bound.offset;
    case 'time':
      return atTime < 0 ? last : atTime;
  }
}
