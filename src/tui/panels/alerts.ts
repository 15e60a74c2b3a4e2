import { worstOf } from '../../observe/toldSinks.ts';
import type { AlertView } from '../../observe/watch/snapshot.ts';
import { clock, dateTime, time, toneOf } from '../draw.ts';
import { line, span } from '../line.ts';
import { wrap } from '../text.ts';
import { definePanel } from './panel.ts';

/** One word for all sinks: the worst that happened. What nobody is to be told of has none. */
function told({ sinks, isTold, hasSinks }: AlertView): string {
  const worst = worstOf(sinks);
  if (worst === null) return isTold && hasSinks !== false ? 'waiting' : '-';
  const { outcome, names } = worst;
  return outcome === 'failed' || outcome === 'failing' ? `${names[0]} ${outcome}` : outcome;
}

const SEVERITY: Readonly<Record<string, number>> = { critical: 0, error: 1, warning: 2, info: 3 };

export const alertsPanel = definePanel<AlertView>({
  id: 'alerts',
  title: 'alerts',
  answers: 'which incidents are open, and who has been told',
  command: 'anomaly alerts incidents -o json',
  rows: ({ snapshot }) => snapshot.alerts,
  key: ({ notification }) => notification.id,
  search: ({ notification: n, sinks }) =>
    `${n.summary} ${n.status} ${n.severity} ${n.pipeline} ${n.rule} ${n.series.join(' ')} ${sinks.map(({ name, outcome }) => `${name} ${outcome}`).join(' ')}`,
  columns: [
    {
      title: 'since',
      width: 8,
      rank: 1,
      text: ({ notification: n }) => clock(n.startedMs),
      order: ({ notification: n }) => -n.startedMs,
    },
    {
      title: 'status',
      width: 8,
      rank: 0,
      text: ({ notification: n }) => n.status,
      tone: ({ notification: n }) => toneOf(n.status),
      order: ({ notification: n }) => n.status,
    },
    {
      title: 'severity',
      width: 8,
      rank: 0,
      text: ({ notification: n }) => n.severity,
      tone: ({ notification: n }) => toneOf(n.severity),
      order: ({ notification: n }) => SEVERITY[n.severity] ?? 9,
    },
    {
      title: 'series',
      width: 6,
      rank: 3,
      align: 'right',
      text: ({ notification: n }) => String(n.seriesCount),
      order: ({ notification: n }) => -n.seriesCount,
    },
    { title: 'what and where', width: 20, grow: 4, rank: 0, text: ({ notification: n }) => n.summary },
    {
      title: 'told',
      width: 12,
      grow: 1,
      rank: 2,
      text: told,
      tone: (row) =>
        row.sinks.some(({ outcome }) => outcome === 'failed' || outcome === 'failing') ? 'bad' : toneOf(told(row)),
      order: told,
    },
    {
      title: 'pipeline',
      width: 10,
      grow: 1,
      keep: 'end',
      rank: 4,
      text: ({ notification: n }) => n.pipeline,
      order: ({ notification: n }) => n.pipeline,
    },
  ],
  head: ({ snapshot: { alerts } }) => {
    const open = alerts.filter(({ notification }) => notification.status !== 'resolved').length;
    if (alerts.length === 0) return [];
    return [line(span(`${open} open`, open > 0 ? 'bad' : 'good'), `, ${alerts.length - open} resolved`), []];
  },
  detail: ({ notification: n, sinks }, { width, snapshot }) => {
    const until = n.endedMs ?? snapshot.atMs;
    const lasted = `${dateTime(n.startedMs)}, ${n.endedMs === null ? 'for' : 'lasted'} ${time(Math.max(0, until - n.startedMs))}`;
    const ways = sinks.map(({ name, outcome, atMs, problem }) => {
      const what = `${name}: ${outcome}${atMs === null ? '' : ` at ${clock(atMs)}`}${problem === null ? '' : `, ${problem}`}`;
      return line('  ', span(wrap(what, width - 2)[0] ?? '', problem === null ? toneOf(outcome) : 'bad'));
    });
    const texts = [n.summary, `${lasted}; ${n.look}`, ...n.reasons.slice(0, 3)];
    return [...texts.flatMap((text) => wrap(text, width - 2).map((each) => line('  ', each))), ...ways];
  },
  none: () => 'nobody had to be told of anything',
  actions: [],
  pipelineOf: ({ notification }) => notification.pipeline,
});
