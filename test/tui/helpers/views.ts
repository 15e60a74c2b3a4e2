import type { PanelId } from '../../../src/observe/watch/panelIds.ts';
import type { TuiSnapshot } from '../../../src/observe/watch/snapshot.ts';
import { updateByKey } from '../../../src/tui/update.ts';
import { type Effect, newView, type Terms, type ViewState } from '../../../src/tui/view.ts';
import { NOON } from './snapshots.ts';

export function terms(columns: number, rows: number, change: Partial<Terms> = {}): Terms {
  return { columns, rows, ascii: false, color: false, readOnly: false, nowMs: NOON, noCopy: null, ...change };
}

/** The view after these keys, one after the other, and all that they made happen. */
export function pressed(
  snapshot: TuiSnapshot,
  panel: PanelId,
  keys: readonly string[],
  at: Terms = terms(120, 32),
): { readonly view: ViewState; readonly effects: readonly Effect[] } {
  let view = newView(panel);
  const effects: Effect[] = [];
  for (const key of keys) {
    const update = updateByKey(key, snapshot, view, at);
    view = update.view;
    effects.push(...update.effects);
  }
  return { view, effects };
}
