import type { GroupSample, MemberLoad, PartitionSample } from '../../observe/lag/sample.ts';
import { formatRate, formatSpan } from '../../output/format.ts';
import type { Column } from '../../output/output.ts';
import { sparkline } from '../../output/sparkline.ts';
import type { ExactTime } from '../../runtime/lag/exactTimes.ts';
import type { GaugeOpinion } from './gauges.ts';

/** A partition as it is shown; null is unknown, and `reasons` says why. */
export type LagRow = ReturnType<typeof lagRow>;

/** JSON has all of it; `lag` and `reason` are what they always were. */
export function lagRow(sample: PartitionSample, exact: ExactTime | undefined, atMs: number) {
  const { lagReason, lagMsReason, verdictReason, rateReason, drainReason } = sample;
  const exactLagMs = exactTime(sample, exact, atMs);
  const isExact = sample.lagMs === null && exactLagMs !== undefined && exactLagMs !== null;
  return {
    group: sample.group,
    topic: sample.topic,
    partition: sample.partition,
    committed: sample.committed,
    end: sample.end,
    lag: sample.lagRecords,
    reason: lagReason,
    start: sample.start,
    lagMs: sample.lagMs,
    ...(exactLagMs !== undefined && { exactLagMs }),
    isExtrapolated: sample.isExtrapolated,
    verdict: sample.verdict,
    inRate: rounded(sample.inRate),
    outRate: rounded(sample.outRate),
    drainMs: whole(sample.drainMs),
    memberId: sample.member,
    clientId: sample.clientId,
    host: sample.host,
    isHot: sample.isHot,
    isStalled: sample.isStalled,
    deletedRecords: sample.deletedRecords,
    reasons: known({
      lagMs: isExact ? null : lagMsReason,
      exactLagMs: exactLagMs === null ? (exact?.reason ?? null) : null,
      verdict: verdictReason,
      rates: rateReason,
      drainMs: drainReason,
    }),
    trend: sample.trend,
  };
}

/** Undefined where it was not asked for; 0 where nothing waits. */
export function exactTime(
  sample: PartitionSample,
  exact: ExactTime | undefined,
  atMs: number,
): number | null | undefined {
  if (exact === undefined) return undefined;
  if (sample.lagRecords === 0) return 0;
  return exact.recordMs === null ? null : Math.max(0, atMs - exact.recordMs);
}

/** A group as it is shown: its totals first, as they always were. */
export type GroupRow = ReturnType<typeof groupRow>;

export function groupRow(sample: GroupSample, opinion: GaugeOpinion | undefined) {
  const { inRate, outRate, drainMs, skew, loads: _, verdictReason, ...rest } = sample;
  return {
    ...rest,
    verdictReason,
    inRate: rounded(inRate),
    outRate: rounded(outRate),
    drainMs: whole(drainMs),
    skew: rounded(skew),
    ...(opinion !== undefined && { secondOpinion: opinion }),
  };
}

export function memberRow(load: MemberLoad) {
  const { share, inRate, outRate, drainMs } = load;
  return {
    ...load,
    share: share === null ? null : Number(share.toFixed(3)),
    inRate: rounded(inRate),
    outRate: rounded(outRate),
    drainMs: whole(drainMs),
  };
}

const span = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : formatSpan(ms));
const rate = (value: number | null) => (value === null ? null : formatRate(value));

export interface ColumnChoice {
  readonly hasExact: boolean;
  readonly hasTrend: boolean;
  readonly hasOpinion: boolean;
  readonly ascii: boolean;
}

export function partitionColumns(
  rows: readonly LagRow[],
  { hasExact, hasTrend, ascii }: ColumnChoice,
): Column<LagRow>[] {
  const marks = (row: LagRow) =>
    [row.isHot === true && 'hot', row.isStalled === true && 'stalled'].filter(Boolean).join(' ');
  return [
    { header: 'group', value: (row) => row.group },
    { header: 'topic', value: (row) => row.topic },
    { header: 'partition', value: (row) => row.partition, align: 'right' },
    { header: 'start', value: (row) => row.start, align: 'right', wide: true },
    { header: 'committed', value: (row) => row.committed, align: 'right' },
    { header: 'end', value: (row) => row.end, align: 'right' },
    { header: 'lag', value: (row) => row.lag, align: 'right' },
    { header: 'time', value: (row) => timeText(row), align: 'right' },
    ...only(hasExact, { header: 'exact', value: (row: LagRow) => span(row.exactLagMs), align: 'right' as const }),
    { header: 'verdict', value: (row) => row.verdict },
    { header: 'in', value: (row) => rate(row.inRate), align: 'right' },
    { header: 'out', value: (row) => rate(row.outRate), align: 'right' },
    { header: 'drain', value: (row) => span(row.drainMs), align: 'right' },
    ...only(hasTrend, { header: 'trend', value: (row: LagRow) => sparkline(row.trend, TREND_WIDTH, ascii) }),
    ...only(
      rows.some((row) => marks(row) !== ''),
      { header: 'note', value: marks },
    ),
    { header: 'client', value: (row) => row.clientId },
    { header: 'member', value: (row) => row.memberId, wide: true },
    { header: 'host', value: (row) => row.host, wide: true },
    ...only(
      rows.some((row) => firstReason(row) !== null),
      { header: 'reason', value: firstReason },
    ),
  ];
}

export function groupColumns(
  rows: readonly GroupRow[],
  { hasTrend, hasOpinion, ascii }: ColumnChoice,
): Column<GroupRow>[] {
  return [
    { header: 'group', value: (row) => row.group },
    { header: 'state', value: (row) => row.state },
    { header: 'members', value: (row) => row.members, align: 'right' },
    { header: 'topics', value: (row) => row.topics, align: 'right' },
    { header: 'partitions', value: (row) => row.partitions, align: 'right' },
    { header: 'lag', value: (row) => row.lag, align: 'right' },
    { header: 'max lag', value: (row) => row.maxLag, align: 'right' },
    ...only(hasOpinion, {
      header: 'redpanda says',
      value: ({ secondOpinion: said }: GroupRow) => (said === undefined || said.sum === null ? null : said.sum),
      align: 'right' as const,
    }),
    { header: 'time', value: (row) => span(row.lagMs), align: 'right' },
    { header: 'verdict', value: (row) => row.verdict },
    { header: 'in', value: (row) => rate(row.inRate), align: 'right' },
    { header: 'out', value: (row) => rate(row.outRate), align: 'right' },
    { header: 'drain', value: (row) => span(row.drainMs), align: 'right' },
    ...only(hasTrend, { header: 'trend', value: (row: GroupRow) => sparkline(row.trend, TREND_WIDTH, ascii) }),
    { header: 'hot', value: (row) => row.hotPartitions, align: 'right', wide: true },
    { header: 'stalled', value: (row) => row.stalledPartitions, align: 'right', wide: true },
    { header: 'skew', value: (row) => row.skew, align: 'right', wide: true },
    { header: 'unknown', value: (row) => row.unknown, align: 'right' },
    ...only(
      rows.some((row) => groupReason(row) !== null),
      { header: 'reason', value: groupReason },
    ),
  ];
}

export const MEMBER_COLUMNS: readonly Column<ReturnType<typeof memberRow>>[] = [
  { header: 'group', value: (row) => row.group },
  { header: 'client', value: (row) => row.clientId },
  { header: 'host', value: (row) => row.host },
  { header: 'partitions', value: (row) => row.partitions, align: 'right' },
  { header: 'lag', value: (row) => row.lagRecords, align: 'right' },
  { header: 'share', value: (row) => (row.share === null ? null : `${Math.round(100 * row.share)} %`), align: 'right' },
  { header: 'time', value: (row) => span(row.lagMs), align: 'right' },
  { header: 'in', value: (row) => rate(row.inRate), align: 'right' },
  { header: 'out', value: (row) => rate(row.outRate), align: 'right' },
  { header: 'drain', value: (row) => span(row.drainMs), align: 'right' },
  { header: 'member', value: (row) => row.memberId, wide: true },
];

const TREND_WIDTH = 12;

function timeText(row: LagRow): string | null {
  if (row.lagMs === null) return null;
  return `${row.isExtrapolated ? '~' : ''}${formatSpan(row.lagMs)}`;
}

function firstReason(row: LagRow): string | null {
  return row.reason ?? Object.values(row.reasons).find((reason) => reason !== undefined) ?? null;
}

function groupReason({ problem, secondOpinion, verdictReason }: GroupRow): string | null {
  return problem ?? verdictReason ?? secondOpinion?.note ?? null;
}

function known<T extends Readonly<Record<string, string | null>>>(reasons: T): Partial<Record<keyof T, string>> {
  const entries = Object.entries(reasons).filter(([, reason]) => reason !== null);
  return Object.fromEntries(entries) as Partial<Record<keyof T, string>>;
}

function only<T>(isShown: boolean, column: T): T[] {
  return isShown ? [column] : [];
}

function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toFixed(3));
}

function whole(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}
