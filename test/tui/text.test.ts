import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { drawn, line, linesOf, span } from '../../src/tui/line.ts';
import { cut, cutStart, fit, harmless, widthOf, wrap } from '../../src/tui/text.ts';

/** Text as data may have it: wide and combining characters, emoji, controls, halves of pairs. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('a', 'é', 'e\u0301', '内', '圧', '👩‍🔧', '\u001b', '\u0007', '\u202e', ' ', '-'),
    maxLength: 40,
  }),
);

test('a name can send nothing to the terminal: escapes, controls and marks of direction become pictures', () => {
  assert.equal(harmless('pump\u001b]0;owned\u0007-x'), 'pump␛]0;owned␇-x');
  assert.equal(harmless('a\nb\tc\u007f\u009b31m'), 'a␊b␉c␡\ufffd31m');
  assert.equal(harmless('abc\u202edef'), 'abc\ufffddef');
  assert.equal(harmless('abc\u061c123'), 'abc\ufffd123');
  fc.assert(
    fc.property(anyText, (text) => {
      assert.doesNotMatch(harmless(text), /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
      assert.equal(harmless(harmless(text)), harmless(text));
    }),
  );
});

test('a fitted text takes exactly its columns, whatever is in it', () => {
  assert.equal(fit('内圧', 5), '内圧 ');
  assert.equal(fit('内圧内圧', 5), '内圧…');
  assert.equal(fit('内圧内圧', 6), '内圧… ');
  assert.equal(fit('plant-7/pump-12', 8, 'left', 'end'), '…pump-12');
  assert.equal(fit('12', 5, 'right'), '   12');
  fc.assert(
    fc.property(
      anyText,
      fc.nat(30),
      fc.constantFrom('start', 'end'),
      fc.constantFrom('left', 'right'),
      (text, width, keep, align) => {
        assert.equal(stringWidth(fit(text, width, align, keep)), width, JSON.stringify(fit(text, width, align, keep)));
      },
    ),
  );
});

test('cutting keeps whole characters, and what fits as it is', () => {
  assert.equal(cut('abc', 3), 'abc');
  assert.equal(cut('abcd', 3), 'ab…');
  assert.equal(cutStart('abcd', 3), '…cd');
  assert.equal(cut('e\u0301e\u0301e\u0301', 2), 'e\u0301…');
  assert.equal(cut('abc', 0), '');
  assert.equal(cutStart('abc', 0), '');
});

test('wrapping loses no word and no line is too wide', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('abcdefghij', 4), ['abcd', 'efgh', 'ij']);
  assert.deepEqual(wrap('', 4), ['']);
  fc.assert(
    fc.property(anyText, fc.integer({ min: 2, max: 30 }), (text, width) => {
      const lines = wrap(text, width);
      for (const each of lines) assert.ok(widthOf(each) <= width, JSON.stringify(each));
      assert.equal(lines.join('').replaceAll(' ', ''), harmless(text).replaceAll(' ', ''));
    }),
  );
});

test('a drawn line is cut to the width, and has no other escapes than those of its tones', () => {
  const parts = line(span('ok', 'good'), ' \u001b[31mred', span('内圧', 'bad'));
  assert.equal(
    drawn(parts, 80, { color: true, ascii: false }),
    '\u001b[32mok\u001b[0m ␛[31mred\u001b[31m内圧\u001b[0m',
  );
  assert.equal(drawn(parts, 4, { color: false, ascii: false }), 'ok …');
  assert.equal(drawn(line('▁█│…內é'), 20, { color: false, ascii: true }), '_#|~???');
  fc.assert(
    fc.property(anyText, fc.nat(30), fc.boolean(), (text, width, ascii) => {
      const shown = drawn(line(span(text, 'bad'), text), width, { color: false, ascii });
      assert.ok(stringWidth(shown) <= width, JSON.stringify(shown));
      if (ascii) assert.match(shown, /^[\x20-\x7e]*$/);
    }),
  );
});

test('what src/output has styled becomes parts with tones', () => {
  assert.deepEqual(linesOf('a \u001b[31m●\u001b[0m b\n\u001b[36m─\u001b[0m'), [
    [span('a '), span('●', 'bad'), span(' b')],
    [span('─', 'accent')],
  ]);
});
