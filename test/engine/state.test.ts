import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SnapshotReader, SnapshotWriter } from '../../src/engine/state.ts';

test('a snapshot gives back every array, number and text bit for bit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double()),
      fc.array(fc.integer()),
      fc.double(),
      fc.string({ unit: 'grapheme' }),
      (doubles, integers, number, text) => {
        const writer = new SnapshotWriter();
        const scope = writer.scope('outer').scope('inner');
        scope.array('d', Float64Array.from(doubles), doubles.length);
        scope.array('i', Int32Array.from(integers), integers.length);
        writer.number('n', number);
        writer.text('t', text);
        const reader = new SnapshotReader(writer.encode());
        const inner = reader.scope('outer').scope('inner');
        assert.deepEqual(inner.f64('d'), Float64Array.from(doubles));
        assert.deepEqual(inner.i32('i', integers.length + 3).subarray(0, integers.length), Int32Array.from(integers));
        assert.ok(Object.is(reader.number('n'), number));
        assert.equal(reader.text('t'), text);
      },
    ),
  );
});

test('a snapshot is a copy: later changes to the array do not reach it', () => {
  const values = Float64Array.of(1, 2, 3);
  const writer = new SnapshotWriter();
  writer.array('v', values, 2);
  values[0] = 9;
  assert.deepEqual(new SnapshotReader(writer.encode()).f64('v'), Float64Array.of(1, 2));
});

test('an array that the snapshot takes over is written as a whole, under the name of its scope', () => {
  const writer = new SnapshotWriter();
  writer.scope('outer').own('v', Float64Array.of(1, 2, 3).subarray(1));
  assert.deepEqual(new SnapshotReader(writer.encode()).scope('outer').f64('v'), Float64Array.of(2, 3));
});

test('an array read as another type is refused by name', () => {
  const writer = new SnapshotWriter();
  writer.array('v', Float32Array.of(1), 1);
  assert.throws(() => new SnapshotReader(writer.encode()).f64('v'), /cannot restore v as it was written as f32/);
});
