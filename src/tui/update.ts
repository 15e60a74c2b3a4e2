import { PANEL_IDS } from '../observe/watch/panelIds.ts';
import type { AnomalyView, TuiSnapshot } from '../observe/watch/snapshot.ts';
import { askFor, chosenRow, disabledReasons, isAct } from './acts.ts';
import { type ActionId, actionOf, bindingOf } from './keymap.ts';
import { PANELS } from './panels/index.ts';
import { chosenIndex, shownRows } from './table.ts';
import { updateOverlay } from './updateOverlay.ts';
import {
  INTERVALS_MS,
  said,
  scopeOf,
  show,
  still,
  type Terms,
  type Update,
  type ViewState,
  withPanel,
} from './view.ts';

/** What a key makes of the view, and what is to be done besides. Pure: time is the snapshot's. */
export function updateByKey(key: string, snapshot: TuiSnapshot, view: ViewState, terms: Terms): Update {
  if (key === 'ctrl+c') return { view: { ...view, leaving: true }, effects: [{ kind: 'interrupt' }] };
  if (key === 'ctrl+z') return { view, effects: [{ kind: 'suspend' }] };
  if (view.overlay !== null) return updateOverlay(key, view.overlay, view, terms);
  const action = actionOf(key);
  if (action === undefined) return still(view);
  const reason = disabledReasons(snapshot, view, terms)(action);
  if (reason !== null) return said(view, terms, `${bindingOf(action).short}: ${reason}`);
  return updateByAction(action, key, snapshot, view, terms);
}

function updateByAction(action: ActionId, key: string, snapshot: TuiSnapshot, view: ViewState, terms: Terms): Update {
  if (isAct(action)) {
    const ask = askFor(action, chosenRow(snapshot, view, terms), snapshot, view, terms);
    if (typeof ask === 'string') return said(view, terms, ask);
    return still({ ...view, overlay: { kind: 'ask', ask, typed: ask.how === 'name' ? (ask.expected ?? '') : '' } });
  }
  const moved = move(action, snapshot, view, terms);
  if (moved !== undefined) return still(moved);
  switch (action) {
    case 'panel':
      return still(show(view, PANEL_IDS[Number(key) - 1]!));
    case 'log':
      return still(show(view, 'log'));
    case 'help':
      return still({ ...view, overlay: { kind: 'help', top: 0 } });
    case 'filter': {
      const { filter } = view.panels[view.panel];
      return still({ ...view, overlay: { kind: 'filter', text: filter, before: filter } });
    }
    case 'open':
      return open(snapshot, view, terms);
    case 'back':
      return still(withPanel({ ...view, message: null }, { filter: '' }));
    case 'quit':
      return { view: { ...view, leaving: true }, effects: [{ kind: 'quit' }] };
    case 'copy':
      return { view, effects: [{ kind: 'copy', text: JSON.stringify(chosenRow(snapshot, view, terms), null, 2) }] };
    case 'dump':
      return { view, effects: [{ kind: 'dump', text: `${JSON.stringify(snapshot, null, 2)}\n` }] };
    default:
      return look(action, snapshot, view, terms);
  }
}

function look(action: ActionId, snapshot: TuiSnapshot, view: ViewState, terms: Terms): Update {
  switch (action) {
    case 'freeze':
      return view.frozen === null
        ? still({ ...view, frozen: snapshot })
        : { view: { ...view, frozen: null }, effects: [{ kind: 'refresh' }] };
    case 'refresh':
      return { view: { ...view, frozen: null }, effects: [{ kind: 'refresh' }] };
    case 'slower':
      return paced(view, INTERVALS_MS.find((each) => each > view.intervalMs) ?? view.intervalMs, terms);
    case 'faster':
      return paced(view, INTERVALS_MS.findLast((each) => each < view.intervalMs) ?? view.intervalMs, terms);
    case 'sort':
      return sorted(view, terms);
    case 'reverse': {
      const { reversed } = view.panels[view.panel];
      return still(withPanel(view, { reversed: !reversed }));
    }
    default:
      return still(view);
  }
}

/** To the next column that has an order; after the last one as the panel has it. */
function sorted(view: ViewState, terms: Terms): Update {
  const { columns } = PANELS[view.panel];
  const { sort } = view.panels[view.panel];
  const next = columns.findIndex(({ order }, i) => order !== undefined && i > (sort ?? -1));
  const changed = withPanel(view, { sort: next < 0 ? null : next, reversed: false });
  return said(changed, terms, next < 0 ? 'in the order of the panel' : `sorted by ${columns[next]!.title}`, 'accent');
}

function paced(view: ViewState, intervalMs: number, terms: Terms): Update {
  const { view: told } = said({ ...view, intervalMs }, terms, `looks every ${intervalMs / 1000} s`, 'accent');
  return { view: told, effects: [{ kind: 'interval' }] };
}

function open(snapshot: TuiSnapshot, view: ViewState, terms: Terms): Update {
  const row = chosenRow(snapshot, view, terms);
  if (view.panel !== 'anomalies') return still({ ...view, overlay: { kind: 'row', row, top: 0 } });
  const anomaly = row as AnomalyView;
  return {
    view: { ...view, overlay: { kind: 'chart', anomaly, series: null, top: 0 } },
    effects: [{ kind: 'series', anomaly }],
  };
}

/** Moves among panels, pipelines and rows; undefined where the action is no move. */
function move(action: ActionId, snapshot: TuiSnapshot, view: ViewState, terms: Terms): ViewState | undefined {
  const count = PANEL_IDS.length;
  const place = PANEL_IDS.indexOf(view.panel);
  if (action === 'nextPanel') return show(view, PANEL_IDS[(place + 1) % count]!);
  if (action === 'previousPanel') return show(view, PANEL_IDS[(place + count - 1) % count]!);
  if (action === 'nextPipeline' || action === 'previousPipeline') {
    const names = snapshot.pipelines.map(({ name }) => name);
    const at = Math.max(0, names.indexOf(scopeOf(snapshot, view, terms).pipeline?.name ?? ''));
    const step = action === 'nextPipeline' ? 1 : names.length - 1;
    return { ...view, pipeline: names[(at + step) % names.length] ?? null };
  }
  const panel = PANELS[view.panel];
  const rows = shownRows(panel, scopeOf(snapshot, view, terms), view.panels[view.panel]);
  const at = chosenIndex(panel, rows, view.panels[view.panel]);
  const half = Math.max(1, Math.floor((terms.rows - 10) / 2));
  const last = rows.length - 1;
  const around = (step: number) => (rows.length === 0 ? 0 : (at + step + rows.length) % rows.length);
  const targets: Partial<Record<ActionId, number>> = {
    ...{ down: at + 1, up: at - 1, halfDown: at + half, halfUp: at - half },
    ...{ first: 0, last, next: around(1), previous: around(-1) },
  };
  const target = targets[action];
  if (target === undefined) return undefined;
  const index = Math.max(0, Math.min(last, target));
  // At its end a log is followed again.
  const isFollowed = panel.follows === true && index === last && !view.panels[view.panel].reversed;
  const chosen = rows.length === 0 || isFollowed ? null : panel.key(rows[index]);
  return withPanel(view, { chosen });
}
