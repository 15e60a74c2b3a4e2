import type { CheckpointView } from '../../observe/watch/snapshot.ts';
import { formatBytes } from '../../output/format.ts';
import { clock, count, time } from '../draw.ts';
import { line, span } from '../line.ts';
import { wrap } from '../text.ts';
import { definePanel } from './panel.ts';

export const checkpointsPanel = definePanel<CheckpointView>({
  id: 'checkpoints',
  title: 'checkpoints',
  answers: 'how much would have to be read again after a crash',
  command: 'anomaly checkpoint ls -o json',
  rows: ({ snapshot }) => snapshot.checkpoints,
  key: ({ pipeline, member }) => `${pipeline}\n${member}`,
  search: (row) => `${row.pipeline} ${row.member} ${row.id ?? ''} ${row.failure ?? ''}`,
  columns: [
    {
      title: 'pipeline',
      width: 12,
      grow: 1,
      keep: 'end',
      rank: 0,
      text: (row) => row.pipeline,
      order: (row) => row.pipeline,
    },
    {
      title: 'member',
      width: 12,
      grow: 1,
      keep: 'end',
      rank: 1,
      text: (row) => row.member,
      order: (row) => row.member,
    },
    { title: 'last', width: 8, rank: 3, text: (row) => clock(row.atMs), order: (row) => row.atMs },
    {
      title: 'age',
      width: 8,
      rank: 0,
      align: 'right',
      text: (row, _, { snapshot }) => (row.atMs === null ? '-' : time(Math.max(0, snapshot.atMs - row.atMs))),
    },
    {
      title: 'took',
      width: 8,
      rank: 2,
      align: 'right',
      text: (row) => time(row.durationMs),
      order: (row) => (row.durationMs === null ? null : -row.durationMs),
    },
    {
      title: 'size',
      width: 10,
      rank: 2,
      align: 'right',
      text: (row) => (row.bytes === null ? '-' : formatBytes(row.bytes)),
      order: (row) => (row.bytes === null ? null : -row.bytes),
    },
    {
      title: 'failures',
      width: 8,
      rank: 1,
      align: 'right',
      text: (row) => count(row.failures),
      tone: ({ failure, failures }) => (failure !== null ? 'bad' : failures > 0 ? 'warn' : 'dim'),
      order: (row) => -row.failures,
    },
    { title: 'id', width: 12, grow: 2, keep: 'end', rank: 4, text: (row) => row.id ?? '-' },
  ],
  head: ({ snapshot: { checkpoints } }) => {
    const failing = checkpoints.filter(({ failure }) => failure !== null).length;
    return failing === 0 ? [] : [line(span(`${failing} of ${checkpoints.length} members fail to take one`, 'bad')), []];
  },
  detail: ({ failure, member }, { width }) =>
    failure === null ? [] : wrap(`${member}: ${failure}`, width - 2).map((text) => line('  ', span(text, 'bad'))),
  none: () => 'no member has told of a checkpoint',
  actions: ['savepoint'],
  pipelineOf: ({ pipeline }) => pipeline,
});
