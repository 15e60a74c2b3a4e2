import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameBudget, FrameReader, FrameTooLarge } from '../../src/broker/frameReader.ts';

function framed(content: Uint8Array): Buffer {
  const frame = Buffer.alloc(4 + content.length);
  frame.writeInt32BE(content.length);
  frame.set(content, 4);
  return frame;
}

test('frames come out as they went in, however their bytes are cut, and nothing stays held', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 50 }),
      (contents, cuts) => {
        const bytes = Buffer.concat(contents.map(framed));
        const reader = new FrameReader(new FrameBudget(1 << 20));
        const found: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = at + cuts[i % cuts.length]!;
          reader.push(bytes.subarray(at, end));
          at = end;
          if (i % 3 === 0)
            for (let frame = reader.take(); frame !== undefined; frame = reader.take()) found.push(frame);
        }
        for (let frame = reader.take(); frame !== undefined; frame = reader.take()) found.push(frame);
        assert.deepEqual(found, contents.map(Buffer.from));
        assert.deepEqual([reader.waitingBytes, reader.heldBytes], [0, 0]);
      },
    ),
  );
});

test('a large frame is gathered into a buffer of its size', () => {
  const content = Buffer.alloc(9_000_001, 'abc');
  const bytes = framed(content);
  const reader = new FrameReader();
  for (let at = 0; at < bytes.length; at += 65_536) reader.push(bytes.subarray(at, at + 65_536));
  assert.ok(reader.take()!.equals(content));
});

test('lengths that cannot be are refused', () => {
  for (const length of ['ffffffff', '7fffffff', '06400001']) {
    assert.throws(() => new FrameReader().push(Buffer.from(`${length}00`, 'hex')), FrameTooLarge);
  }
});

test('when room is out, who holds most has to go, and the others go on', () => {
  const budget = new FrameBudget(1000);
  const gone: string[] = [];
  const reader = (name: string) => new FrameReader(budget, () => gone.push(name));
  const [greedy, modest, late] = [reader('greedy'), reader('modest'), reader('late')];
  const claim = Buffer.from('00010000', 'hex');
  greedy.push(Buffer.concat([claim, Buffer.alloc(700)]));
  modest.push(Buffer.concat([claim, Buffer.alloc(200)]));
  late.push(Buffer.concat([claim, Buffer.alloc(150)]));
  assert.deepEqual(gone, ['greedy']);
  assert.equal(greedy.heldBytes, 0);
  assert.throws(() => late.push(Buffer.alloc(700)), FrameTooLarge);
  late.clear();
  modest.push(Buffer.alloc(800));
  assert.deepEqual(gone, ['greedy']);
  modest.clear();
  assert.deepEqual([modest.heldBytes, late.heldBytes], [0, 0]);
});
