import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAnomalyError } from '../../src/errors.ts';
import { readUvarint, readVarint, uvarintSize, varintSize, writeUvarint, writeVarint } from '../../src/wire/varint.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const edges = [0, 1, 63, 64, 127, 128, 8191, 8192, 2 ** 30 - 1, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 52, MAX];

/** The textbook encoding, on BigInt. */
function encode(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return bytes;
}

const zigzag = (value: number) => (value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value));

function checkSigned(value: number) {
  const expected = encode(zigzag(value));
  const bytes = new Uint8Array(12);
  const end = writeVarint(bytes, 1, value);
  assert.deepEqual([...bytes.subarray(1, end)], expected);
  assert.equal(varintSize(value), expected.length);
  const cursor = { bytes, pos: 1, end };
  assert.equal(readVarint(cursor), value);
  assert.equal(cursor.pos, end);
}

function checkUnsigned(value: number) {
  const expected = encode(BigInt(value));
  const bytes = new Uint8Array(12);
  const end = writeUvarint(bytes, 1, value);
  assert.deepEqual([...bytes.subarray(1, end)], expected);
  assert.equal(uvarintSize(value), expected.length);
  const cursor = { bytes, pos: 1, end };
  assert.equal(readUvarint(cursor), value);
  assert.equal(cursor.pos, end);
}

test('signed and unsigned values at the edges are the textbook bytes and come back', () => {
  for (const value of edges) {
    checkUnsigned(value);
    checkSigned(value);
    if (value > 0) checkSigned(-value);
  }
});

test('any safe integer is the textbook bytes and comes back', () => {
  fc.assert(fc.property(fc.maxSafeInteger(), checkSigned));
  fc.assert(fc.property(fc.maxSafeNat(), checkUnsigned));
  fc.assert(fc.property(fc.integer(), checkSigned));
});

test('a cut, an endless and a too large value are refused, and the cursor stays', () => {
  const corrupt = (error: unknown) => isAnomalyError(error) && error.code === 'ANM_CORRUPT_BATCH';
  for (const read of [readVarint, readUvarint]) {
    assert.throws(() => read({ bytes: new Uint8Array([1]), pos: 1, end: 1 }), corrupt);
    assert.throws(() => read({ bytes: new Uint8Array([0x80, 1]), pos: 0, end: 1 }), corrupt);
    assert.throws(() => read({ bytes: new Uint8Array(20).fill(0x80), pos: 0, end: 20 }), corrupt);
    const large = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    const cursor = { bytes: large, pos: 0, end: large.length };
    assert.throws(() => read(cursor), corrupt);
    assert.equal(cursor.pos, 0);
  }
});
