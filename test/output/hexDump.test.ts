import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hexDump } from '../../src/output/hexDump.ts';

test('sixteen bytes a line with their ASCII, as hexdump -C prints them', () => {
  const bytes = Uint8Array.from({ length: 18 }, (_, i) => (i < 16 ? 0x41 + i : 0xee + i));
  const lines = hexDump(bytes).split('\n');
  assert.equal(lines[0], '00000000  41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50  |ABCDEFGHIJKLMNOP|');
  assert.equal(lines[1], `00000010  fe ff${' '.repeat(45)}|..|`);
  assert.equal(lines.length, 2);
  assert.match(hexDump(new Uint8Array(40), 16), /\n\.\.\. and 24 bytes more$/);
  assert.equal(hexDump(new Uint8Array(0)), '');
});
