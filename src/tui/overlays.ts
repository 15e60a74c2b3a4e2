import type { TuiSnapshot } from '../observe/watch/snapshot.ts';
import { disabledReasons } from './acts.ts';
import { chartLines } from './chart.ts';
import { KEYMAP } from './keymap.ts';
import { type Line, line, span } from './line.ts';
import { PANELS } from './panels/index.ts';
import { cutStart, fit, widthOf, wrap } from './text.ts';
import { type Overlay, scopeOf, type Terms, type ViewState } from './view.ts';

/** Depth of what is listed of a row; below it, JSON in one line. */
const DEEPEST = 3;

/** What lies over a panel in place of its rows; null where the panel itself is shown. */
export function overlayLines(
  overlay: Overlay | null,
  snapshot: TuiSnapshot,
  view: ViewState,
  terms: Terms,
): Line[] | null {
  if (overlay === null || overlay.kind === 'filter' || overlay.kind === 'ask') return null;
  const { width, height, ascii } = scopeOf(snapshot, view, terms);
  const lines =
    overlay.kind === 'help'
      ? helpLines(snapshot, view, terms, width)
      : overlay.kind === 'chart'
        ? chartLines(overlay.anomaly, overlay.series, { width, height, ascii })
        : rowLines(overlay.row, width);
  const top = Math.min(overlay.top, Math.max(0, lines.length - height));
  const shown = lines.slice(top, top + height);
  const below = lines.length - top - shown.length;
  if (below > 0) shown[height - 1] = line(span(`${below + 1} more lines below: d`, 'dim'));
  return shown;
}

function helpLines(snapshot: TuiSnapshot, view: ViewState, terms: Terms, width: number): Line[] {
  const panel = PANELS[view.panel];
  const about = wrap(`${panel.title}: ${panel.answers}. As data: ${panel.command}`, width).map((text) =>
    line(span(text, 'accent')),
  );
  const shownWidth = Math.max(...KEYMAP.map(({ shown }) => widthOf(shown)));
  const reasonOf = disabledReasons(snapshot, { ...view, overlay: null }, terms);
  const groups = [...new Set(KEYMAP.map(({ group }) => group))];
  const blocks = groups.map((group) => [
    line(span(group, 'strong')),
    ...KEYMAP.filter((binding) => binding.group === group).map(({ action, shown, text }) => {
      const reason = reasonOf(action);
      const words = reason === null ? text : `${text} (not now: ${reason})`;
      return line(span(`  ${fit(shown, shownWidth)}  `, 'accent'), span(words, reason === null ? undefined : 'dim'));
    }),
    [],
  ]);
  return [...about, [], ...(width >= 150 ? sideBySide(blocks, width) : blocks.flat())];
}

/** Two columns where there is room for them. */
function sideBySide(blocks: readonly Line[][], width: number): Line[] {
  const all = blocks.flat();
  const ends = blocks.map((_, i) => blocks.slice(0, i + 1).flat().length);
  const half = ends.find((end) => end >= all.length / 2) ?? all.length;
  const [left, right] = [all.slice(0, half), all.slice(half)];
  const column = Math.floor(width / 2) - 1;
  return left.map((parts, i) => [...filled(parts, column), ...(right[i] ?? [])]);
}

function filled(parts: Line, width: number): Line {
  let rest = width;
  const kept = parts.map(({ text, tone }) => {
    const short = fit(text, Math.min(rest, widthOf(text)));
    rest -= widthOf(short);
    return span(short, tone);
  });
  return [...kept, span(' '.repeat(Math.max(0, rest)))];
}

/** Everything of a row by name, for those that have no picture. */
export function rowLines(row: unknown, width: number): Line[] {
  return fieldsOf(row, 0).flatMap(([depth, name, text]) => {
    const start = `${'  '.repeat(depth)}${name}  `;
    const room = Math.max(10, width - widthOf(start));
    return wrap(text, room).map((each, i) => line(span(i === 0 ? start : ' '.repeat(widthOf(start)), 'accent'), each));
  });
}

function fieldsOf(value: unknown, depth: number): [depth: number, name: string, text: string][] {
  if (typeof value !== 'object' || value === null) return [[depth, '', textOf(value, '')]];
  return Object.entries(value).flatMap(([name, each]): [number, string, string][] => {
    const isDeep = typeof each === 'object' && each !== null && Object.keys(each).length > 0;
    const isPlain = Array.isArray(each) && each.every((item) => typeof item !== 'object');
    if (!isDeep || isPlain || depth + 1 >= DEEPEST) return [[depth, name, textOf(each, name)]];
    return [[depth, name, ''], ...fieldsOf(each, depth + 1)];
  });
}

function textOf(value: unknown, name: string): string {
  if (value === null || value === undefined) return '-';
  if (Array.isArray(value) && value.length === 0) return '-';
  // Moments are named ...Ms as spans are: those of this century are moments.
  if (typeof value === 'number' && /Ms$/.test(name) && value > 1e12 && value < 8.64e15)
    return `${value} (${new Date(value).toISOString()})`;
  if (typeof value === 'string') return value;
  return Array.isArray(value) && value.every((item) => typeof item !== 'object')
    ? value.join(', ')
    : JSON.stringify(value);
}

/** The line that is typed into, in place of the message. */
export function promptLine(overlay: Overlay | null, width: number): Line | null {
  if (overlay?.kind !== 'filter' && overlay?.kind !== 'ask') return null;
  const [question, text, hint] =
    overlay.kind === 'filter'
      ? ['/', overlay.text, 'Enter keeps it, Esc undoes it']
      : [`${overlay.ask.question} `, overlay.typed, overlay.ask.how === 'yes' ? '' : 'Enter does it, Esc does not'];
  // What is typed has to be seen, and of the question its end, which says what to type.
  const typed = cutStart(text, Math.max(8, Math.floor(width / 2)));
  const asked = cutStart(question, width - widthOf(typed) - 1);
  return line(span(asked, 'warn'), typed, span('█', 'accent'), span(`  ${hint}`, 'dim'));
}
