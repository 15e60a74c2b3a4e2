import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Consumer } from '../../../src/clients/client.ts';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import { TimeMerge } from '../../../src/runtime/input/timeMerge.ts';
import type { Task } from '../../../src/runtime/task.ts';

/** Partitions with records of given times, read batch by batch in any order. */
class Log {
  readonly ends: number[];
  readonly positions: number[];
  readonly paused = new Set<number>();
  readonly tasks: Task[];
  readonly #times: readonly (readonly number[])[];

  constructor(times: readonly (readonly number[])[]) {
    this.#times = times;
    this.ends = times.map((each) => each.length);
    this.positions = times.map(() => 0);
    this.tasks = times.map((_, partition) => ({ topic: 't', partition }) as unknown as Task);
  }

  get consumer(): Consumer {
    return {
      position: (_: string, partition: number) => this.positions[partition]!,
      endOffset: (_: string, partition: number) => this.ends[partition]!,
      pause: ([place]: { partition: number }[]) => this.paused.add(place!.partition),
      resume: ([place]: { partition: number }[]) => this.paused.delete(place!.partition),
    } as unknown as Consumer;
  }

  read(partition: number, count: number, bytes = 0): ColumnBatch {
    const from = this.positions[partition]!;
    const times = this.#times[partition]!.slice(from, from + count);
    const batch = new ColumnBatch(0, Math.max(1, times.length));
    batch.count = times.length;
    batch.bytes = new Uint8Array(bytes);
    batch.partition = partition;
    times.forEach((time, i) => {
      batch.eventTimes[i] = time;
      batch.offsets[i] = from + i;
    });
    this.positions[partition] = from + times.length;
    return batch;
  }
}

test('sorted partitions come out sorted, whole, whatever is read when; what is held is never below what is out', () => {
  const partition = fc
    .array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 })
    .map((list) => list.sort((a, b) => a - b));
  const reads = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 20 })), { maxLength: 60 });
  fc.assert(
    fc.property(fc.array(partition, { minLength: 1, maxLength: 4 }), reads, (times, steps) => {
      const log = new Log(times);
      const out: [number, number, number][] = [];
      const merge = new TimeMerge(log.consumer, (task, batch, i) =>
        out.push([batch.eventTimes[i]!, task.partition, batch.offsets[i]!]),
      );
      const turn = (p: number, count: number) => {
        merge.add(log.tasks[p]!, log.read(p, count));
        merge.advance(log.tasks);
        for (const task of log.tasks) {
          const done = out.filter(([, partition]) => partition === task.partition).length;
          assert.equal(merge.heldFrom(task) ?? log.positions[task.partition], done);
        }
      };
      for (const [p, count] of steps) turn(p % times.length, count);
      for (let p = 0; p < times.length; p++) while (log.positions[p]! < log.ends[p]!) turn(p, 7);
      merge.release();
      assert.equal(out.length, times.flat().length);
      assert.deepEqual(
        out.map(([time]) => time),
        times.flat().sort((a, b) => a - b),
      );
      for (let p = 0; p < times.length; p++) {
        const offsets = out.filter(([, partition]) => partition === p).map(([, , offset]) => offset);
        assert.deepEqual(offsets, [...offsets.keys()]);
      }
    }),
  );
});

test('a partition far ahead is paused until the others have come near, and one that was lost is forgotten', () => {
  const ahead = Array.from({ length: 40 }, (_, i) => 1000 + i);
  const log = new Log([[1, 2, 2000], ahead]);
  const out: number[] = [];
  const merge = new TimeMerge(log.consumer, (_, batch, i) => out.push(batch.eventTimes[i]!));
  for (let i = 0; i < 4; i++) {
    merge.add(log.tasks[1]!, log.read(1, 10, 300_000));
    merge.advance(log.tasks);
  }
  assert.deepEqual([out.length, [...log.paused]], [0, [1]]);
  merge.add(log.tasks[0]!, log.read(0, 3));
  merge.advance(log.tasks);
  assert.deepEqual(out, [1, 2, ...ahead, 2000]);
  assert.equal(log.paused.size, 0);

  log.ends[1] = 50;
  merge.add(log.tasks[0]!, new Log([[5000]]).read(0, 1));
  merge.advance(log.tasks);
  assert.equal(merge.heldFrom(log.tasks[0]!), 0);
  merge.drop([log.tasks[0]!]);
  merge.release();
  assert.equal(out.at(-1), 2000);
});
