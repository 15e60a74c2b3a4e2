import { actionOf } from './keymap.ts';
import { type Deed, type Overlay, said, still, type Terms, type Update, type ViewState, withPanel } from './view.ts';

type Typing = Extract<Overlay, { kind: 'filter' | 'ask' }>;
type Reading = Exclude<Overlay, Typing>;

/** Savepoints become folders and object names. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const LONGEST = 200;

/** Keys while something lies over the panel: text to scroll, or a line to type into. */
export function updateOverlay(key: string, overlay: Overlay, view: ViewState, terms: Terms): Update {
  if (overlay.kind === 'filter') return filtering(key, overlay, view);
  if (overlay.kind === 'ask') return asking(key, overlay, view, terms);
  return reading(key, overlay, view, terms);
}

function reading(key: string, overlay: Reading, view: ViewState, terms: Terms): Update {
  const action = actionOf(key);
  const page = Math.max(1, Math.floor(terms.rows / 2));
  const steps: Readonly<Record<string, number>> = {
    ...{ down: 1, up: -1, halfDown: page, halfUp: -page, first: -Infinity, last: Infinity },
  };
  if (action !== undefined && action in steps) {
    // The drawing cuts what is beyond the end, as it knows how many lines there are.
    const top = Math.max(0, Math.min(10_000, overlay.top + steps[action]!));
    return still({ ...view, overlay: { ...overlay, top } });
  }
  const leaves =
    action === 'back' || action === 'quit' || action === 'open' || (overlay.kind === 'help' && key === '?');
  if (leaves) return still({ ...view, overlay: null });
  if (action === 'copy') {
    const value =
      overlay.kind === 'row' ? overlay.row : overlay.kind === 'chart' ? (overlay.series ?? overlay.anomaly) : null;
    if (value !== null && terms.noCopy === null)
      return { view, effects: [{ kind: 'copy', text: JSON.stringify(value, null, 2) }] };
  }
  return still(view);
}

/** What the line holds after a key; undefined for a key that is no text. */
function typed(key: string, text: string): string | undefined {
  if (key === 'backspace' || key === 'delete') return Array.from(text).slice(0, -1).join('');
  if (key === 'ctrl+u') return '';
  const character = key === 'space' ? ' ' : key;
  return Array.from(character).length === 1 ? (text + character).slice(0, LONGEST) : undefined;
}

function filtering(key: string, overlay: Extract<Overlay, { kind: 'filter' }>, view: ViewState): Update {
  if (key === 'enter') return still({ ...view, overlay: null });
  if (key === 'escape') return still(withPanel({ ...view, overlay: null }, { filter: overlay.before }));
  const text = typed(key, overlay.text);
  if (text === undefined) return still(view);
  return still(withPanel({ ...view, overlay: { ...overlay, text } }, { filter: text, chosen: null }));
}

function asking(key: string, overlay: Extract<Overlay, { kind: 'ask' }>, view: ViewState, terms: Terms): Update {
  const { ask } = overlay;
  const closed = { ...view, overlay: null };
  if (key === 'escape') return said(closed, terms, 'nothing was done');
  if (ask.how === 'yes') {
    return key === 'y' || key === 'Y' ? done(closed, ask.deed) : said(closed, terms, 'nothing was done');
  }
  if (key !== 'enter') {
    const text = typed(key, overlay.typed);
    return still(text === undefined ? view : { ...view, overlay: { ...overlay, typed: text } });
  }
  if (ask.how === 'same') {
    if (overlay.typed === ask.expected) return done(closed, ask.deed);
    return said(closed, terms, `nothing was done: ${overlay.typed === '' ? 'no name' : 'another name'} was typed`);
  }
  if (!NAME.test(overlay.typed)) return said(view, terms, 'a name has letters, digits, dots, - and _');
  return done(closed, { ...ask.deed, name: overlay.typed } as Deed);
}

function done(view: ViewState, deed: Deed): Update {
  return {
    view: { ...view, busy: `${deed.kind} of ${deed.pipeline}`, message: null },
    effects: [{ kind: 'deed', deed }],
  };
}
