import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OperatorState } from '../../src/engine/operatorState.ts';
import { withChanges } from '../../src/engine/rowSnapshot.ts';
import { definitionOf, Fed, MapStore, type Reading, readings } from './helpers/seriesStream.ts';

const copied = (operators: readonly OperatorState[]) =>
  operators.map((each) => ({ ...each, bytes: each.bytes.slice() }));

/** The output of the readings from `at` on, of a pipeline that goes on from a snapshot. */
function continued(fed: Fed, state: readonly OperatorState[], rest: readonly Reading[]): string {
  fed.pipeline.restore(state, new Set());
  for (const reading of rest) fed.feed([reading]);
  fed.close();
  return fed.output;
}

const limits = fc.constantFrom(
  undefined,
  { ttlMs: 250, operatorTtlMs: new Map([['score', 100]]), maxSeries: Infinity, onFull: 'reject' as const },
  { ttlMs: Infinity, operatorTtlMs: new Map(), maxSeries: 5, onFull: 'evict' as const },
);

test('a cut whose rows are taken while processing goes on is the state at the cut', () => {
  fc.assert(
    fc.property(
      readings(12, 120),
      fc.nat(120),
      fc.infiniteStream(fc.nat(900)),
      limits,
      fc.constantFrom('record' as const, 'window' as const),
      fc.constantFrom(undefined, 4),
      (list, at, steps, limit, on, hotSeries) => {
        const definition = { ...definitionOf(on), ...(limit !== undefined && { limits: limit }) };
        const cold = () => (hotSeries === undefined ? undefined : { store: new MapStore(), hotSeries });
        const place = Math.min(at, list.length);
        const fed = new Fed(definition, cold());
        fed.feed(list.slice(0, place));
        const atOnce = copied(fed.pipeline.snapshot());
        const cut = fed.pipeline.cut('full');
        let isDone = false;
        for (const reading of list.slice(place)) {
          fed.feed([reading]);
          isDone = cut.step(steps.next().value);
        }
        if (!isDone) cut.step(Infinity);
        const rest = list.slice(place);
        const wanted = continued(new Fed(definition, undefined, place), atOnce, rest);
        assert.equal(continued(new Fed(definition, undefined, place), cut.operators(), rest), wanted);
        assert.equal(continued(new Fed(definition, cold(), place), cut.operators(), rest), wanted);
      },
    ),
    { numRuns: 300 },
  );
});

test('a base and the changes since it are the state', () => {
  fc.assert(
    fc.property(
      readings(12, 150),
      fc.array(fc.nat(150), { minLength: 1, maxLength: 6 }),
      limits,
      fc.constantFrom(undefined, 4),
      (list, places, limit, hotSeries) => {
        const definition = { ...definitionOf('window'), ...(limit !== undefined && { limits: limit }) };
        const cold = hotSeries === undefined ? undefined : { store: new MapStore(), hotSeries };
        const fed = new Fed(definition, cold);
        let state: OperatorState[] | undefined;
        let from = 0;
        const edges = places.map((place) => Math.min(place, list.length)).sort((a, b) => a - b);
        for (const edge of edges) {
          fed.feed(list.slice(from, edge));
          from = edge;
          const cut = fed.pipeline.cut(state === undefined ? 'full' : 'changes');
          cut.step(Infinity);
          const operators = copied(cut.operators());
          state = state === undefined ? operators : withChanges(state, operators);
        }
        const whole = copied(fed.pipeline.snapshot());
        const rest = list.slice(from);
        assert.equal(
          continued(new Fed(definition, undefined, from), state!, rest),
          continued(new Fed(definition, undefined, from), whole, rest),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('changes hold the rows of what changed only', () => {
  const fed = new Fed(definitionOf('record'));
  const tick = (names: readonly string[]) => fed.feed(names.map((series, i) => ({ series, time: i, value: i })));
  tick(Array.from({ length: 1_000 }, (_, i) => `s${i}`));
  const size = (kind: 'full' | 'changes') => {
    const cut = fed.pipeline.cut(kind);
    cut.step(Infinity);
    return cut.operators().find(({ id }) => id === 'feature/z_4')!.bytes.length;
  };
  const full = size('full');
  tick(['s1', 's2', 's1']);
  const changes = size('changes');
  assert.ok(changes < full / 100, `${changes} of ${full} bytes`);
  assert.ok(size('changes') < changes, 'nothing changed since');
});

test('rows that are cut short, or are of different series, are refused by name', () => {
  const fed = new Fed(definitionOf('record'));
  fed.feed([
    { series: 'a', time: 1, value: 1 },
    { series: 'b', time: 2, value: 2 },
  ]);
  const state = copied(fed.pipeline.snapshot());
  const broken = (id: string, bytes: (bytes: Uint8Array) => Uint8Array) =>
    state.map((each) => (each.id === id ? { ...each, bytes: bytes(each.bytes) } : each));
  const refused = (operators: readonly OperatorState[], pattern: RegExp) =>
    assert.throws(() => new Fed(definitionOf('record')).pipeline.restore(operators, new Set()), pattern);
  refused(
    broken('score', (bytes) => bytes.slice(0, -1)),
    /cannot restore score as a row is cut short/,
  );
  refused(
    broken('score', (bytes) => Uint8Array.from([...bytes.slice(0, 12), 9, ...bytes.slice(13)])),
    /score as a row is missing/,
  );
  refused(
    broken('feature/z_4', (bytes) => bytes.slice(0, 3)),
    /does not begin with the snapshot magic/,
  );
});
