import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ColumnBatch } from '../../src/engine/batch.ts';
import type { PipelineDefinition } from '../../src/engine/definition.ts';
import { KeyDictionary } from '../../src/engine/keys.ts';
import { PartitionPipeline } from '../../src/engine/pipeline.ts';
import { anomalyObject, windowObject } from '../../src/runtime/output/rowObjects.ts';
import { type PartitionState, rescale, totalsOf } from '../../src/runtime/rescale.ts';
import { murmur2 } from '../../src/wire/murmur2.ts';

interface Reading {
  readonly series: string;
  readonly time: number;
  readonly value: number;
}

const SHOWN = {
  aggregates: [new Set(['count', 'mean', 'min', 'max', 'stddev']), new Set(['count'])],
  features: [[0], []],
};

const DEFINITION: PipelineDefinition = {
  fields: ['a'],
  outOfOrdernessMs: 30,
  windows: [
    { name: 'w100', sizeMs: 100 },
    { name: 'w700', sizeMs: 700 },
  ],
  features: [
    { name: 'mean_3', rolling: 3, statistic: 'mean', of: { kind: 'aggregate', window: 0, aggregate: 'mean' } },
    { name: 'z_4', rolling: 4, statistic: 'z', of: { kind: 'field', field: 0 } },
  ],
  score: {
    on: null,
    detector: { detector: 'rolling-z', sensitivity: 'medium', threshold: 1, window: 5, minCount: 2, stepMs: 100 },
    rules: ['z@a'],
    shaping: { refractoryMs: 150 },
    limits: () => ({ min: -Infinity, max: Infinity }),
  },
};

const encode = (text: string) => new TextEncoder().encode(text);
const placeOf = (series: string, count: number) => (murmur2(encode(series)) & 0x7fffffff) % count;

/** Partitions at work, and what they put out, each row without what depends on the partition. */
class Topic {
  readonly rows: string[] = [];
  pipelines: PartitionPipeline[];
  readonly #shown: typeof SHOWN;

  constructor(states: readonly PartitionState[] | number, definition = DEFINITION) {
    this.#shown = { ...SHOWN, features: definition === DEFINITION ? SHOWN.features : [[], []] };
    this.pipelines = Array.from({ length: typeof states === 'number' ? states : states.length }, (_, p) => {
      const pipeline = new PartitionPipeline(definition, new KeyDictionary());
      if (typeof states !== 'number') pipeline.restore(states[p]!.operators, new Set());
      return pipeline;
    });
  }

  run(readings: readonly Reading[]): void {
    this.pipelines.forEach((pipeline, p) => {
      const own = readings.filter(({ series }) => placeOf(series, this.pipelines.length) === p);
      const batch = new ColumnBatch(1, Math.max(1, own.length));
      batch.count = own.length;
      own.forEach(({ series, time, value }, i) => {
        const key = encode(series);
        batch.series[i] = pipeline.keys.intern(key, 0, key.length);
        batch.eventTimes[i] = time;
        batch.fields[0]![i] = value;
      });
      pipeline.process(batch, 0, batch.count);
      this.#drain(pipeline);
    });
  }

  close(): string[] {
    for (const pipeline of this.pipelines) {
      pipeline.close();
      this.#drain(pipeline);
    }
    return this.rows.sort();
  }

  states(): PartitionState[] {
    return this.pipelines.map((pipeline, partition) => ({ partition, operators: pipeline.snapshot() }));
  }

  #drain(pipeline: PartitionPipeline): void {
    const place = { topic: 't', partition: 0 };
    const add = (row: object) => {
      const { offset: _, record_time: __, id: ___, ...rest } = row as Record<string, unknown>;
      this.rows.push(JSON.stringify(rest));
    };
    for (let i = 0; i < pipeline.windowRows.count; i++) add(windowObject(pipeline, i, place, this.#shown));
    for (let i = 0; i < pipeline.alertRows.count; i++) add(anomalyObject(pipeline, i, place));
    pipeline.clearOutput();
  }
}

const series = fc.integer({ min: 0, max: 12 }).map((i) => `pump-${i}`);
/** Times only rise: what is late depends on the other series of a partition, and must not be compared here. */
const stream = fc
  .array(fc.record({ series, step: fc.nat(40), value: fc.integer({ min: -9, max: 9 }) }), { maxLength: 200 })
  .map((steps) => {
    let time = 0;
    return steps.map(({ series: name, step, value }) => {
      time += step;
      return { series: name, time, value };
    });
  });

test('a pipeline whose state was redistributed puts out what one does that had as many partitions from the start', () => {
  fc.assert(
    fc.property(
      stream,
      fc.nat(200),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 7 }),
      (readings, cut, from, to) => {
        const whole = new Topic(to);
        whole.run(readings);
        const before = new Topic(from);
        before.run(readings.slice(0, cut));
        const { partitions, before: left, after } = rescale(DEFINITION, before.states(), to);
        assert.deepEqual(left, after);
        assert.deepEqual(totalsOf(DEFINITION, partitions), left);
        assert.equal(left.series, new Set(readings.slice(0, cut).map((each) => each.series)).size);
        for (const { partition, operators } of partitions) {
          const pipeline = new PartitionPipeline(DEFINITION, new KeyDictionary());
          pipeline.restore(operators, new Set());
          for (let id = 0; id < pipeline.keys.size; id++) assert.equal(placeOf(pipeline.keys.name(id), to), partition);
        }
        const rest = new Topic(partitions);
        rest.rows.push(...before.rows);
        rest.run(readings.slice(cut));
        assert.deepEqual(rest.close(), whole.close());
      },
    ),
    { numRuns: 150 },
  );
});

test('there and back again is the same state by the totals', () => {
  const topic = new Topic(3);
  topic.run(Array.from({ length: 500 }, (_, i) => ({ series: `s${i % 40}`, time: i * 7, value: i % 13 })));
  const there = rescale(DEFINITION, topic.states(), 8);
  const back = rescale(DEFINITION, there.partitions, 3);
  assert.deepEqual(back.after, there.before);
  assert.equal(back.after.series, 40);
  assert.ok(back.after.openValues > 40);
});

test('keys that were placed by something else are refused by name', () => {
  const topic = new Topic(2);
  const swapped = topic.states().reverse();
  const used = new Topic(2);
  used.run([{ series: 'pump-1', time: 0, value: 1 }]);
  const states = used
    .states()
    .reverse()
    .map(({ operators }, partition) => ({ partition, operators }));
  assert.throws(() => rescale(DEFINITION, states, 4), {
    code: 'ANM_STATE_INCOMPATIBLE',
    message: /series pump-1 is in partition/,
  });
  assert.equal(rescale(DEFINITION, swapped, 4).after.series, 0);
});

test('windows that are partly out go on where they were, even from partitions of different watermarks', () => {
  const overlapping: PipelineDefinition = {
    fields: ['a'],
    outOfOrdernessMs: 0,
    windows: [
      { name: 'h', type: 'hopping', sizeMs: 100, advanceMs: 20, aggregates: ['count', 'sum'] },
      { name: 't80', sizeMs: 80 },
    ],
    features: [],
  };
  for (const allowedLatenessMs of [0, 50]) {
    for (const [from, to] of [
      [1, 2],
      [3, 1],
      [3, 2],
    ] as const) {
      const definition = { ...overlapping, allowedLatenessMs };
      const readings = Array.from({ length: 90 }, (_, i) => ({ series: `s${i % 11}`, time: 7 * i, value: i % 5 }));
      const before = new Topic(from, definition);
      before.run(readings.slice(0, 60));
      const { partitions, before: left, after } = rescale(definition, before.states(), to);
      assert.deepEqual(left, after);
      assert.ok(left.openRows > 10);
      const rest = new Topic(partitions, definition);
      rest.rows.push(...before.rows);
      // Once more through a snapshot, and on.
      const again = new Topic(rest.states(), definition);
      again.rows.push(...rest.rows);
      again.run(readings.slice(60));
      const whole = new Topic(to, definition);
      whole.run(readings);
      assert.deepEqual(again.close(), whole.close());
    }
  }
});

test('a late record of the partition that was further on opens its window again', () => {
  const names = Array.from({ length: 20 }, (_, i) => `pump-${i}`);
  const [fast, slow] = [0, 1].map((p) => names.find((name) => placeOf(name, 2) === p)!) as [string, string];
  const before = new Topic(2);
  before.run([
    { series: fast, time: 50, value: 1 },
    { series: fast, time: 1_000, value: 2 },
    { series: slow, time: 60, value: 3 },
  ]);
  const ofFirst = (rows: readonly string[]) =>
    rows.map((row) => JSON.parse(row)).filter((row) => row.series === fast && row.window === 'w100' && row.start === 0);
  assert.equal(ofFirst(before.rows).length, 1);
  const late = [{ series: fast, time: 70, value: 9 }];
  const states = before.states();
  const moved = new Topic(rescale(DEFINITION, states, 1).partitions);
  moved.run(late);
  assert.equal(ofFirst(moved.close()).length, 1);
  // Where the number of partitions stays, it is late.
  const stayed = new Topic(states);
  stayed.run(late);
  assert.equal(ofFirst(stayed.close()).length, 0);
});
