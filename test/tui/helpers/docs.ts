import { mkdirSync, writeFileSync } from 'node:fs';
import { PANEL_IDS } from '../../../src/observe/watch/panelIds.ts';
import { frame } from '../../../src/tui/frame.ts';
import { keymapTable } from '../../../src/tui/keymap.ts';
import { PANELS } from '../../../src/tui/panels/index.ts';
import { plainLines } from '../../../src/tui/plainMode.ts';
import { newView, type ViewState } from '../../../src/tui/view.ts';
import { plantSnapshot, seriesOf } from './snapshots.ts';
import { pressed, terms } from './views.ts';

const DOCS = new URL('../../../docs/', import.meta.url);
const AT = terms(120, 32);

/** Screens of 120 by 32 by file name in docs/screens/, as the panels draw them; written first when they are updated. */
export function screens(update: boolean): Map<string, string> {
  const snapshot = plantSnapshot();
  const text = (view: ViewState) =>
    `${frame(snapshot, view, AT)
      .map((line) => line.trimEnd())
      .join('\n')}\n`;
  const chart = pressed(snapshot, 'anomalies', ['enter'], AT).view;
  const anomaly = snapshot.anomalies[0]!;
  const all = new Map([
    ...PANEL_IDS.map((id) => [`${id}.txt`, text(newView(id))] as const),
    ['anomaly.txt', text({ ...chart, overlay: { kind: 'chart', anomaly, series: seriesOf(anomaly), top: 0 } })],
    ['help.txt', text(pressed(snapshot, 'pipeline', ['?'], AT).view)],
    ['lines.txt', `${plainLines(snapshot).join('\n')}\n`],
  ]);
  if (update) {
    mkdirSync(new URL('screens/', DOCS), { recursive: true });
    for (const [name, each] of all) writeFileSync(new URL(`screens/${name}`, DOCS), each);
  }
  return all;
}

/** docs/tui.md with what is made from the code filled in between its markers. */
export function tuiPage(page: string, update: boolean): string {
  const panels = PANEL_IDS.map(
    (id, i) => `| \`${i + 1}\` | ${PANELS[id].title} | ${PANELS[id].answers} | \`${PANELS[id].command}\` |`,
  );
  let text = between(page, 'keys', keymapTable());
  text = between(text, 'panels', ['| Key | Panel | Answers | As data |', '|---|---|---|---|', ...panels].join('\n'));
  for (const [name, each] of screens(false)) {
    const marker = `screen ${name}`;
    if (text.includes(`<!-- ${marker} -->`)) text = between(text, marker, `\`\`\`text\n${each}\`\`\``);
  }
  if (update) writeFileSync(new URL('tui.md', DOCS), text);
  return text;
}

function between(text: string, marker: string, content: string): string {
  const [open, close] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`];
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`docs/tui.md lacks the markers ${open} and ${close}`);
  return `${text.slice(0, from + open.length)}\n${content}\n${text.slice(to)}`;
}
