import type { ModelView } from '../../observe/watch/snapshot.ts';
import { count, percent, time, toneOf } from '../draw.ts';
import { line } from '../line.ts';
import { wrap } from '../text.ts';
import { definePanel } from './panel.ts';

/** The user's aim for answers of a model. */
const AVAILABILITY_AIM = 0.95;

export const modelsPanel = definePanel<ModelView>({
  id: 'models',
  title: 'models',
  answers: 'which models are asked, how often they answer in time, and how fast',
  command: 'anomaly control status PIPELINE -o json',
  rows: ({ snapshot }) => snapshot.models,
  key: ({ pipeline, role, name, version }) => `${pipeline}\n${role}\n${name}\n${version ?? ''}`,
  search: (row) => `${row.pipeline} ${row.name} ${row.version ?? ''} ${row.role} ${row.note ?? ''}`,
  columns: [
    {
      title: 'pipeline',
      width: 12,
      grow: 1,
      keep: 'end',
      rank: 1,
      text: (row) => row.pipeline,
      order: (row) => row.pipeline,
    },
    { title: 'model', width: 14, grow: 2, keep: 'end', rank: 0, text: (row) => row.name, order: (row) => row.name },
    { title: 'version', width: 8, rank: 2, text: (row) => row.version ?? '-' },
    {
      title: 'role',
      width: 7,
      rank: 0,
      text: (row) => row.role,
      tone: (row) => toneOf(row.role) ?? 'accent',
      order: (row) => row.role,
    },
    {
      title: 'answers',
      width: 8,
      rank: 0,
      align: 'right',
      text: (row) => percent(row.availability),
      tone: ({ availability }) => (availability === null ? 'dim' : availability < AVAILABILITY_AIM ? 'bad' : 'good'),
      order: (row) => row.availability,
    },
    {
      title: 'p99',
      width: 8,
      rank: 1,
      align: 'right',
      text: (row) => time(row.p99Ms),
      order: (row) => (row.p99Ms === null ? null : -row.p99Ms),
    },
    { title: 'asked', width: 11, rank: 3, align: 'right', text: (row) => count(row.asked), order: (row) => -row.asked },
    { title: 'note', width: 8, grow: 3, rank: 4, text: (row) => row.note ?? '' },
  ],
  head: () => [],
  detail: ({ name, note }, { width }) =>
    note === null ? [] : wrap(`${name}: ${note}`, width - 2).map((text) => line('  ', text)),
  none: () => 'no pipeline asks a model: the detector scores alone',
  actions: ['promote'],
  pipelineOf: ({ pipeline }) => pipeline,
});
