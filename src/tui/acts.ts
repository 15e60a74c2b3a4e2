import type { ModelView, PipelineView, TuiSnapshot } from '../observe/watch/snapshot.ts';
import type { ActionId } from './keymap.ts';
import { PANELS } from './panels/index.ts';
import { chosenIndex, shownRows } from './table.ts';
import { type Ask, scopeOf, type Terms, type ViewState } from './view.ts';

/** Keys that start something: what each asks before, or why it is of no use now. */
export type ActId = Extract<ActionId, 'savepoint' | 'promote' | 'hold' | 'stop'>;

export function isAct(action: ActionId): action is ActId {
  return action === 'savepoint' || action === 'promote' || action === 'hold' || action === 'stop';
}

/** Tells of each key why it does nothing now, in a few words; null where it works. */
export function disabledReasons(
  snapshot: TuiSnapshot,
  view: ViewState,
  terms: Terms,
): (action: ActionId) => string | null {
  // Once for all keys: a panel may have ten thousand rows, and sorts them.
  const row = chosenRow(snapshot, view, terms);
  return (action) => disabledReason(action, row, snapshot, view, terms);
}

function disabledReason(
  action: ActionId,
  row: unknown,
  snapshot: TuiSnapshot,
  view: ViewState,
  terms: Terms,
): string | null {
  if (isAct(action)) {
    const ask = askFor(action, row, snapshot, view, terms);
    return typeof ask === 'string' ? ask : null;
  }
  const panel = PANELS[view.panel];
  const hasRow = row !== undefined;
  if (action === 'copy') return hasRow ? terms.noCopy : 'there is no row';
  if (action === 'open') return hasRow ? null : 'there is no row';
  if (action === 'sort')
    return panel.columns.some(({ order }) => order !== undefined) ? null : 'it is in order of time';
  if (action === 'nextPipeline' || action === 'previousPipeline')
    return snapshot.pipelines.length > 1 ? null : 'there is one pipeline at most';
  return null;
}

export function chosenRow(snapshot: TuiSnapshot, view: ViewState, terms: Terms): unknown {
  const panel = PANELS[view.panel];
  const state = view.panels[view.panel];
  const rows = shownRows(panel, scopeOf(snapshot, view, terms), state);
  return rows[chosenIndex(panel, rows, state)];
}

/** The question of an act, which may be about the chosen row, or why it cannot be done. */
export function askFor(
  action: ActId,
  row: unknown,
  snapshot: TuiSnapshot,
  view: ViewState,
  terms: Terms,
): Ask | string {
  if (terms.readOnly) return 'this view is read-only';
  if (view.busy !== null) return `${view.busy} is under way`;
  if (snapshot.connection.state !== 'connected') return 'the broker is away';
  if (action === 'promote') return askPromote(view.panel === 'models' ? (row as ModelView | undefined) : undefined);
  const pipeline = targetOf(snapshot, view, terms, row);
  if (pipeline === undefined) return 'there is no pipeline';
  const { name, state } = pipeline;
  if (state === 'gone' || state === 'failed') return `${name} is ${state === 'gone' ? 'gone' : 'failed'}`;
  if (state === 'stopping') return `${name} is stopping`;
  const at = stamp(terms.nowMs);
  if (action === 'hold') return askHold(name, state);
  if (action === 'savepoint') {
    const deed = { kind: 'savepoint', pipeline: name, name: `savepoint-${at}` } as const;
    return { question: `savepoint of ${name}, named`, how: 'name', expected: deed.name, deed };
  }
  const deed = { kind: 'stop', pipeline: name, savepoint: `stop-${at}` } as const;
  return {
    question: `stop ${name} with savepoint ${deed.savepoint}? type ${name}:`,
    how: 'same',
    expected: name,
    deed,
  };
}

function askHold(name: string, state: PipelineView['state']): Ask {
  return state === 'paused'
    ? { question: `let ${name} go on? y/N`, how: 'yes', expected: null, deed: { kind: 'resume', pipeline: name } }
    : { question: `pause ${name}? y/N`, how: 'yes', expected: null, deed: { kind: 'pause', pipeline: name } };
}

function askPromote(row: ModelView | undefined): Ask | string {
  if (row === undefined) return 'choose a model in panel 6';
  if (row.role === 'live') return `${row.name} is live already`;
  const model = row.version === null ? row.name : `models:/${row.name}/${row.version}`;
  const question = `make ${model} the live model of ${row.pipeline}? y/N`;
  return { question, how: 'yes', expected: null, deed: { kind: 'promote', pipeline: row.pipeline, model } };
}

/** The pipeline of the chosen row where rows have one, else the one that is shown. */
function targetOf(snapshot: TuiSnapshot, view: ViewState, terms: Terms, row: unknown): PipelineView | undefined {
  const named = row === undefined ? undefined : PANELS[view.panel].pipelineOf?.(row);
  if (named !== undefined) return snapshot.pipelines.find(({ name }) => name === named);
  return scopeOf(snapshot, view, terms).pipeline ?? undefined;
}

/** 20261126-221000, in UTC: part of a name that no second savepoint has. */
function stamp(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}
