import { PANEL_IDS, type PanelId } from '../observe/watch/panelIds.ts';
import type { TuiSnapshot } from '../observe/watch/snapshot.ts';
import { disabledReasons } from './acts.ts';
import { clock, count, plural, rate, time, toneOf } from './draw.ts';
import { type ActionId, bindingOf } from './keymap.ts';
import { lagSummary } from './lagSummary.ts';
import { drawn, type Line, line, lineWidth, type Span, span, spread, type Tone } from './line.ts';
import { overlayLines, promptLine } from './overlays.ts';
import { PANELS } from './panels/index.ts';
import { panelLines } from './table.ts';
import { AROUND_ROWS, drawnColumns, scopeOf, type Terms, type ViewState } from './view.ts';

/** Below it, lines say less. */
const COMPACT_BELOW = 100;
export const LEAST_COLUMNS = 60;
export const LEAST_ROWS = 14;

/** The whole screen, top to bottom: as many lines as it has rows, none wider than it. Pure. */
export function frame(snapshot: TuiSnapshot, view: ViewState, terms: Terms): string[] {
  const { columns, rows } = terms;
  return screenLines(snapshot, view, terms)
    .slice(0, rows)
    .map((parts) => drawn(parts, drawnColumns(columns), terms));
}

function screenLines(snapshot: TuiSnapshot, view: ViewState, terms: Terms): Line[] {
  const { columns, rows } = terms;
  if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) {
    const lines = [line(`terminal too small: ${columns}x${rows}`), line(`it takes ${LEAST_COLUMNS}x${LEAST_ROWS}`)];
    while (lines.length < rows) lines.push([]);
    return lines;
  }
  const width = drawnColumns(columns);
  const isStale = snapshot.connection.state !== 'connected';
  const over = overlayLines(view.overlay, snapshot, view, terms);
  const body = over ?? panelLines(PANELS[view.panel], scopeOf(snapshot, view, terms), view.panels[view.panel]);
  const shown = isStale && over === null ? body.map(dimmed) : body;
  while (shown.length < rows - AROUND_ROWS) shown.push([]);
  return [
    headerLine(snapshot, width),
    tabsLine(snapshot, view.panel, width),
    ...shown,
    promptLine(view.overlay, width) ?? statusLine(snapshot, view, terms),
    footerLine(snapshot, view, terms),
  ];
}

function headerLine(snapshot: TuiSnapshot, columns: number): Line {
  const { profile, connection, pipelines } = snapshot;
  const since = time(Math.max(0, snapshot.atMs - connection.sinceMs));
  const state =
    connection.state === 'lost'
      ? `broker lost ${since} ago: shown is what was known then`
      : connection.state === 'connecting'
        ? `connecting for ${since}`
        : 'connected';
  const left: Span[] = [
    profile === null ? span(' anomaly ', 'strong') : span(` anomaly ${profile} `, profileTone(profile)),
    span(` ${connection.address} `),
    span(state, toneOf(connection.state)),
  ];
  const total = pipelines.reduce((sum, { rates }) => sum + (rates.at(-1) ?? 0), 0);
  const { totalRecords } = lagSummary(snapshot.lag);
  const figures = [
    plural(pipelines.length, 'pipeline'),
    rate(pipelines.some(({ rates }) => rates.length > 0) ? total : null),
    ...(columns < COMPACT_BELOW ? [] : [`lag ${count(totalRecords)}`]),
    clock(snapshot.atMs),
  ];
  // Where there is no room for all, the first ones go: the time stays.
  while (figures.length > 1 && lineWidth(left) + figures.join('  ').length + 2 > columns) figures.shift();
  return spread(left, line(span(`${figures.join('  ')} `, 'dim')), columns);
}

/** The colour says where one is before one types: production is red. */
function profileTone(profile: string): Tone {
  return /prod|live/i.test(profile) ? 'alarm' : 'safe';
}

const SHORT: Readonly<Record<PanelId, string>> = {
  ...{ pipeline: 'pipe', lag: 'lag', latency: 'lat', windows: 'win', anomalies: 'anom' },
  ...{ models: 'model', checkpoints: 'ckpt', alerts: 'alert', log: 'log' },
};

function tabsLine(snapshot: TuiSnapshot, chosen: PanelId, columns: number): Line {
  const tabs = (nameOf: (id: PanelId) => string): Line =>
    PANEL_IDS.map((id, i) => {
      const text = `${i + 1} ${nameOf(id)}`.trim();
      // Brackets as well as a colour: there may be none.
      return id === chosen ? span(`[${text}]`, 'strong') : span(` ${text} `, tabTone(id, snapshot) ?? 'dim');
    });
  const choices = [
    tabs((id) => PANELS[id].title),
    tabs((id) => SHORT[id]),
    tabs((id) => (id === chosen ? PANELS[id].title : '')),
  ];
  return choices.find((parts) => lineWidth(parts) <= columns) ?? choices[2]!;
}

/** A panel that one is not looking at tells that something is there to look at. */
function tabTone(id: PanelId, { alerts, lag, checkpoints, pipelines, models }: TuiSnapshot): Tone | undefined {
  switch (id) {
    case 'pipeline':
      return pipelines.some(({ state }) => state === 'failed' || state === 'gone' || state === 'restarting')
        ? 'bad'
        : undefined;
    case 'lag': {
      const verdicts = [...lagSummary(lag).verdicts.keys()];
      if (verdicts.some((verdict) => toneOf(verdict) === 'bad')) return 'bad';
      return verdicts.includes('WARN') ? 'warn' : undefined;
    }
    case 'models':
      return models.some(({ availability }) => availability !== null && availability < 0.95) ? 'bad' : undefined;
    case 'checkpoints':
      return checkpoints.some(({ failure }) => failure !== null) ? 'bad' : undefined;
    case 'alerts':
      return alerts.some(({ notification }) => notification.status !== 'resolved') ? 'bad' : undefined;
    default:
      return undefined;
  }
}

function statusLine(snapshot: TuiSnapshot, view: ViewState, terms: Terms): Line {
  const { filter, sort, reversed } = view.panels[view.panel];
  const { problem, state } = snapshot.connection;
  const left: Span[] = [];
  if (view.leaving)
    left.push(span('leaving: what is in flight is finished first; Ctrl+C again leaves at once', 'warn'));
  else if (view.busy !== null) left.push(span(`${view.busy}: waiting for the answer of its members`, 'warn'));
  else if (view.message !== null) left.push(span(view.message.text, view.message.tone));
  else if (problem !== null && state !== 'connected') left.push(span(problem, 'bad'));
  const column = sort === null ? undefined : PANELS[view.panel].columns[sort]?.title;
  const marks = [
    ...(view.frozen === null ? [] : [`FROZEN at ${clock(view.frozen.atMs)}, p goes on`]),
    ...(terms.readOnly ? ['read-only'] : []),
    ...(filter === '' ? [] : [`/${filter}`]),
    ...(column === undefined && !reversed ? [] : [`${column ?? 'order'}${reversed ? ' reversed' : ''}`]),
    ...(view.intervalMs === 250 ? [] : [`every ${view.intervalMs / 1000} s`]),
  ];
  return spread(left, marks.length === 0 ? [] : line(span(marks.join('  '), 'accent')), drawnColumns(terms.columns));
}

/** What every panel has, the most needed last: where a panel has keys of its own, the first ones give way. */
const COMMON: readonly ActionId[] = ['sort', 'open', 'filter', 'help', 'quit'];
const READING: readonly ActionId[] = ['down', 'halfDown', 'copy', 'back'];
const FOOTER_KEYS = 6;

/** The keys that matter here; those that are of no use now come last, with the reason. */
function footerLine(snapshot: TuiSnapshot, view: ViewState, terms: Terms): Line {
  // The line that is typed into says which keys there are.
  if (view.overlay?.kind === 'filter' || view.overlay?.kind === 'ask') return [];
  const { actions: own } = PANELS[view.panel];
  const isOver = view.overlay !== null;
  const actions = isOver ? READING : [...own, ...COMMON.slice(Math.max(0, COMMON.length - FOOTER_KEYS + own.length))];
  const reasonOf = disabledReasons(snapshot, view, terms);
  const enabled: Span[] = [];
  const disabled = new Map<string, string[]>();
  for (const action of actions) {
    const { shown, short } = bindingOf(action);
    const reason = isOver ? null : reasonOf(action);
    const name = shown.split(' ')[0]!;
    if (reason === null) enabled.push(span(` ${name}`, 'accent'), span(` ${short} `));
    else disabled.set(reason, [...(disabled.get(reason) ?? []), `${name} ${short}`]);
  }
  const why = [...disabled].map(([reason, names]) => span(` (${names.join(', ')}: ${reason})`, 'dim'));
  return [...enabled, ...why];
}

function dimmed(parts: Line): Line {
  return parts.map(({ text, tone }) => span(text, tone === 'chosen' ? tone : 'dim'));
}
