import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { murmur2, partitionForKey } from '../../src/wire/murmur2.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

test("Java's own vectors (kafka UtilsTest.testMurmur2)", () => {
  const vectors: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [text, hash] of vectors) assert.equal(murmur2(bytesOf(text)), hash, text);
});

test('a range hashes as its copy does, at any place and length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(50), (bytes, start) => {
      const from = Math.min(start, bytes.length);
      assert.equal(murmur2(bytes, from), murmur2(bytes.slice(from)));
    }),
  );
});

test('the partition is the hash without its sign bit, modulo the count', () => {
  const key = bytesOf('foobar');
  assert.equal(partitionForKey(key, 0, key.length, 12), (-790332482 & 0x7fffffff) % 12);
  const padded = bytesOf('--foobar--');
  assert.equal(partitionForKey(padded, 2, 8, 12), partitionForKey(key, 0, key.length, 12));
});
