import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PipelineDefinition } from '../../../src/engine/definition.ts';
import type { WatchDefinition } from '../../../src/engine/watches/definition.ts';
import { MapStore } from '../helpers/seriesStream.ts';
import { normal, type Reading, seeded, Watched, watching } from './helpers/watched.ts';

const MINUTE = 60_000;

/** Low thresholds, so that all of them have something to tell. */
const WATCHES: Partial<WatchDefinition>[] = [
  { watch: 'missing', threshold: 0.3 },
  { watch: 'flat', threshold: 1 },
  { watch: 'shift', threshold: 0.3 },
  { watch: 'drift', threshold: 0.3 },
  { watch: 'peers', threshold: 1.5, groupBy: '-' },
  { watch: 'subsequence', threshold: 1, length: 8 },
];
const VECTORS: readonly Partial<WatchDefinition>[] = [
  { watch: 'multivariate', threshold: 1.5 },
  { watch: 'multivariate', threshold: 1.5, groupBy: '-' },
];

/** Two groups of series with rhythms, noise, freezes, pauses, ends, lost and late records, for a few weeks. */
function stream(seed: number, stepMs: number, count: number): Reading[] {
  const random = seeded(seed);
  const noise = normal(random);
  const list: Reading[] = [];
  const names = Array.from({ length: 12 }, (_, k) => `${k < 6 ? 'pump' : 'fan'}-${k}`);
  const held = names.map(() => ({ frozen: 0, silent: 0, values: [0, 0] }));
  for (let i = 0; i < count; i++) {
    names.forEach((series, k) => {
      const state = held[k]!;
      if (random() < 0.003) state.frozen = 20;
      if (random() < 0.003) state.silent = 5 + Math.floor(60 * random());
      if (state.silent-- > 0 || random() < 0.02) return;
      if (state.frozen-- <= 0) {
        const level = 10 * Math.sin((2 * Math.PI * i) / 48) + k + (i > 0.75 * count && k === 2 ? 30 : 0);
        state.values = [level + noise(), random() < 0.05 ? NaN : level - noise()];
      }
      const isLate = random() < 0.02;
      list.push({ series, time: i * stepMs + k * 100 - (isLate ? 3 * stepMs : 0), values: [...state.values] });
    });
  }
  return list;
}

function outputOf(
  list: readonly Reading[],
  definition: PipelineDefinition,
  cuts: ReadonlySet<number>,
  restarts: ReadonlySet<number>,
  hotSeries: number | undefined,
): string {
  const cold = hotSeries === undefined ? undefined : { store: new MapStore(), hotSeries };
  const told = new Watched(definition, cold);
  let from = 0;
  for (let i = 0; i < list.length; i++) {
    if (i + 1 < list.length && !cuts.has(i) && !restarts.has(i)) continue;
    told.feed(list.slice(from, i + 1));
    from = i + 1;
    if (restarts.has(i)) told.restart();
  }
  told.pipeline.advanceWatermark(list.at(-1)!.time + 600 * MINUTE);
  told.take();
  return JSON.stringify(told.alerts, null, 1);
}

test('what watches tell does not depend on where a batch or a snapshot ended, nor on how many series are hot', () => {
  const told = new Map<string, number>();
  const positions = fc.array(fc.nat(15_000), { maxLength: 40 }).map((list) => new Set(list));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      fc.constantFrom(MINUTE, 30 * MINUTE),
      fc.record({ cuts: positions, restarts: fc.array(fc.nat(15_000), { maxLength: 6 }).map((list) => new Set(list)) }),
      fc.constantFrom(undefined, 6),
      fc.constantFrom(...VECTORS),
      fc.constantFrom<Partial<PipelineDefinition>>(
        {},
        { limits: { ttlMs: 40 * MINUTE, operatorTtlMs: new Map(), maxSeries: Infinity, onFull: 'reject' } },
        { limits: { ttlMs: Infinity, operatorTtlMs: new Map(), maxSeries: 9, onFull: 'evict' } },
        { watermark: 'series', idleAfterMs: 5 * MINUTE },
      ),
      (seed, stepMs, { cuts, restarts }, hot, vector, more) => {
        const list = stream(seed, stepMs, stepMs === MINUTE ? 1_300 : 750);
        const definition = { ...watching([...WATCHES, vector], ['a', 'b']), outOfOrdernessMs: 2 * stepMs, ...more };
        const whole = outputOf(list, definition, new Set(), new Set(), undefined);
        for (const { rule } of JSON.parse(whole)) told.set(rule, (told.get(rule) ?? 0) + 1);
        assert.equal(outputOf(list, definition, cuts, restarts, hot), whole);
      },
    ),
    { numRuns: 14 },
  );
  // Of which field is left to the random streams: few of them have the one that multivariate tells of b.
  const rules = new Set([...told.keys()].map((name) => (name === 'multivariate@record' ? name : name.split('@')[0]!)));
  for (const name of ['missing', 'flat', 'shift', 'drift', 'peers', 'multivariate@record', 'multivariate']) {
    assert.ok(rules.has(name), `${name} was never told: ${JSON.stringify([...told])}`);
  }
});
