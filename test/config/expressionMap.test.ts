import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkExpressions, parseExpressions } from '../../src/config/expressionMap.ts';
import { loadSettings } from '../../src/config/load.ts';

test('as text: semicolons and line ends separate, but not within quotes', () => {
  assert.deepEqual(parseExpressions('power = u*i; hot=if(t > 9, 1, 0)\nodd = x % 2').value, {
    power: 'u*i',
    hot: 'if(t > 9, 1, 0)',
    odd: 'x % 2',
  });
  assert.deepEqual(parseExpressions("a=if(series == 'x;y', 1, 2)").value, { a: "if(series == 'x;y', 1, 2)" });
  assert.deepEqual(parseExpressions('').value, {});
  assert.match(parseExpressions('power').issues[0]!.message, /wants name=expression, got "power"/);
  assert.match(parseExpressions('a=1;a=2').issues[0]!.message, /has the name a a second time/);
});

test('in a file: a map of names to texts or numbers, with every problem at its place', () => {
  assert.deepEqual(checkExpressions({ a: 'x + 1', two: 2 }).value, { a: 'x + 1', two: '2' });
  const { issues } = checkExpressions({ 'a b': 'x', '1st': 'x', ok: 'x', empty: ' ', list: [1] });
  assert.deepEqual(
    issues.map(({ path }) => path[0]),
    ['a b', '1st', 'empty', 'list'],
  );
  assert.match(checkExpressions(['a=b']).issues[0]!.message, /wants a map of name: expression/);
});

test('flags, -X and the environment set the key; a flag may stand twice, with commas in it', async () => {
  const load = async (texts: readonly string[], env: Record<string, string>) =>
    await loadSettings({
      flags: texts.length === 0 ? [] : [{ key: 'derive', name: '--derive', texts }],
      extras: [],
      env: { HOME: '/nowhere', ...env },
      cwd: '/nowhere',
      ignoreProfile: true,
    });
  const twice = await load(['a=min(x, y)', 'b=a + 1'], {});
  assert.deepEqual(twice.get('derive'), { a: 'min(x, y)', b: 'a + 1' });
  assert.deepEqual((await load([], { ANOMALY_DERIVE: 'a=max(x, y);b=2' })).get('derive'), { a: 'max(x, y)', b: '2' });
  assert.deepEqual((await load([], {})).get('derive'), {});
});
