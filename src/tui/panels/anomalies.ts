import type { AnomalyView } from '../../observe/watch/snapshot.ts';
import { dateTime, value } from '../draw.ts';
import { line, span } from '../line.ts';
import { fit } from '../text.ts';
import { definePanel } from './panel.ts';

/** Twice the threshold and more is what one looks at first. */
function scoreTone({ score, threshold }: AnomalyView): 'bad' | 'warn' {
  return score >= 2 * threshold ? 'bad' : 'warn';
}

export const anomaliesPanel = definePanel<AnomalyView>({
  id: 'anomalies',
  title: 'anomalies',
  answers: 'what is unusual now, by how much, and against which expectation',
  command: 'anomaly alerts ls -o json',
  rows: ({ snapshot }) => snapshot.anomalies,
  key: ({ id }) => id,
  search: (row) => `${row.series} ${row.field} ${row.rule} ${row.pipeline} ${row.model ?? ''} ${row.topic}`,
  columns: [
    { title: 'event time', width: 19, rank: 1, text: (row) => dateTime(row.timeMs), order: (row) => -row.timeMs },
    {
      title: 'series',
      width: 12,
      grow: 3,
      keep: 'end',
      rank: 0,
      text: (row) => row.series,
      order: (row) => row.series,
    },
    { title: 'field', width: 8, grow: 1, rank: 4, text: (row) => row.field, order: (row) => row.field },
    { title: 'value', width: 10, rank: 1, align: 'right', text: (row) => value(row.value), order: (row) => row.value },
    { title: 'expected', width: 10, rank: 3, align: 'right', text: (row) => value(row.expected) },
    {
      title: 'score',
      width: 6,
      rank: 0,
      align: 'right',
      text: (row) => row.score.toFixed(1),
      tone: scoreTone,
      order: (row) => -row.score,
    },
    { title: 'rule', width: 10, grow: 1, rank: 5, text: (row) => row.rule, order: (row) => row.rule },
    {
      title: 'pipeline',
      width: 12,
      grow: 1,
      keep: 'end',
      rank: 6,
      text: (row) => row.pipeline,
      order: (row) => row.pipeline,
    },
  ],
  head: ({ snapshot: { anomalies } }) => {
    const series = new Set(anomalies.map((row) => row.series)).size;
    return anomalies.length === 0
      ? []
      : [
          line(
            `the last ${anomalies.length}, of ${series} series, newest first`,
            span('  Enter draws the series', 'dim'),
          ),
          [],
        ];
  },
  detail: (row, { width }) => {
    const parts = row.parts.map(({ name, score }) => `${name} ${score === null ? '-' : score.toFixed(1)}`).join(', ');
    const band = row.lower === null && row.upper === null ? '-' : `${value(row.lower)} to ${value(row.upper)}`;
    return [
      `band ${band}, expected ${value(row.expected)}, threshold ${value(row.threshold)}, parts ${parts || '-'}`,
      `model ${row.model ?? 'none'}, ${row.topic}/${row.partition} offset ${row.offset}, id ${row.id}`,
    ].map((text) => line('  ', fit(text, width - 2)));
  },
  none: () => 'nothing unusual yet',
  actions: [],
  pipelineOf: ({ pipeline }) => pipeline,
});
