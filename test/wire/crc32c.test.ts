import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c, crc32cOfTables, loadFastCrc32c } from '../../src/wire/crc32c.ts';

const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);

/** RFC 3720 appendix B.4, and the usual check value. */
const vectors: [Uint8Array, number][] = [
  [new Uint8Array(0), 0],
  [new TextEncoder().encode('123456789'), 0xe3069283],
  [new Uint8Array(32), 0x8a9136aa],
  [new Uint8Array(32).fill(0xff), 0x62a8ab43],
  [ascending, 0x46dd794e],
  [ascending.toReversed(), 0x113fdb5c],
];

test('published vectors, before and after the fast implementation is loaded', async () => {
  // An instance of its own: others in this process may have loaded it.
  const url = new URL('../../src/wire/crc32c.ts?fresh', import.meta.url).href;
  const fresh = (await import(url)) as typeof import('../../src/wire/crc32c.ts');
  for (const [bytes, expected] of vectors) assert.equal(fresh.crc32c(bytes), expected);
  assert.equal(fresh.crc32cKind(), 'javascript');
  const kind = await fresh.loadFastCrc32c();
  assert.equal(kind, fresh.crc32cKind());
  assert.notEqual(kind, 'javascript');
  for (const [bytes, expected] of vectors) assert.equal(fresh.crc32c(bytes), expected);
});

test('every range of a buffer has the CRC of the tables, bit by bit', async () => {
  await loadFastCrc32c();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(2000), fc.nat(2000), (bytes, a, b) => {
      const start = Math.min(a, b, bytes.length);
      const end = Math.min(Math.max(a, b), bytes.length);
      const expected = bitwise(bytes.subarray(start, end));
      assert.equal(crc32cOfTables(bytes, start, end), expected);
      assert.equal(crc32c(bytes, start, end), expected);
    }),
  );
});

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
