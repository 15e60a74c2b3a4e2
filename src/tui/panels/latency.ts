import { BUDGET_MS, HOPS, type Hop, type LatencyStatus, mergeLatency } from '../../observe/latency.ts';
import { HOP_NAMES, latencyBudget } from '../../observe/latencyBudget.ts';
import { sketchQuantileMs } from '../../observe/latencySketch.ts';
import type { PipelineView } from '../../observe/watch/snapshot.ts';
import { sparkline } from '../../output/sparkline.ts';
import { bar, count, gauge, time } from '../draw.ts';
import { type Line, line, span, type Tone } from '../line.ts';
import { fit, wrap } from '../text.ts';
import { type Column, definePanel, type Scope } from './panel.ts';

interface HopRow {
  readonly hop: Hop;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  readonly count: number;
  /** Part of the p99 of all hops, 0 to 1. */
  readonly share: number;
  /** Alerts above the budget that had the most of their time here. */
  readonly over: number;
}

const MEANINGS: Readonly<Record<Hop, string>> = {
  producerWait: 'from the stamp of the record, as its producer set it, until its bytes are here',
  broker: 'from the append to the moment when a fetch may have it',
  fetchWait: 'in the answer of the broker and in the queue, until the batch is taken up',
  decode: 'bytes into columns',
  score: 'windows, detector and model, until the alert is there',
  produce: 'from the alert to its acknowledgement by the broker',
  commit: 'until the transaction that holds the alert is through: nobody may read it before',
};

function timeColumn(title: string, rank: number, valueMs: (row: HopRow) => number | null): Column<HopRow> {
  return {
    ...{ title, width: 8, rank, align: 'right' },
    text: (row) => time(valueMs(row)),
    order: (row) => down(valueMs(row)),
  };
}

export const latencyPanel = definePanel<HopRow>({
  id: 'latency',
  title: 'latency',
  answers: 'how long an alert takes from ingestion, against 100 ms, and which hop has the most of it',
  command: 'anomaly control status PIPELINE -o json',
  rows: ({ pipeline }) => hopRows(latencyOf(pipeline)),
  key: ({ hop }) => hop,
  search: ({ hop }) => HOP_NAMES[hop],
  columns: [
    { title: 'hop', width: 19, rank: 0, text: ({ hop }) => HOP_NAMES[hop] },
    {
      title: 'share of p99',
      width: 12,
      grow: 1,
      rank: 1,
      text: ({ share }, width) => bar(share, width),
      tone: ({ p99Ms }) => toneOfMs(p99Ms),
      order: ({ share }) => -share,
    },
    timeColumn('p50', 1, ({ p50Ms }) => p50Ms),
    timeColumn('p95', 2, ({ p95Ms }) => p95Ms),
    { ...timeColumn('p99', 0, ({ p99Ms }) => p99Ms), tone: ({ p99Ms }) => toneOfMs(p99Ms) },
    timeColumn('most', 4, ({ maxMs }) => maxMs),
    {
      title: 'over',
      width: 6,
      rank: 3,
      align: 'right',
      text: (row) => count(row.over),
      tone: ({ over }) => (over > 0 ? 'bad' : 'dim'),
      order: ({ over }) => -over,
    },
    { title: 'values', width: 11, rank: 5, align: 'right', text: (row) => count(row.count) },
  ],
  head,
  detail: ({ hop }, { width, pipeline }) => {
    const texts = [`${HOP_NAMES[hop]}: ${MEANINGS[hop]}`, besideText(latencyOf(pipeline))];
    return texts.flatMap((text) => wrap(text, width - 2).map((each) => line('  ', each)));
  },
  none: ({ pipeline }) => (pipeline === null ? 'no pipeline is known' : 'nothing was measured yet'),
  actions: [],
});

/** Of all members together. */
function latencyOf(pipeline: PipelineView | null): LatencyStatus | null {
  return (pipeline?.members ?? []).reduce<LatencyStatus | null>((sum, { latency }) => mergeLatency(sum, latency), null);
}

function hopRows(latency: LatencyStatus | null): HopRow[] {
  const rows = HOPS.flatMap((hop) => {
    const sketch = latency?.hops[hop];
    if (sketch === undefined) return [];
    const at = (q: number) => sketchQuantileMs(sketch, q);
    const over = latency?.overBudget?.[hop] ?? 0;
    const maxMs = sketch.count === 0 ? null : sketch.maxMs;
    return [{ hop, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs, count: sketch.count, over }];
  });
  const sum = rows.reduce((total, { p99Ms }) => total + (p99Ms ?? 0), 0);
  return rows.map((row) => ({ ...row, share: sum === 0 ? 0 : (row.p99Ms ?? 0) / sum }));
}

/** What is shown beside the budget and is no part of it. */
function besideText(latency: LatencyStatus | null): string {
  const wait = latency === null ? null : sketchQuantileMs(latency.windowWait, 0.5);
  const [skew, error] = [latency?.clockSkewMs, latency?.clockSkewErrorMs];
  const sure = error === null || error === undefined ? '' : ` (give or take ${time(error)})`;
  return `beside the budget: windows wait ${time(wait)} for their watermark (p50); the broker's clock is ${time(skew)} ahead${sure}`;
}

function head({ pipeline, width }: Scope): Line[] {
  if (pipeline === null) return [];
  const { p99Ms, brokenAt, text } = latencyBudget(latencyOf(pipeline));
  const isBroken = brokenAt !== null;
  const tone = p99Ms === null ? 'dim' : isBroken ? 'bad' : 'good';
  const drawn = Math.max(10, Math.min(60, width - 20));
  return [
    line(fit('budget', 8), span(gauge((p99Ms ?? 0) / BUDGET_MS, drawn), tone), ` of ${BUDGET_MS} ms`),
    ...wrap(text, width - 8).map((each) => line(' '.repeat(8), span(each, tone))),
    ...percentileLines(pipeline.latency, width),
    [],
  ];
}

/** Over time, all to one scale, so that they can be compared. */
function percentileLines(points: PipelineView['latency'], width: number): Line[] {
  if (points.length === 0) return [];
  const room = Math.min(points.length, 120, width - 20);
  const shown = points.slice(-room);
  const top = Math.max(1, ...shown.flatMap(({ p50Ms, p95Ms, p99Ms }) => [p50Ms ?? 0, p95Ms ?? 0, p99Ms ?? 0]));
  return (['p50Ms', 'p95Ms', 'p99Ms'] as const).map((name) => {
    // Where no alert came lately, the last one that did.
    const last = shown.findLast((point) => point[name] !== null)?.[name] ?? null;
    const drawn = sparkline(
      shown.map((point) => point[name]),
      room,
      false,
      top,
    );
    return line(fit(name.slice(0, 3), 8), span(drawn, toneOfMs(last) ?? 'accent'), ` ${time(last)}`);
  });
}

function toneOfMs(latencyMs: number | null): Tone | undefined {
  if (latencyMs === null) return undefined;
  return latencyMs > BUDGET_MS ? 'bad' : latencyMs > BUDGET_MS / 2 ? 'warn' : 'good';
}

function down(value: number | null): number | null {
  return value === null ? null : -value;
}
