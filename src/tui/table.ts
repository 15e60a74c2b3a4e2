import { type Line, line, type Span, span } from './line.ts';
import type { AnyPanel, Column, Scope } from './panels/panel.ts';
import { fit } from './text.ts';

/** How a panel is looked at: its place outlives the rows that come and go. */
export interface PanelState {
  /** Key of the chosen row; null before one was chosen. */
  readonly chosen: string | null;
  readonly filter: string;
  /** Place of the column to sort by; null is the panel's own order. */
  readonly sort: number | null;
  readonly reversed: boolean;
}

export const NEW_PANEL: PanelState = { chosen: null, filter: '', sort: null, reversed: false };

/** What came of the last filtering and sorting of a list: the lag of ten thousand partitions stays for many frames. */
const KEPT = new WeakMap<readonly unknown[], { readonly how: string; readonly shown: readonly unknown[] }>();

/** The rows that are shown, in their order. */
export function shownRows(panel: AnyPanel, scope: Scope, state: PanelState): readonly unknown[] {
  const rows = panel.rows(scope);
  const { filter, sort, reversed } = state;
  if (filter === '' && sort === null && !reversed) return rows;
  const how = `${panel.id} ${sort} ${reversed} ${filter}`;
  const kept = KEPT.get(rows);
  if (kept?.how === how) return kept.shown;
  const shown = chooseRows(panel, rows, state);
  KEPT.set(rows, { how, shown });
  return shown;
}

function chooseRows(panel: AnyPanel, all: readonly unknown[], { filter, sort, reversed }: PanelState): unknown[] {
  const wanted = filter.toLowerCase();
  const rows = all.filter((row) => wanted === '' || panel.search(row).toLowerCase().includes(wanted));
  const order = sort === null ? undefined : panel.columns[sort]?.order;
  if (order === undefined) return reversed ? rows.toReversed() : rows;
  return rows
    .map((row) => ({ row, by: order(row) }))
    .sort((a, b) => compare(a.by, b.by, reversed))
    .map(({ row }) => row);
}

/** Place of the chosen row, -1 without rows. One that has gone leaves its place to the first. */
export function chosenIndex(panel: AnyPanel, rows: readonly unknown[], state: PanelState): number {
  const found = state.chosen === null ? -1 : rows.findIndex((row) => panel.key(row) === state.chosen);
  if (found >= 0) return found;
  return panel.follows === true && state.chosen === null ? rows.length - 1 : Math.min(0, rows.length - 1);
}

function compare(a: number | string | null, b: number | string | null, reversed: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const sign = reversed ? -1 : 1;
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
  return sign * (String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0);
}

/** Head, rows around the chosen one, and what is to say about it; exactly as high as the body. */
export function panelLines(panel: AnyPanel, scope: Scope, state: PanelState): Line[] {
  const rows = shownRows(panel, scope, state);
  const at = chosenIndex(panel, rows, state);
  const head = panel.head(scope).slice(0, Math.max(0, scope.height - 4));
  const detail = at < 0 ? [] : panel.detail(rows[at], scope);
  // The rows come first: what is said about one has at most what is left below three of them.
  const least = Math.min(rows.length, 3) + 1;
  const about = detail.slice(0, Math.max(0, scope.height - head.length - least - 1));
  const room = scope.height - head.length - (about.length > 0 ? about.length + 1 : 0) - 1;
  const lines = [...head];
  if (rows.length === 0) {
    lines.push(line(span(noneText(panel, scope, state), 'dim')));
  } else {
    lines.push(...tableLines(panel, scope, state, rows, at, room));
  }
  while (lines.length < scope.height - about.length) lines.push([]);
  return [...lines, ...about].slice(0, scope.height);
}

/** An empty list may be one that has not come yet. */
function noneText(panel: AnyPanel, scope: Scope, { filter }: PanelState): string {
  if (filter !== '') return `nothing matches /${filter}: Esc shows all`;
  return scope.snapshot.connection.state === 'connecting' ? 'nothing is known yet' : panel.none(scope);
}

function tableLines(
  panel: AnyPanel,
  scope: Scope,
  state: PanelState,
  rows: readonly unknown[],
  at: number,
  room: number,
): Line[] {
  const placed = placeColumns(panel.columns, scope.width - 2);
  const header = placed.map(({ column, width, index }) => {
    const mark = state.sort === index ? (state.reversed ? '↓' : '↑') : '';
    return span(fit(`${column.title.toUpperCase()}${mark}`, width, column.align), 'strong');
  });
  const top = Math.max(0, Math.min(at - Math.floor(room / 2), rows.length - room));
  const shown = rows.slice(top, top + Math.max(0, room));
  return [
    [span('  '), ...joined(header)],
    ...shown.map((row, i) => {
      const isChosen = top + i === at;
      const cells = placed.map(({ column, width }) =>
        span(
          fit(column.text(row, width, scope), width, column.align, column.keep),
          isChosen ? 'chosen' : column.tone?.(row),
        ),
      );
      // A sign as well as a colour: there may be none.
      return [span(isChosen ? '▸ ' : '  ', isChosen ? 'accent' : undefined), ...joined(cells, isChosen)];
    }),
  ];
}

interface Placed {
  readonly column: Column<unknown>;
  readonly index: number;
  readonly width: number;
}

/** Columns that have room, two spaces apart; what is left over goes to those that grow. */
function placeColumns(columns: readonly Column<unknown>[], width: number): Placed[] {
  const kept = columns.map((column, index) => ({ column, index }));
  const needed = () => kept.reduce((sum, { column }) => sum + column.width, 2 * (kept.length - 1));
  while (kept.length > 1 && needed() > width) {
    const last = kept.reduce((most, each) => (each.column.rank >= most.column.rank ? each : most));
    kept.splice(kept.indexOf(last), 1);
  }
  const spare = Math.max(0, width - needed());
  const shares = kept.reduce((sum, { column }) => sum + (column.grow ?? 0), 0);
  return kept.map(({ column, index }) => {
    const more = shares === 0 ? 0 : Math.floor((spare * (column.grow ?? 0)) / shares);
    return { column, index, width: Math.min(width, column.width + more) };
  });
}

function joined(cells: readonly Span[], isChosen = false): Span[] {
  return cells.flatMap((cell, i) => (i === 0 ? [cell] : [span('  ', isChosen ? 'chosen' : undefined), cell]));
}
