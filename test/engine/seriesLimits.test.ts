import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PipelineDefinition } from '../../src/engine/definition.ts';
import type { SeriesLimits } from '../../src/engine/seriesTable.ts';
import { definitionOf, Fed, MapStore, type Reading, readings, type Scored } from './helpers/seriesStream.ts';

const limits = fc.record({
  ttlMs: fc.constantFrom(Infinity, 100, 250, 1_000),
  maxSeries: fc.constantFrom(Infinity, 1, 3, 6),
  onFull: fc.constantFrom('reject' as const, 'evict' as const),
  operatorTtlMs: fc.constantFrom(
    new Map(),
    new Map([['score', 150]]),
    new Map([
      ['feature/z_4', 90],
      ['score', 400],
    ]),
  ),
}) as fc.Arbitrary<SeriesLimits>;
const scored = fc.constantFrom<Scored>('record', 'window');
const clock = fc.constantFrom({}, { watermark: 'series' as const, idleAfterMs: 200 }, { allowedLatenessMs: 60 });
const positions = fc.array(fc.nat(150)).map((list) => new Set(list));

function outputOf(
  list: readonly Reading[],
  definition: PipelineDefinition,
  cuts: ReadonlySet<number>,
  restarts: ReadonlySet<number>,
  hotSeries?: number,
): string {
  const cold = hotSeries === undefined ? undefined : { store: new MapStore(), hotSeries };
  const fed = new Fed(definition, cold);
  let from = 0;
  for (let i = 0; i < list.length; i++) {
    if (i + 1 < list.length && !cuts.has(i) && !restarts.has(i)) continue;
    fed.feed(list.slice(from, i + 1));
    from = i + 1;
    if (!restarts.has(i)) continue;
    const state = fed.pipeline.snapshot();
    fed.pipeline = new Fed(definition, cold).pipeline;
    fed.pipeline.restore(state, new Set());
  }
  fed.close();
  return fed.output;
}

test('which series are refused, evicted and forgotten does not depend on where batches and snapshots end', () => {
  fc.assert(
    fc.property(
      readings(9, 150),
      positions,
      positions,
      limits,
      scored,
      clock,
      (list, cuts, restarts, some, on, time) => {
        const definition = { ...definitionOf(on), ...time, limits: some };
        const whole = outputOf(list, definition, new Set(), new Set());
        assert.equal(outputOf(list, definition, cuts, restarts), whole);
        assert.equal(outputOf(list, definition, new Set(list.keys()), new Set()), whole);
      },
    ),
    { numRuns: 400 },
  );
});

test('the series beyond the bound are refused, whole, and the others are as if those had not been', () => {
  fc.assert(
    fc.property(readings(9, 150), fc.constantFrom(1, 3, 6), (list, maxSeries) => {
      const bound = { ttlMs: Infinity, operatorTtlMs: new Map(), maxSeries, onFull: 'reject' as const };
      const fed = new Fed({ ...definitionOf('record'), limits: bound });
      fed.feed(list);
      const first = new Set([...new Set(list.map(({ series }) => series))].slice(0, maxSeries));
      const refused = list.flatMap(({ series }, i) => (first.has(series) ? [] : [i]));
      assert.deepEqual(fed.refused, refused);
      const free = new Fed(definitionOf('record'));
      free.feed(list.filter(({ series }) => first.has(series)));
      const plain = (rows: unknown[]) => rows.map((row) => (row as unknown[]).slice(0, 4));
      assert.deepEqual(plain(fed.windows), plain(free.windows));
      assert.deepEqual(plain(fed.alerts), plain(free.alerts));
    }),
  );
});

/** Which series have state after each reading, by the rules as they are told: a plain list, sweeps and windows. */
function survivors(list: readonly Reading[], { ttlMs, maxSeries, onFull }: SeriesLimits): string[] {
  const step = Math.max(1, Math.floor(ttlMs / 16));
  const sizeMs = 100;
  let watermark = -Infinity;
  // In the order in which they were last seen.
  const seen = new Map<string, { newest: number; windows: Set<number> }>();
  for (const { series, time } of list) {
    if (!seen.has(series) && seen.size >= maxSeries) {
      const idle = [...seen].find(([, state]) => state.windows.size === 0);
      if (onFull === 'reject' || idle === undefined) continue;
      seen.delete(idle[0]);
    }
    const state = seen.get(series) ?? { newest: -Infinity, windows: new Set() };
    seen.delete(series);
    seen.set(series, state);
    state.newest = Math.max(state.newest, time);
    const before = watermark;
    const start = Math.floor(time / sizeMs) * sizeMs;
    if (start + sizeMs > before) state.windows.add(start);
    watermark = Math.max(watermark, time - 30);
    for (const each of seen.values())
      for (const open of each.windows) if (open + sizeMs <= watermark) each.windows.delete(open);
    if (ttlMs === Infinity || Math.floor(watermark / step) === Math.floor(before / step)) continue;
    for (const [name, each] of seen) if (each.newest < watermark - ttlMs && each.windows.size === 0) seen.delete(name);
  }
  return [...seen.keys()].sort();
}

test('the series that have state are those of the rules, told plainly', () => {
  fc.assert(
    fc.property(readings(9, 150), limits, (list, some) => {
      const plain = { ...some, operatorTtlMs: new Map() };
      const fed = new Fed({ ...definitionOf('record'), limits: plain });
      fed.feed(list);
      fed.pipeline.release();
      const { keys } = fed.pipeline;
      const names: string[] = [];
      for (let id = 0; id < keys.size; id++) if (keys.has(id)) names.push(keys.name(id));
      assert.deepEqual(names.sort(), survivors(list, plain));
    }),
    { numRuns: 400 },
  );
});

test('where the state of a series lies makes no difference', () => {
  const some = (n: number) => readings(n, 150);
  fc.assert(
    fc.property(some(40), positions, positions, limits, scored, (list, cuts, restarts, bounds, on) => {
      for (const detector of ['rolling-z', 'kpi', 'range'] as const) {
        const definition = { ...definitionOf(on, detector), limits: bounds };
        const whole = outputOf(list, definition, new Set(), new Set());
        assert.equal(outputOf(list, definition, cuts, restarts, 4), whole);
      }
    }),
    { numRuns: 100 },
  );
});

test('a series that was forgotten begins as a new one', () => {
  const limit = { ttlMs: 1_000, operatorTtlMs: new Map(), maxSeries: Infinity, onFull: 'reject' as const };
  const fed = new Fed({ ...definitionOf('record'), limits: limit });
  const tick = (series: string, from: number, to: number) =>
    fed.feed(Array.from({ length: (to - from) / 10 }, (_, i) => ({ series, time: from + 10 * i, value: i % 3 })));
  tick('a', 0, 500);
  tick('b', 500, 5_000);
  fed.pipeline.release();
  assert.equal(fed.pipeline.keys.count, 1);
  tick('c', 5_000, 5_010);
  assert.equal(fed.pipeline.keys.size, 2, 'the id of a was given again');
  assert.ok(fed.windows.every((row) => (row as string[])[0] !== 'c'));
});

test('days of values of three series with room for two: the kpi detector keeps its seasons, tails and levels', () => {
  const names = ['a', 'b', 'c'];
  const list = Array.from({ length: 3 * 4_000 }, (_, i): Reading => {
    const at = Math.floor(i / 3);
    const wave = 20 * Math.abs(((at % 96) - 48) / 48) + ((at * 7919) % 13) / 10;
    return { series: names[i % 3]!, time: at * 900_000, value: wave + (at % 977 === 976 ? 60 : 0) };
  });
  const definition = { ...definitionOf('record', 'kpi'), outOfOrdernessMs: 0 };
  const score = { ...definition.score!, on: null, limits: () => ({ min: -Infinity, max: Infinity }) };
  const whole = outputOf(list, { ...definition, score }, new Set(), new Set());
  assert.ok(JSON.parse(whole).alerts.length > 5);
  assert.equal(outputOf(list, { ...definition, score }, new Set([500]), new Set([3_000, 9_000]), 2), whole);
});

test('a snapshot frees no key of a batch that is decoded and yet to be processed', () => {
  const never = { ttlMs: 1_000, maxSeries: Infinity, onFull: 'reject', operatorTtlMs: new Map() } as const;
  const { pipeline } = new Fed({ ...definitionOf('record'), limits: never });
  const { keys } = pipeline;
  const bytes = new TextEncoder().encode(Array.from({ length: 6_000 }, (_, i) => String(10_000 + i)).join(''));
  for (let i = 0; i < 6_000; i++) keys.intern(bytes, 5 * i, 5 * i + 5);
  pipeline.snapshot();
  assert.equal(keys.count, 6_000);
  pipeline.release();
  assert.equal(keys.count, 0);
});

test('under a clock of its own a silent series is forgotten only where idle_after closes its windows', () => {
  for (const [idle, left] of [
    [{}, ['s0', 's1']],
    [{ idleAfterMs: 200 }, ['s1']],
  ] as const) {
    const some = { ttlMs: 1_000, maxSeries: Infinity, onFull: 'reject', operatorTtlMs: new Map() } as const;
    const fed = new Fed({ ...definitionOf('record'), watermark: 'series', ...idle, limits: some });
    const later = Array.from({ length: 100 }, (_, i) => ({ series: 's1', time: 100 * i, value: 1 }));
    fed.feed([{ series: 's0', time: 0, value: 1 }, ...later]);
    fed.pipeline.release();
    const { keys } = fed.pipeline;
    const names = Array.from({ length: keys.size }, (_, id) => (keys.has(id) ? [keys.name(id)] : [])).flat();
    assert.deepEqual(names.sort(), left);
  }
});

test('where the series seen least recently has an open window the next one goes, of sixty-four', () => {
  for (const [open, isTaken] of [
    [1, true],
    [63, true],
    [64, false],
  ] as const) {
    const some = { ttlMs: Infinity, operatorTtlMs: new Map(), maxSeries: open + 1, onFull: 'evict' } as const;
    const fed = new Fed({ ...definitionOf('record'), limits: some });
    const at = (series: string, time: number): Reading => ({ series, time, value: 1 });
    // Readings of a window to come keep theirs open; `idle`, seen after them, has a late one only.
    const ahead = Array.from({ length: open }, (_, i) => at(`ahead${i}`, 5_000));
    fed.feed([...ahead, at('idle', 0), at('new', 5_000)]);
    assert.deepEqual(fed.refused, isTaken ? [] : [open + 1]);
    fed.pipeline.release();
    const { keys } = fed.pipeline;
    const names = Array.from({ length: keys.size }, (_, id) => (keys.has(id) ? keys.name(id) : ''));
    assert.deepEqual([names.includes('new'), names.includes('idle')], [isTaken, !isTaken]);
    assert.ok(names.includes('ahead0'));
  }
});

test('a count window that is not full keeps no series from being forgotten', () => {
  const base = { ...definitionOf('record'), windows: [{ name: 'w100', type: 'count', sizeMs: 0, size: 3 } as const] };
  const some = { ttlMs: 100, maxSeries: Infinity, onFull: 'reject', operatorTtlMs: new Map() } as const;
  const fed = new Fed({ ...base, limits: some });
  fed.feed([
    { series: 's0', time: 0, value: 1 },
    { series: 's1', time: 10, value: 1 },
    { series: 's1', time: 500, value: 2 },
  ]);
  assert.equal(fed.pipeline.openWindows, 1);
  assert.equal(fed.pipeline.state.table.count, 1);
  const full = new Fed({ ...base, limits: { ...some, ttlMs: Infinity, maxSeries: 1, onFull: 'evict' } });
  full.feed([
    { series: 's0', time: 0, value: 1 },
    { series: 's1', time: 10, value: 1 },
  ]);
  assert.deepEqual([full.refused, full.pipeline.openWindows], [[], 1]);
});
