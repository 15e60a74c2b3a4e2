import type { LogView } from '../../observe/watch/snapshot.ts';
import { clock, toneOf } from '../draw.ts';
import { line } from '../line.ts';
import { wrap } from '../text.ts';
import { definePanel } from './panel.ts';

interface LogRow extends LogView {
  /** Tells apart what was said more than once in a millisecond. */
  readonly nth: number;
}

export const logPanel = definePanel<LogRow>({
  id: 'log',
  title: 'log',
  answers: 'what the tool has said',
  command: 'anomaly run --log-format json',
  rows: ({ snapshot }) => numbered(snapshot.log),
  key: ({ atMs, text, nth }) => `${atMs}\n${nth}\n${text}`,
  search: ({ level, text }) => `${level} ${text}`,
  columns: [
    { title: 'time', width: 8, rank: 1, text: ({ atMs }) => clock(atMs) },
    { title: 'level', width: 5, rank: 0, text: ({ level }) => level, tone: ({ level }) => toneOf(level) },
    {
      title: 'text',
      width: 20,
      grow: 1,
      rank: 0,
      text: ({ text }) => text,
      tone: ({ level }) => (level === 'debug' ? 'dim' : undefined),
    },
  ],
  head: () => [],
  detail: ({ text }, { width }) => {
    const lines = wrap(text, width - 2);
    return lines.length < 2 && text.length < width - 20 ? [] : lines.map((each) => line('  ', each));
  },
  none: () => 'nothing was logged yet',
  follows: true,
  actions: [],
});

function numbered(log: readonly LogView[]): LogRow[] {
  const seen = new Map<string, number>();
  return log.map((entry) => {
    const said = `${entry.atMs}\n${entry.text}`;
    const nth = seen.get(said) ?? 0;
    seen.set(said, nth + 1);
    return { ...entry, nth };
  });
}
