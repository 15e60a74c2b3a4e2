import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Batcher, type BatchOptions, type Tensors } from '../../../src/models/serving/batcher.ts';

/** A model that doubles, whose runs end when the test says so, and a clock of the test. */
function model(options: Partial<BatchOptions> = {}) {
  const runs: { rows: number; end(error?: Error): Promise<void> }[] = [];
  const told: [number, number][] = [];
  const timers: { atMs: number; work: () => void }[] = [];
  let nowMs = 0;
  const run = (feeds: Tensors) =>
    new Promise<Tensors>((resolve, reject) => {
      const { dims, data } = feeds['x']!;
      const doubled = Float32Array.from(data as Float32Array, (value) => 2 * value);
      const end = async (error?: Error) => {
        if (error === undefined) resolve({ y: { type: 'float32', dims, data: doubled } });
        else reject(error);
        await turn();
      };
      runs.push({ rows: dims[0]!, end });
    });
  const batcher = new Batcher({
    run,
    mayShare: true,
    maxRows: 8,
    maxDelayMs: 0,
    onRun: (rows, requests) => told.push([rows, requests]),
    now: () => nowMs,
    setTimer: (work, ms) => {
      const timer = { atMs: nowMs + ms, work };
      timers.push(timer);
      return { clear: () => void timers.splice(timers.indexOf(timer), 1) };
    },
    ...options,
  });
  const advance = async (ms: number) => {
    nowMs += ms;
    for (const timer of timers.filter(({ atMs }) => atMs <= nowMs)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.work();
    }
    await turn();
  };
  const infer = (values: readonly number[], width = 1, gone?: AbortSignal) => {
    const dims = [values.length / width, width];
    const feeds: Tensors = { x: { type: 'float32', dims, data: Float32Array.from(values) } };
    return batcher.infer(feeds, dims[0]!, gone).then(({ y }) => Array.from(y!.data as Float32Array));
  };
  return { batcher, runs, told, advance, infer };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('requests that come during a run share the next one, each with its own rows', async () => {
  const { runs, told, infer, batcher } = model();
  const answers = [infer([1]), infer([2, 3]), infer([4]), infer([5])];
  assert.deepEqual(
    runs.map(({ rows }) => rows),
    [1],
  );
  assert.equal(batcher.waitingRows, 4);
  await runs[0]!.end();
  assert.deepEqual(
    runs.map(({ rows }) => rows),
    [1, 4],
  );
  await runs[1]!.end();
  assert.deepEqual(await Promise.all(answers), [[2], [4, 6], [8], [10]]);
  assert.deepEqual(told, [
    [1, 1],
    [4, 3],
  ]);
  await batcher.idle();
});

test('a run has at most so many rows; a request of more runs alone, in its turn', async () => {
  const { runs, infer } = model({ maxRows: 3 });
  const answers = [infer([1]), infer([1, 2]), infer([1, 2]), infer([1]), infer([1, 2, 3, 4, 5]), infer([9])];
  for (let i = 0; i < 4; i++) await runs[i]!.end();
  assert.deepEqual(
    runs.map(({ rows }) => rows),
    [1, 3, 3, 5],
  );
  assert.deepEqual(
    (await Promise.all(answers)).map((each) => each.length),
    [1, 2, 2, 1, 5, 1],
  );
});

test('requests of other shapes wait for a run of their own, none overtakes the first', async () => {
  const { runs, infer } = model();
  const answers = [infer([1]), infer([1, 2], 2), infer([3]), infer([3, 4], 2)];
  for (let i = 0; i < 3; i++) await runs[i]!.end();
  assert.deepEqual(
    runs.map(({ rows }) => rows),
    [1, 2, 1],
  );
  assert.deepEqual(await Promise.all(answers), [[2], [2, 4], [6], [6, 8]]);
});

test('with a delay the first request waits for others, until the rows are enough or the time is over', async () => {
  const { runs, infer, advance } = model({ maxDelayMs: 5, maxRows: 3 });
  const early = [infer([1]), infer([2])];
  await advance(4);
  assert.equal(runs.length, 0);
  await advance(1);
  assert.deepEqual(
    runs.map(({ rows }) => rows),
    [2],
  );
  await runs[0]!.end();
  assert.deepEqual(await Promise.all(early), [[2], [4]]);
  const full = [infer([1]), infer([2]), infer([3])];
  assert.deepEqual(
    runs.map(({ rows }) => rows),
    [2, 3],
  );
  await runs[1]!.end();
  await Promise.all(full);
});

test('a model whose rows must not mix runs each request alone, at once', async () => {
  const { runs, infer } = model({ mayShare: false, maxDelayMs: 50 });
  const answers = [infer([1]), infer([2])];
  assert.deepEqual(
    runs.map(({ rows }) => rows),
    [1],
  );
  for (let i = 0; i < 2; i++) await runs[i]!.end();
  assert.deepEqual(await Promise.all(answers), [[2], [4]]);
});

test('where a shared run fails each request runs alone: only the one at fault fails', async () => {
  const { runs, infer, batcher } = model();
  const answers = Promise.allSettled([infer([1]), infer([2]), infer([3])]);
  await runs[0]!.end();
  await runs[1]!.end(new Error('no such row'));
  await runs[2]!.end();
  await runs[3]!.end(new Error('no such row'));
  assert.deepEqual(
    (await answers).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  );
  await batcher.idle();
});

test('whatever comes in whatever order, each request gets its own rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ rows: fc.integer({ min: 1, max: 5 }), width: fc.integer({ min: 1, max: 2 }) }), {
        maxLength: 20,
      }),
      fc.integer({ min: 1, max: 6 }),
      async (requests, maxRows) => {
        const { runs, infer, batcher } = model({ maxRows });
        let next = 0;
        const values = requests.map(({ rows, width }) => Array.from({ length: rows * width }, () => next++));
        const answers = requests.map(({ width }, i) => infer(values[i]!, width));
        for (let i = 0; i < runs.length; i++) await runs[i]!.end();
        assert.deepEqual(
          await Promise.all(answers),
          values.map((each) => each.map((value) => 2 * value)),
        );
        await batcher.idle();
      },
    ),
    { numRuns: 60 },
  );
});

test('a request that nobody waits for any more takes no place in the next run', async () => {
  const { runs, infer, batcher } = model();
  const gone = new AbortController();
  const first = infer([1]);
  const left = infer([2, 3], 1, gone.signal);
  const last = infer([4]);
  const why = new Error('gone');
  gone.abort(why);
  await assert.rejects(left, why);
  assert.equal(batcher.waitingRows, 1);
  await assert.rejects(infer([5], 1, gone.signal), why);
  await runs[0]!.end();
  assert.deepEqual(
    runs.map(({ rows }) => rows),
    [1, 1],
  );
  await runs[1]!.end();
  assert.deepEqual([await first, await last], [[2], [8]]);
  await batcher.idle();
});

test('a request whose run has begun ends with it, though nobody waits', async () => {
  const { runs, infer, batcher } = model();
  const gone = new AbortController();
  const answer = infer([1], 1, gone.signal);
  gone.abort(new Error('gone'));
  await runs[0]!.end();
  assert.deepEqual(await answer, [2]);
  await batcher.idle();
});
