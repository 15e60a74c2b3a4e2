import type { PartitionStatus } from '../../observe/status.ts';
import type { PipelineView } from '../../observe/watch/snapshot.ts';
import { count, dateTime, plural, time } from '../draw.ts';
import { type Line, line, span } from '../line.ts';
import { wrap } from '../text.ts';
import { definePanel, type Scope } from './panel.ts';

interface WindowRow extends PartitionStatus {
  readonly member: string;
  /** Event time behind the partition that is furthest. */
  readonly behindMs: number | null;
  readonly holdsBack: boolean;
}

export const windowsPanel = definePanel<WindowRow>({
  id: 'windows',
  title: 'windows',
  answers: 'how far event time is, what is open or late, and which partition holds it back',
  command: 'anomaly control status PIPELINE -o json',
  rows: ({ pipeline }) => windowRows(pipeline),
  key: ({ topic, partition }) => `${topic}/${partition}`,
  search: ({ topic, partition, member }) => `${topic}/${partition} ${member}`,
  columns: [
    {
      title: 'partition',
      width: 14,
      grow: 2,
      keep: 'end',
      rank: 0,
      text: ({ topic, partition }) => `${topic}/${partition}`,
      order: (row) => `${row.topic}/${String(row.partition).padStart(6, '0')}`,
    },
    {
      title: 'watermark',
      width: 19,
      rank: 0,
      text: ({ watermark }) => dateTime(watermark),
      tone: ({ holdsBack }) => (holdsBack ? 'warn' : undefined),
      order: (row) => row.watermark,
    },
    {
      title: 'behind',
      width: 8,
      rank: 1,
      align: 'right',
      text: ({ behindMs }) => time(behindMs),
      tone: ({ holdsBack }) => (holdsBack ? 'warn' : undefined),
      order: (row) => (row.behindMs === null ? null : -row.behindMs),
    },
    {
      title: 'open',
      width: 8,
      rank: 0,
      align: 'right',
      text: (row) => count(row.openWindows),
      order: (row) => row.openWindows,
    },
    {
      title: 'late',
      width: 8,
      rank: 0,
      align: 'right',
      text: (row) => count(row.late),
      tone: ({ late }) => (late > 0 ? 'warn' : undefined),
      order: (row) => -row.late,
    },
    {
      title: 'series',
      width: 8,
      rank: 2,
      align: 'right',
      text: (row) => count(row.series),
      order: (row) => row.series,
    },
    {
      title: 'learning',
      width: 8,
      rank: 4,
      align: 'right',
      text: (row) => count(row.learning),
      order: (row) => row.learning ?? null,
    },
    {
      title: 'lag',
      width: 10,
      rank: 3,
      align: 'right',
      text: (row) => count(row.lag),
      order: (row) => (row.lag === null ? null : -row.lag),
    },
    { title: 'member', width: 12, grow: 1, keep: 'end', rank: 5, text: ({ member }) => member },
  ],
  head,
  detail: (row, { width }) => {
    const { position, committed, end, deadLetters, stateBytes } = row;
    const text =
      `${row.topic}/${row.partition}: position ${count(position)}, committed ${count(committed)}, end ${count(end)}, ` +
      `dead letters ${count(deadLetters)}, state ${count(stateBytes)} bytes`;
    const why = row.holdsBack
      ? [`it holds event time back: the others are up to ${time(row.behindMs)} further`]
      : row.watermark === null
        ? ['it has no watermark yet: no record of it was read']
        : [];
    return [text, ...why].flatMap((each) => wrap(each, width - 2).map((short) => line('  ', short)));
  },
  none: ({ pipeline }) => (pipeline === null ? 'no pipeline is known' : 'no member has a partition'),
  actions: ['savepoint'],
});

export function windowRows(pipeline: PipelineView | null): WindowRow[] {
  const rows = (pipeline?.members ?? []).flatMap(({ partitions, instance, member }) =>
    partitions.map((partition) => ({ ...partition, member: instance ?? member })),
  );
  const marks = rows.flatMap(({ watermark }) => (watermark === null ? [] : [watermark]));
  const [least, most] = [Math.min(...marks), Math.max(...marks)];
  return rows
    .map((row) => ({
      ...row,
      behindMs: row.watermark === null ? null : most - row.watermark,
      holdsBack: row.watermark !== null && row.watermark === least && most > least,
    }))
    .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition));
}

function head({ pipeline, width }: Scope): Line[] {
  const rows = windowRows(pipeline);
  if (pipeline === null || rows.length === 0) return [];
  const marked = rows.filter(({ watermark }) => watermark !== null);
  const slowest = marked.find(({ holdsBack }) => holdsBack);
  const sum = (of: (row: WindowRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  const least = marked.length === 0 ? null : Math.min(...marked.map(({ watermark }) => watermark!));
  const late = sum((row) => row.late);
  const records = pipeline.members.reduce((total, { totals }) => total + totals.records, 0);
  const share = records === 0 ? '' : ` (${((late / records) * 100).toFixed(2)} %)`;
  const silent = rows.length - marked.length;
  const held =
    slowest === undefined
      ? silent > 0
        ? `${plural(silent, 'partition')} without a watermark yet`
        : 'no partition is behind another'
      : `held back by ${slowest.topic}/${slowest.partition} of ${slowest.member}, ${time(slowest.behindMs)} behind`;
  return [
    line(
      `${pipeline.name}  event time `,
      span(dateTime(least), 'strong'),
      `  open ${count(sum((row) => row.openWindows))}  late ${count(late)}${share}`,
    ),
    ...wrap(held, width).map((text) => line(span(text, slowest === undefined ? 'dim' : 'warn'))),
    [],
  ];
}
