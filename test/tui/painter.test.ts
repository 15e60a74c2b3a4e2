import assert from 'node:assert/strict';
import { test } from 'node:test';
import xterm from '@xterm/headless';
import fc from 'fast-check';
import { InkScreen } from '../../src/tui/inkScreen.tsx';
import { Painter } from '../../src/tui/painter.ts';

const COLUMNS = 12;

/** As Ink does: what changed is laid out, here as it is. */
function put(painter: Painter, lines: readonly string[]): void {
  const changed = painter.changes(lines);
  painter.paint(
    lines,
    changed,
    changed.map((y) => lines[y] ?? ''),
  );
}

/** What a terminal shows after the frames, laid out by Ink. */
async function shown(frames: readonly (readonly string[])[]): Promise<string[]> {
  const terminal = new xterm.Terminal({ cols: COLUMNS, rows: 6, allowProposedApi: true });
  const written: string[] = [];
  const painter = new Painter({ write: (each) => written.push(each) > 0 });
  const screen = new InkScreen(() => COLUMNS, painter, assert.ifError);
  for (const frame of frames) screen.draw(() => frame);
  screen.unmount();
  await new Promise<void>((resolve) => terminal.write(written.join(''), resolve));
  return Array.from({ length: 6 }, (_, y) => terminal.buffer.active.getLine(y)!.translateToString().trimEnd());
}

test('whatever frames came before, the last one is what the screen shows', async () => {
  const lineText = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '内'), maxLength: 5 });
  const frames = fc.array(fc.array(lineText, { maxLength: 6 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(frames, async (list) => {
      const last = list.at(-1)!;
      const expected = Array.from({ length: 6 }, (_, y) => (last[y] ?? '').trimEnd());
      assert.deepEqual(await shown(list), expected);
    }),
    { numRuns: 60 },
  );
});

test('the same text in another place is written all the same, though React finds nothing new', async () => {
  assert.deepEqual((await shown([['x'], ['x', 'x'], ['x', 'x', 'x']])).slice(0, 3), ['x', 'x', 'x']);
});

test('only lines that changed are written, at once, and nothing where nothing changed', () => {
  const writes: string[] = [];
  const painter = new Painter({ write: (text) => writes.push(text) > 0 });
  put(painter, ['one', 'two', 'three']);
  put(painter, ['one', 'TWO', 'three']);
  put(painter, ['one', 'TWO', 'three']);
  assert.deepEqual(writes.slice(1), ['\u001b[?2026h\u001b[2;1HTWO\u001b[K\u001b[?2026l']);
});

test('after a clear the whole frame is written, onto an empty screen, with the scrollback left alone', () => {
  const writes: string[] = [];
  const painter = new Painter({ write: (text) => writes.push(text) > 0 });
  put(painter, ['one', 'two']);
  painter.clear();
  put(painter, ['one', 'two']);
  assert.match(writes[1]!, /\u001b\[2J.*one.*two/s);
  assert.ok(!writes.join('').includes('\u001b[3J'), 'no ESC[3J');
});
