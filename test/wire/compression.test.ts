import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { lz4Compress, lz4Decompress, snappyCompress, snappyDecompress } from '@platformatic/wasm-utils';
import fc from 'fast-check';
import { isAnomalyError } from '../../src/errors.ts';
import { CODEC_NAMES, compress, DecompressedBytes, decompress, prepareCodecs } from '../../src/wire/compression.ts';
import { xxHash32 } from '../../src/wire/xxhash32.ts';
import { isCorrupt } from './helpers.ts';

await prepareCodecs();
const codecs = CODEC_NAMES.slice(1);
const text = (value: string) => new TextEncoder().encode(value);

function unpack(codec: number, bytes: Uint8Array, limitBytes?: number): Uint8Array {
  const out = new DecompressedBytes(limitBytes);
  decompress(codec, bytes, 0, bytes.length, out);
  return out.bytes.slice(0, out.length);
}

/** Input that compresses, in part: words repeated at random. */
const compressible = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 40 })), { maxLength: 60 })
  .map((words) =>
    Uint8Array.from(words.flatMap(([word, times]) => Array.from({ length: times }, () => [...word]).flat())),
  );

function large(size: number, spread: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = (state >>> 24) % spread;
  }
  return bytes;
}

for (const [index, name] of codecs.entries()) {
  const codec = index + 1;

  test(`${name}: what was compressed comes back, from any place in a buffer`, () => {
    fc.assert(
      fc.property(fc.oneof(compressible, fc.uint8Array({ maxLength: 300 })), fc.nat(9), (bytes, at) => {
        const padded = new Uint8Array(bytes.length + at + 3);
        padded.set(bytes, at);
        const packed = compress(codec, padded, at, at + bytes.length).slice();
        assert.deepEqual(unpack(codec, packed), Uint8Array.from(bytes));
      }),
    );
  });

  test(`${name}: inputs of several blocks, from constant to random`, () => {
    for (const spread of [1, 2, 5, 256]) {
      for (const size of [65_535, 65_536, 65_537, 300_001]) {
        const bytes = large(size, spread);
        const packed = compress(codec, bytes, 0, size).slice();
        assert.ok(packed.length < (spread === 256 ? size * 1.01 + 100 : size * 0.9), `${spread} ${size}`);
        assert.ok(Buffer.from(unpack(codec, packed)).equals(bytes));
      }
    }
  });

  test(`${name}: damaged or cut input is an error or bounded, never a crash`, () => {
    fc.assert(
      fc.property(
        compressible,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        (bytes, edits, cut) => {
          const packed = compress(codec, bytes, 0, bytes.length).slice();
          for (const [place, value] of edits) packed[place % packed.length] = value;
          const part = edits.length === 0 ? packed.subarray(0, cut % packed.length) : packed;
          try {
            assert.ok(unpack(codec, part, 1_000_000).length <= 1_000_000);
          } catch (error) {
            assert.ok(isCorrupt(error), String(error));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test(`${name}: more than the limit is refused as too long`, () => {
    const packed = compress(codec, new Uint8Array(3_000_000), 0, 3_000_000).slice();
    assert.equal(unpack(codec, packed, 3_000_000).length, 3_000_000);
    assert.throws(() => unpack(codec, packed, 2_999_999), isCorrupt);
  });

  test(`${name}: a reused output holds the last input only`, () => {
    const out = new DecompressedBytes();
    for (const word of ['a longer text, a longer text', 'short', '']) {
      const packed = compress(codec, text(word), 0, word.length).slice();
      decompress(codec, packed, 0, packed.length, out);
      assert.equal(new TextDecoder().decode(out.bytes.subarray(0, out.length)), word);
    }
  });
}

test('snappy and lz4 agree with another implementation, both ways', () => {
  for (const bytes of [text('hello hello hello hello hello'), large(200_000, 4), large(70_000, 256)]) {
    const input = Buffer.from(bytes);
    assert.deepEqual(unpack(2, snappyCompress(input)), bytes);
    assert.deepEqual(unpack(3, lz4Compress(input)), bytes);
    assert.ok(snappyDecompress(Buffer.from(compress(2, bytes, 0, bytes.length))).equals(bytes));
    assert.ok(lz4Decompress(Buffer.from(compress(3, bytes, 0, bytes.length))).equals(bytes));
  }
});

test("snappy in Java's framing is read, of several chunks", () => {
  const chunks = [large(32_768, 3), large(100, 9)];
  const parts: Uint8Array[] = [Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1)];
  for (const chunk of chunks) {
    const packed = compress(2, chunk, 0, chunk.length).slice();
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, packed.length);
    parts.push(length, packed);
  }
  const framed = Buffer.concat(parts);
  assert.ok(Buffer.from(unpack(2, framed)).equals(Buffer.concat(chunks)));
  assert.throws(() => unpack(2, framed.subarray(0, framed.length - 1)), isCorrupt);
  assert.throws(() => unpack(2, framed.subarray(0, 18)), isCorrupt);
});

test('frames one after another are read as one', () => {
  const first = large(1000, 3);
  const second = large(70_000, 200);
  for (const codec of [1, 3, 4]) {
    const both = Buffer.concat([first, second].map((part) => compress(codec, part, 0, part.length).slice()));
    assert.ok(Buffer.from(unpack(codec, both)).equals(Buffer.concat([first, second])), CODEC_NAMES[codec]);
  }
  const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9);
  for (const codec of [3, 4]) {
    const packed = Buffer.concat([skippable, compress(codec, first, 0, first.length), skippable]);
    assert.deepEqual(unpack(codec, packed), first);
  }
});

test('an lz4 frame with every optional part: linked blocks, sizes and checksums', () => {
  const word = text('anomaly ');
  // One stored block, then one that copies from the first: token 0x0N is a match without literals.
  const stored = frameWord(word.length | 0x80000000);
  const linked = Uint8Array.of(0x04, 8, 0, 0x10, 0x21);
  const content = Buffer.concat([word, word, text('!')]);
  const descriptor = Uint8Array.of(0x40 | 0x10 | 0x08 | 0x04, 0x40, content.length, 0, 0, 0, 0, 0, 0, 0);
  const frame = Buffer.concat([
    frameWord(0x184d2204),
    descriptor,
    Uint8Array.of((xxHash32(descriptor, 0, descriptor.length) >>> 8) & 255),
    stored,
    word,
    frameWord(xxHash32(word, 0, word.length)),
    frameWord(linked.length),
    linked,
    frameWord(xxHash32(linked, 0, linked.length)),
    frameWord(0),
    frameWord(xxHash32(content, 0, content.length)),
  ]);
  assert.deepEqual(Buffer.from(unpack(3, frame)).toString(), 'anomaly anomaly !');
  for (const at of [6, 20, frame.length - 1, frame.length - 12]) {
    const damaged = Uint8Array.from(frame);
    damaged[at] = damaged[at]! ^ 1;
    assert.throws(() => unpack(3, damaged), isCorrupt, `byte ${at}`);
  }
});

test('published xxHash values', () => {
  assert.equal(xxHash32(text(''), 0, 0), 0x02cc5d05);
  assert.equal(xxHash32(text('abc'), 0, 3), 0x32d153ff);
  assert.equal(xxHash32(text('Nobody inspects the spammish repetition'), 0, 39), 0xe2293b2f);
});

test('a length that is a lie allocates nothing', () => {
  assert.throws(() => unpack(2, Uint8Array.of(0xff, 0xff, 0xff, 0x3f, 0, 1)), isCorrupt);
  const zstd = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0);
  assert.throws(() => unpack(4, zstd), isCorrupt);
});

test('gzip made by zlib, and a codec that does not exist', () => {
  assert.deepEqual(unpack(1, gzipSync(text('values'))), text('values'));
  const unsupported = (error: unknown) => isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED';
  assert.throws(() => unpack(5, text('values')), unsupported);
  assert.throws(() => compress(7, text('values'), 0, 3), unsupported);
});

function frameWord(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}
