/**
 * Every key of the TUI, once: what it is called, what it does, where it works. Help, footer, docs/tui.md and the reader
 * of keys are made of this table. Unbound on purpose: Ctrl+I, M, J, H and [ are other keys to a terminal, Ctrl+S and Q
 * stop its output.
 */
export type ActionId =
  | 'help'
  | 'filter'
  | 'next'
  | 'previous'
  | 'open'
  | 'back'
  | 'quit'
  | 'interrupt'
  | 'suspend'
  | 'nextPanel'
  | 'previousPanel'
  | 'panel'
  | 'down'
  | 'up'
  | 'first'
  | 'last'
  | 'halfDown'
  | 'halfUp'
  | 'nextPipeline'
  | 'previousPipeline'
  | 'sort'
  | 'reverse'
  | 'freeze'
  | 'slower'
  | 'faster'
  | 'refresh'
  | 'log'
  | 'copy'
  | 'dump'
  | 'savepoint'
  | 'promote'
  | 'hold'
  | 'stop';

export interface KeyBinding {
  readonly action: ActionId;
  /** Names as the reader of keys gives them (src/tui/keys.ts). */
  readonly keys: readonly string[];
  /** As people read them. */
  readonly shown: string;
  /** One or two words for the footer. */
  readonly short: string;
  readonly text: string;
  readonly group: 'Move' | 'Look' | 'Data' | 'Act' | 'Leave';
}

export const KEYMAP: readonly KeyBinding[] = [
  key('Move', 'panel', ['1', '2', '3', '4', '5', '6', '7', '8', '9'], '1..9', 'panel', 'the panel of that number'),
  key('Move', 'nextPanel', ['tab'], 'Tab', 'next', 'the next panel'),
  key('Move', 'previousPanel', ['shift+tab'], 'Shift+Tab', 'previous', 'the panel before'),
  key('Move', 'down', ['j', 'down'], 'j ↓', 'down', 'the row below'),
  key('Move', 'up', ['k', 'up'], 'k ↑', 'up', 'the row above'),
  key('Move', 'first', ['g', 'home'], 'g Home', 'first', 'the first row'),
  key('Move', 'last', ['G', 'end'], 'G End', 'last', 'the last row; of the log, follow it'),
  key('Move', 'halfDown', ['d', 'pagedown'], 'd PgDn', 'down', 'half a page down'),
  key('Move', 'halfUp', ['u', 'pageup'], 'u PgUp', 'up', 'half a page up'),
  key('Move', 'nextPipeline', [']', 'right'], '] →', 'pipeline', 'the next pipeline'),
  key('Move', 'previousPipeline', ['[', 'left'], '[ ←', 'pipeline', 'the pipeline before'),
  key('Look', 'open', ['enter'], 'Enter', 'open', 'open the row: of an anomaly its chart, of others all that is known'),
  key('Look', 'filter', ['/'], '/', 'filter', 'show only rows with a text'),
  key('Look', 'next', ['n'], 'n', 'next match', 'the next match, from the last one the first'),
  key('Look', 'previous', ['N'], 'N', 'match before', 'the match before'),
  key('Look', 'sort', ['s'], 's', 'sort', 'sort by the next column, after the last one as the panel has it'),
  key('Look', 'reverse', ['S'], 'S', 'reverse', 'turn the order around'),
  key('Look', 'freeze', ['p', 'space'], 'p Space', 'freeze', 'hold the screen still, and go on'),
  key('Look', 'faster', ['+', '='], '+', 'faster', 'look more often, at most four times a second'),
  key('Look', 'slower', ['-'], '-', 'slower', 'look less often'),
  key('Look', 'refresh', ['r'], 'r', 'refresh', 'look now'),
  key('Look', 'log', ['l'], 'l', 'log', 'the log'),
  key('Look', 'help', ['?'], '?', 'help', 'this help'),
  key('Data', 'copy', ['y'], 'y', 'copy', 'copy the row as JSON, through the terminal (OSC 52)'),
  key('Data', 'dump', ['o'], 'o', 'dump', 'write all that is known into a JSON file'),
  key('Act', 'savepoint', ['c'], 'c', 'savepoint', 'take a savepoint; asks for its name'),
  key('Act', 'promote', ['m'], 'm', 'promote', 'make the challenger the live model; asks first'),
  key('Act', 'hold', ['h'], 'h', 'hold', 'pause the pipeline, or let it go on; asks first'),
  key('Act', 'stop', ['x'], 'x', 'stop', 'stop the pipeline with a savepoint; asks for its name'),
  key('Leave', 'back', ['escape'], 'Esc', 'back', 'one level back: closes what is open, then clears the filter'),
  key('Leave', 'quit', ['q'], 'q', 'quit', 'leave; a run drains and commits first'),
  key('Leave', 'interrupt', ['ctrl+c'], 'Ctrl+C', 'quit', 'leave, whatever is open; twice ends a run at once'),
  key('Leave', 'suspend', ['ctrl+z'], 'Ctrl+Z', 'suspend', 'give the terminal back to the shell until fg'),
];

function key(
  group: KeyBinding['group'],
  action: ActionId,
  keys: readonly string[],
  shown: string,
  short: string,
  text: string,
): KeyBinding {
  return { group, action, keys, shown, short, text };
}

const BY_KEY = new Map(KEYMAP.flatMap((binding) => binding.keys.map((name) => [name, binding] as const)));
const BY_ACTION = new Map(KEYMAP.map((binding) => [binding.action, binding] as const));

export function actionOf(name: string): ActionId | undefined {
  return BY_KEY.get(name)?.action;
}

export function bindingOf(action: ActionId): KeyBinding {
  return BY_ACTION.get(action)!;
}

/** The table as Markdown, for docs/tui.md. */
export function keymapTable(): string {
  const rows = KEYMAP.map(({ group, shown, text }) => {
    const names = shown.split(' ').map((name) => `\`${name}\``);
    return `| ${group} | ${names.join(' ')} | ${text} |`;
  });
  return ['| | Keys | What it does |', '|---|---|---|', ...rows].join('\n');
}
