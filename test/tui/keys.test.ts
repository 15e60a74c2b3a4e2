import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyReader } from '../../src/tui/keys.ts';

function keysOf(...chunks: (string | Uint8Array)[]): string[] {
  const reader = new KeyReader();
  return [...chunks.flatMap((chunk) => reader.feed(chunk)), ...reader.flush()];
}

test('letters, controls and sequences have their names', () => {
  assert.deepEqual(keysOf('jG /?'), ['j', 'G', 'space', '/', '?']);
  assert.deepEqual(keysOf('\r\n\t\u001b[Z'), ['enter', 'enter', 'tab', 'shift+tab']);
  assert.deepEqual(keysOf('\u001b[A\u001bOB\u001b[C\u001bOD'), ['up', 'down', 'right', 'left']);
  assert.deepEqual(keysOf('\u001b[H\u001b[1~\u001b[4~\u001bOF\u001b[5~\u001b[6~'), [
    'home',
    'home',
    'end',
    'end',
    'pageup',
    'pagedown',
  ]);
  assert.deepEqual(keysOf('\u0003\u001a\u0015'), ['ctrl+c', 'ctrl+z', 'ctrl+u']);
});

test('Backspace is Backspace, by either byte, and not Delete', () => {
  assert.deepEqual(keysOf('\u007f\b\u001b[3~'), ['backspace', 'backspace', 'delete']);
});

test('a sequence in two pieces is one key; an escape that nothing follows is Escape', () => {
  assert.deepEqual(keysOf('\u001b', '[A'), ['up']);
  assert.deepEqual(keysOf('\u001b[', '5', '~'), ['pageup']);
  assert.deepEqual(keysOf('\u001b'), ['escape']);
  assert.deepEqual(keysOf('\u001bx'), ['escape', 'x']);
  const reader = new KeyReader();
  reader.feed('\u001b');
  assert.equal(reader.waits, true);
  assert.deepEqual(reader.flush(), ['escape']);
  assert.equal(reader.waits, false);
});

test('what has no name is passed over: function keys, the mouse, answers of the terminal', () => {
  assert.deepEqual(keysOf('\u001b[15~\u001b[<0;10;20Mj'), ['j']);
  assert.deepEqual(keysOf('\u001b]52;c;aGk=\u0007k'), ['k']);
  assert.deepEqual(keysOf('\u001bP1$r0m\u001b\\q'), ['q']);
  assert.deepEqual(keysOf('\u0001\u0002x'), ['x']);
});

test('characters of several bytes come whole, also out of two chunks', () => {
  const bytes = new TextEncoder().encode('é内👩');
  assert.deepEqual(keysOf(bytes.subarray(0, 3), bytes.subarray(3)), ['é', '内', '👩']);
});

test('no input makes the reader hang on to more than it can ever need, or throw', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { maxLength: 8 }), (chunks) => {
      const reader = new KeyReader();
      for (const chunk of chunks) reader.feed(chunk);
      // Flushed, it goes on with an empty buffer, unless an escape of the rest begins a sequence again.
      for (let i = 0; i < 200 && reader.waits; i++) reader.flush();
      assert.equal(reader.waits, false);
    }),
  );
});
