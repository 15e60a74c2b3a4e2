import type { LagView } from '../../observe/watch/snapshot.ts';
import { sparkline } from '../../output/sparkline.ts';
import { count, plural, rate, time, toneOf } from '../draw.ts';
import { lagSummary } from '../lagSummary.ts';
import { type Line, line, span } from '../line.ts';
import { wrap } from '../text.ts';
import { definePanel, type Scope } from './panel.ts';

const SEVERITY: Readonly<Record<string, number>> = {
  STOP: 6,
  STALL: 5,
  ERR: 4,
  REWIND: 3,
  WARN: 2,
  OK: 1,
  NOTFOUND: 0,
};

export const lagPanel = definePanel<LagView>({
  id: 'lag',
  title: 'lag',
  answers: 'who falls behind, by how much, and whether it gets better',
  command: 'anomaly lag -o json',
  rows: ({ snapshot }) => snapshot.lag,
  key: ({ group, topic, partition }) => `${group}\n${topic}\n${partition}`,
  search: (row) => `${row.group} ${row.topic}/${row.partition} ${row.verdict ?? ''} ${row.member ?? ''}`,
  columns: [
    { title: 'group', width: 10, grow: 2, keep: 'end', rank: 1, text: (row) => row.group, order: (row) => row.group },
    { title: 'topic', width: 10, grow: 2, keep: 'end', rank: 0, text: (row) => row.topic, order: (row) => row.topic },
    {
      title: 'p',
      width: 4,
      rank: 0,
      align: 'right',
      text: (row) => String(row.partition),
      order: (row) => row.partition,
    },
    {
      title: 'verdict',
      width: 8,
      rank: 0,
      text: (row) => row.verdict ?? '-',
      tone: (row) => toneOf(row.verdict),
      order: (row) => -(SEVERITY[row.verdict ?? ''] ?? -1),
    },
    {
      title: 'lag',
      width: 11,
      rank: 0,
      align: 'right',
      text: (row) => count(row.lagRecords),
      order: (row) => (row.lagRecords === null ? null : -row.lagRecords),
    },
    {
      title: 'behind',
      width: 8,
      rank: 1,
      align: 'right',
      text: (row) => time(row.lagMs),
      order: (row) => (row.lagMs === null ? null : -row.lagMs),
    },
    { title: 'in', width: 9, rank: 4, align: 'right', text: (row) => rate(row.inRate), order: (row) => row.inRate },
    { title: 'out', width: 9, rank: 4, align: 'right', text: (row) => rate(row.outRate), order: (row) => row.outRate },
    {
      title: 'drains in',
      width: 9,
      rank: 5,
      align: 'right',
      text: (row) => time(row.drainMs),
      order: (row) => row.drainMs,
    },
    {
      title: 'trend',
      width: 8,
      grow: 3,
      rank: 3,
      text: (row, width) => sparkline(row.trend, width),
      tone: (row) => toneOf(row.verdict) ?? 'accent',
    },
    { title: 'member', width: 12, grow: 1, keep: 'end', rank: 6, text: (row) => row.member ?? '-' },
  ],
  head,
  detail: (row, { width }) => {
    const place = `${row.group} on ${row.topic}/${row.partition}`;
    const known = `${place}: in ${rate(row.inRate)}, out ${rate(row.outRate)}, drains in ${time(row.drainMs)}, member ${row.member ?? '-'}`;
    return [known, ...(row.reason === null ? [] : [row.reason])].flatMap((text) =>
      wrap(text, width - 2).map((each) => line('  ', each)),
    );
  },
  none: () => 'no group has committed anything yet',
  actions: [],
});

function head({ snapshot: { lag } }: Scope): Line[] {
  if (lag.length === 0) return [];
  const { groups, totalRecords, unknown, verdicts } = lagSummary(lag);
  const words = [...verdicts]
    .sort(([a], [b]) => (SEVERITY[b] ?? -1) - (SEVERITY[a] ?? -1))
    .flatMap(([verdict, n]) => [span('  '), span(`${verdict} ${n}`, toneOf(verdict === '-' ? null : verdict))]);
  return [
    line(
      `${plural(groups, 'group')}, ${plural(lag.length, 'partition')}, ${count(totalRecords)} records behind`,
      ...(unknown > 0 ? [span(`, ${unknown} unknown`, 'dim')] : []),
      ...words,
    ),
    [],
  ];
}
