import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commands } from '../../src/commands/registry.ts';
import { SCREEN_OPTIONS } from '../../src/commands/tui.ts';
import { PANEL_IDS } from '../../src/observe/watch/panelIds.ts';
import { actionOf, KEYMAP } from '../../src/tui/keymap.ts';
import { PANELS } from '../../src/tui/panels/index.ts';
import { screens, tuiPage } from './helpers/docs.ts';

test('a key has one meaning, and none is one that a terminal takes for another', () => {
  const keys = KEYMAP.flatMap((binding) => binding.keys);
  assert.equal(new Set(keys).size, keys.length);
  for (const name of ['ctrl+i', 'ctrl+m', 'ctrl+j', 'ctrl+h', 'ctrl+[', 'ctrl+s', 'ctrl+q'])
    assert.ok(!keys.includes(name), name);
  for (const name of keys) assert.doesNotMatch(name, /^f\d|^ctrl\+shift/);
});

test('nothing is on Home and End alone', () => {
  for (const name of ['home', 'end', 'pageup', 'pagedown']) {
    const action = actionOf(name)!;
    assert.ok(KEYMAP.find((binding) => binding.action === action)!.keys.length > 1, name);
  }
});

test('the command knows the panels by their names', () => {
  assert.deepEqual(SCREEN_OPTIONS.find(({ flags }) => flags.startsWith('--panel'))?.choices, PANEL_IDS);
});

test('every panel names a command that is there', () => {
  for (const id of PANEL_IDS) {
    const words = PANELS[id].command.split(' ').slice(1);
    const found = commands.some(({ name }) => words.slice(0, name.split(' ').length).join(' ') === name);
    assert.ok(found, PANELS[id].command);
  }
});

test('docs/tui.md has the keys of the table and the screens of the panels; docs/screens/ has each of them', () => {
  const update = process.env['UPDATE_SNAPSHOTS'] === '1';
  for (const [name, text] of screens(update)) {
    const written = readFileSync(new URL(`../../docs/screens/${name}`, import.meta.url), 'utf8');
    assert.equal(
      written,
      text,
      `docs/screens/${name}: UPDATE_SNAPSHOTS=1 npm test -- test/tui/keymap.test.ts writes it`,
    );
  }
  const page = () => readFileSync(new URL('../../docs/tui.md', import.meta.url), 'utf8');
  const made = tuiPage(page(), update);
  assert.equal(page(), made, 'docs/tui.md: UPDATE_SNAPSHOTS=1 npm test -- test/tui/keymap.test.ts writes it');
});
