/** @jsxRuntime automatic @jsxImportSource react */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { render } from 'ink-testing-library';
import type { DemoSnapshot } from '../../src/observe/demoSnapshot.ts';
import { DemoView } from '../../src/tui/demoView.tsx';
import { holdWrites, readKeys, withoutRowLimit } from '../../src/tui/screen.ts';

const SNAPSHOT: DemoSnapshot = {
  elapsedMs: 1000,
  produced: 10,
  total: 40,
  rate: 10,
  rates: [10],
  windows: 4,
  alerts: 0,
  late: 0,
  lagRecords: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  recent: [],
  phase: 'running',
};

test('Ink draws as many lines as the view has, empty rows included', () => {
  for (const [columns, rows, height] of [
    [80, 24, 14],
    [40, 10, 9],
    [80, 3, 2],
  ] as const) {
    const app = render(<DemoView snapshot={SNAPSHOT} columns={columns} rows={rows} />);
    const frame = app.lastFrame() ?? '';
    app.unmount();
    assert.equal(frame.split('\n').length, height, `${columns} x ${rows}`);
    assert.match(frame, /anomaly demo {2}1\.0 s {2}\^C stops/);
  }
});

test('writes are held until released, in order, and their callbacks called', async () => {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream;
  const release = holdWrites(stream);
  await new Promise<void>((resolve) => {
    stream.write('one\n', () => resolve());
  });
  stream.write(new TextEncoder().encode('two\n'));
  assert.equal(stream.read(), null);
  release();
  stream.write('three\n');
  assert.equal(String(stream.read()), 'one\ntwo\nthree\n');
});

test('keys are read raw, ^C among others interrupts, and the mode is given back', () => {
  const modes: boolean[] = [];
  const stdin = Object.assign(new EventEmitter(), {
    isTTY: true,
    setRawMode: (on: boolean) => modes.push(on),
    resume: () => {},
    pause: () => {},
  });
  let interrupts = 0;
  const release = readKeys(stdin as unknown as NodeJS.ReadStream, () => interrupts++);
  stdin.emit('data', Buffer.from('x'));
  assert.equal(interrupts, 0);
  stdin.emit('data', Buffer.from('y\u0003'));
  assert.equal(interrupts, 1);
  release();
  stdin.emit('data', Buffer.from('\u0003'));
  assert.equal(interrupts, 1);
  assert.deepEqual(modes, [true, false]);
});

test('Ink is told of no height, and writes to the very stream', () => {
  const stream = Object.assign(new PassThrough(), { rows: 5, columns: 70 }) as unknown as NodeJS.WriteStream;
  const shown = withoutRowLimit(stream);
  assert.ok(shown.rows > 1e6);
  assert.equal(shown.columns, 70);
  shown.write('text');
  assert.equal(String(stream.read()), 'text');
});
