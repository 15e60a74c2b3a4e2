import type { Histogram } from '../histogram.ts';
import type { Hop, LatencyStatus } from '../latency.ts';
import { type SketchData, sketchBucketUpTo } from '../latencySketch.ts';
import type { MemberStatus, PartitionStatus } from '../status.ts';

/** One value of a family. */
export interface MetricValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of a histogram's parts: the family's name with _bucket, _sum or _count. */
  readonly metricName?: string;
}

export interface MetricRow {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Beside pipeline, group and member, which every family has. */
  readonly labels: readonly string[];
  /** A value that is unknown is left out rather than zero. */
  readonly read: (status: MemberStatus) => readonly MetricValue[];
}

export function counter(name: string, help: string, value: (status: MemberStatus) => number): MetricRow {
  return { ...gauge(name, help, value), type: 'counter' };
}

export function gauge(name: string, help: string, value: (status: MemberStatus) => number | null): MetricRow {
  const read = (status: MemberStatus): MetricValue[] => known({}, value(status));
  return { name: `anomaly_${name}`, help, type: 'gauge', labels: [], read };
}

/** A gauge of each partition. */
export function partition(
  name: string,
  help: string,
  value: (partition: PartitionStatus, status: MemberStatus) => number | null,
): MetricRow {
  const read = (status: MemberStatus) =>
    status.partitions.flatMap((each) =>
      known({ topic: each.topic, partition: String(each.partition) }, value(each, status)),
    );
  return { name: `anomaly_${name}`, help, type: 'gauge', labels: ['topic', 'partition'], read };
}

/** A family of several values by labels. */
export function labelled(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  labels: readonly string[],
  read: MetricRow['read'],
): MetricRow {
  return { name: `anomaly_${name}`, help, type, labels, read };
}

export function histogram(
  name: string,
  help: string,
  value: (status: MemberStatus) => Histogram | null | undefined,
): MetricRow {
  const full = `anomaly_${name}`;
  const read = (status: MemberStatus) => histogramValues(full, value(status));
  return { name: full, help, type: 'histogram', labels: ['le'], read };
}

/** A histogram of a sketch, by these bounds. */
export function sketchHistogram(
  name: string,
  help: string,
  boundsMs: readonly number[],
  value: (latency: LatencyStatus) => SketchData | undefined,
): MetricRow {
  const full = `anomaly_${name}`;
  const lasts = boundsMs.map(sketchBucketUpTo);
  const read = ({ latency }: MemberStatus) => {
    const sketch = latency ? value(latency) : undefined;
    return histogramValues(full, sketch && histogramOf(sketch, boundsMs, lasts));
  };
  return { name: full, help, type: 'histogram', labels: ['le'], read };
}

/** The same for every hop, by label. */
export function hopHistograms(
  name: string,
  help: string,
  hops: readonly Hop[],
  boundsMs: readonly number[],
): MetricRow {
  const full = `anomaly_${name}`;
  const lasts = boundsMs.map(sketchBucketUpTo);
  const read = ({ latency }: MemberStatus) =>
    hops.flatMap((hop) => {
      const sketch = latency?.hops[hop];
      if (sketch === undefined) return [];
      return histogramValues(full, histogramOf(sketch, boundsMs, lasts), { hop: snake(hop) });
    });
  return { name: full, help, type: 'histogram', labels: ['hop', 'le'], read };
}

export function known(labels: MetricValue['labels'], value: number | null | undefined): MetricValue[] {
  return value === null || value === undefined ? [] : [{ labels, value }];
}

export function seconds(timeMs: number | null | undefined): number | null {
  return timeMs === null || timeMs === undefined ? null : timeMs / 1000;
}

function histogramOf(
  { buckets, count, sumMs }: SketchData,
  boundsMs: readonly number[],
  lasts: readonly number[],
): Histogram {
  const counts = new Array<number>(boundsMs.length + 1).fill(0);
  for (let i = 0; i < buckets.length; i += 2) {
    const found = lasts.findIndex((last) => buckets[i]! <= last);
    const at = found < 0 ? boundsMs.length : found;
    counts[at] = counts[at]! + buckets[i + 1]!;
  }
  return { boundsMs, counts, sumMs, count };
}

function histogramValues(
  name: string,
  histogram: Histogram | null | undefined,
  labels: MetricValue['labels'] = {},
): MetricValue[] {
  if (!histogram) return [];
  const { boundsMs, counts, sumMs, count } = histogram;
  let below = 0;
  const buckets = boundsMs.map((bound, i) => {
    below += counts[i]!;
    return { labels: { ...labels, le: String(bound / 1000) }, value: below, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { labels: { ...labels, le: '+Inf' }, value: count, metricName: `${name}_bucket` },
    { labels, value: sumMs / 1000, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ];
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
