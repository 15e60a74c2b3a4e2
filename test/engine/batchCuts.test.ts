import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PipelineDefinition, WindowDefinition } from '../../src/engine/definition.ts';
import type { SeriesLimits } from '../../src/engine/seriesTable.ts';
import { definitionOf, Fed, MapStore, type Reading, readings } from './helpers/seriesStream.ts';

const AGGREGATES = ['count', 'mean', 'sum', 'first', 'last', 'slope', 'p50', 'p99', 'distinct', 'rate', 'range'];

const window = fc.constantFrom<Omit<WindowDefinition, 'name'>>(
  { type: 'tumbling', sizeMs: 100 },
  { type: 'tumbling', sizeMs: 100, emitEveryMs: 30 },
  { type: 'hopping', sizeMs: 100, advanceMs: 30 },
  { type: 'hopping', sizeMs: 120, advanceMs: 20, offsetMs: -7 },
  { type: 'session', sizeMs: 0, gapMs: 50 },
  { type: 'session', sizeMs: 0, gapMs: 50, emitEveryMs: 40 },
  { type: 'count', sizeMs: 0, size: 4 },
);
const limits: fc.Arbitrary<SeriesLimits | undefined> = fc.option(
  fc.record({
    ttlMs: fc.constantFrom(Infinity, 100, 1_000),
    maxSeries: fc.constantFrom(Infinity, 1, 3, 6),
    onFull: fc.constantFrom('reject' as const, 'evict' as const),
    operatorTtlMs: fc.constant(new Map()),
  }),
  { nil: undefined },
);
const clock = fc.constantFrom<Partial<PipelineDefinition>>(
  {},
  { allowedLatenessMs: 60 },
  { watermark: 'series' },
  { watermark: 'series', idleAfterMs: 100, allowedLatenessMs: 150 },
);
const positions = fc.array(fc.nat(150)).map((list) => new Set(list));

function outputOf(
  list: readonly Reading[],
  definition: PipelineDefinition,
  cuts: ReadonlySet<number>,
  restarts: ReadonlySet<number>,
  hotSeries: number | undefined,
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

test('no window shows where a batch or a snapshot ended, nor how many series are hot', () => {
  fc.assert(
    fc.property(
      readings(7, 150),
      fc.constantFrom(0, -50_000),
      fc.record({ cuts: positions, restarts: positions, hot: fc.constantFrom(undefined, 3, 5) }),
      fc.tuple(window, window),
      limits,
      clock,
      (given, shift, { cuts, restarts, hot }, [a, b], some, time) => {
        const list = given.map((each) => ({ ...each, time: each.time + shift }));
        const definition = {
          ...definitionOf('record'),
          ...time,
          ...(some !== undefined && { limits: some }),
          windows: [
            { name: 'a', ...a, aggregates: AGGREGATES },
            { name: 'b', ...b, aggregates: AGGREGATES },
          ],
        };
        const whole = outputOf(list, definition, new Set(), new Set(), undefined);
        assert.equal(outputOf(list, definition, cuts, restarts, hot), whole);
      },
    ),
    { numRuns: 300 },
  );
});
