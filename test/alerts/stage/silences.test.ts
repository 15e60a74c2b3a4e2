import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LABELS, type Labels, matcherText, parseMatcher, Silences } from '../../../src/alerts/stage/silences.ts';

const labels: Labels = { series: 'pump-7', rule: 'kpi@value', pipeline: 'room', severity: 'error', kind: 'anomaly' };

function holds(...texts: string[]): boolean {
  const silences = new Silences();
  const matchers = texts.map((text) => {
    const matcher = parseMatcher(text);
    if ('problem' in matcher) throw new Error(matcher.problem);
    return matcher;
  });
  silences.set({ id: 'a', matchers, startsMs: 10, endsMs: 20, by: '', comment: '' });
  return silences.of(labels, 10) !== undefined;
}

test('matchers are those of Alertmanager: equal, not, and regular expressions over the whole', () => {
  assert.ok(holds('series=pump-7'), 'equal');
  assert.ok(!holds('series=pump'), 'not a part');
  assert.ok(holds('series=~"pump-[0-9]"'), 'regular expression');
  assert.ok(!holds('series=~ump'), 'anchored');
  assert.ok(holds('series!=fan', 'severity!~info|warning'), 'all of them match');
  assert.ok(!holds('series=pump-7', 'rule=other'), 'one does not');
});

test('a silence holds from its start to before its end; of several the one that ends last', () => {
  const silences = new Silences();
  silences.set({ id: 'a', matchers: [], startsMs: 10, endsMs: 20, by: '', comment: '' });
  silences.set({ id: 'b', matchers: [], startsMs: 15, endsMs: 30, by: '', comment: '' });
  const at = (timeMs: number) => silences.of(labels, timeMs)?.id;
  assert.deepEqual([at(9), at(10), at(15), at(29), at(30)], [undefined, 'a', 'b', 'b', undefined]);
  silences.remove('b');
  assert.equal(at(29), undefined);
});

test('what is no matcher is refused in words', () => {
  for (const text of ['', 'series', 'host=a', 'series=~(']) {
    assert.ok('problem' in parseMatcher(text), text);
  }
});

test('a matcher as text is that matcher', () => {
  const matcher = fc.record({
    name: fc.constantFrom(...LABELS),
    value: fc.stringMatching(/^[a-z0-9./"\\ -]{0,10}$/),
    isRegex: fc.constant(false),
    isEqual: fc.boolean(),
  });
  fc.assert(
    fc.property(matcher, (given) => {
      assert.deepEqual(parseMatcher(matcherText(given)), { ...given });
    }),
  );
});
