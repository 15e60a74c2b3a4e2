import { HOPS, type Hop, type LatencyStatus, NO_SKETCH } from './latency.ts';
import type { SketchData } from './latencySketch.ts';

/** A sketch in a record: each bucket as its distance from the one before. */
interface EncodedSketch extends Omit<SketchData, 'buckets'> {
  readonly gaps: readonly number[];
}

/** Latency as part of a status record: the buckets are most of it, and their distances are short. */
export function encodeLatency(latency: LatencyStatus | null): unknown {
  if (latency === null) return null;
  const { hops, toAlert, windowWait, ...rest } = latency;
  const encoded = HOPS.flatMap((hop) => (hops[hop] === undefined ? [] : [[hop, encodeSketch(hops[hop])] as const]));
  return {
    ...rest,
    hops: Object.fromEntries(encoded),
    toAlert: encodeSketch(toAlert),
    windowWait: encodeSketch(windowWait),
  };
}

/** Null for what is none: a member of another version is still a member. */
export function decodeLatency(value: unknown): LatencyStatus | null {
  if (!isObject(value)) return null;
  const { hops, toAlert, windowWait, clockSkewMs, ...rest } = value as unknown as LatencyStatus;
  if (!isObject(hops)) return null;
  const decoded: Partial<Record<Hop, SketchData>> = {};
  for (const hop of HOPS) if (hops[hop] !== undefined) decoded[hop] = decodeSketch(hops[hop]);
  return {
    ...rest,
    hops: decoded,
    toAlert: decodeSketch(toAlert),
    windowWait: decodeSketch(windowWait),
    clockSkewMs: typeof clockSkewMs === 'number' ? clockSkewMs : null,
  };
}

function encodeSketch({ buckets, ...rest }: SketchData): EncodedSketch {
  const gaps: number[] = [];
  for (let i = 0, before = 0; i + 1 < buckets.length; i += 2) {
    gaps.push(buckets[i]! - before, buckets[i + 1]!);
    before = buckets[i]!;
  }
  return { gaps, ...rest };
}

/** What is no sketch counts nothing. */
function decodeSketch(value: unknown): SketchData {
  const { gaps, count, sumMs, maxMs } = (isObject(value) ? value : {}) as Partial<EncodedSketch>;
  const isWhole = Array.isArray(gaps) && gaps.length % 2 === 0 && [...gaps, count, sumMs, maxMs].every(isCount);
  if (!isWhole) return NO_SKETCH;
  const buckets: number[] = [];
  for (let i = 0, at = 0; i + 1 < gaps.length; i += 2) {
    at += gaps[i] as number;
    buckets.push(at, gaps[i + 1] as number);
  }
  return { buckets, count: count!, sumMs: sumMs!, maxMs: maxMs! };
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
