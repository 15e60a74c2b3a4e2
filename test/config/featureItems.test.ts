import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkItems, parseItems } from '../../src/config/items.ts';

const HOUR_MS = 3_600_000;

function featuresOf(...texts: string[]): unknown {
  const { issues, value } = parseItems('features', texts);
  assert.deepEqual(issues, []);
  return value;
}

function problemsOf(...items: object[]): string[] {
  return checkItems('features', items).issues.map(({ path, message }) => `${path.join('.')} ${message}`);
}

test('as a flag: name=statistic:of, with what the statistic needs behind it', () => {
  assert.deepEqual(featuresOf('m=mean:w5m.mean:12', 'h=median:value:1h', 'd=difference:value'), [
    { name: 'm', statistic: 'mean', of: 'w5m.mean', rolling: 12 },
    { name: 'h', statistic: 'median', of: 'value', rollingMs: HOUR_MS },
    { name: 'd', statistic: 'difference', of: 'value' },
  ]);
  assert.deepEqual(featuresOf('day=same_time:value:1d', 'week=same_time:value:7d:1h', 'same=same_time:value'), [
    { name: 'day', statistic: 'same_time', of: 'value', agoMs: 24 * HOUR_MS, toleranceMs: 900_000 },
    { name: 'week', statistic: 'same_time', of: 'value', agoMs: 168 * HOUR_MS, toleranceMs: HOUR_MS },
    { name: 'same', statistic: 'same_time', of: 'value', agoMs: 24 * HOUR_MS, toleranceMs: 900_000 },
  ]);
  assert.match(parseItems('features', ['m=mean:value:12:13']).issues[0]!.message, /wants name=mean:field:12, /);
});

test('in a file: rolling is a number or a duration, and ago alone means same_time', () => {
  const { value, issues } = checkItems('features', [
    { name: 'a', of: 'value', rolling: 12 },
    { name: 'b', of: 'value', rolling: '1h', statistic: 'ewma' },
    { name: 'c', of: 'value', ago: '7d', tolerance: '30m' },
  ]);
  assert.deepEqual(issues, []);
  assert.deepEqual(value, [
    { name: 'a', statistic: 'mean', of: 'value', rolling: 12 },
    { name: 'b', statistic: 'ewma', of: 'value', rollingMs: HOUR_MS },
    { name: 'c', statistic: 'same_time', of: 'value', agoMs: 168 * HOUR_MS, toleranceMs: HOUR_MS / 2 },
  ]);
});

test('what does not go together is refused at its place', () => {
  const of = 'value';
  assert.deepEqual(
    problemsOf(
      { name: 'a', of },
      { name: 'b', of, rolling: 0 },
      { name: 'c', of, rolling: 1.5 },
      { name: 'd', of, rolling: 'long' },
      { name: 'e', of, rolling: '0s' },
      { name: 'f', of, statistic: 'difference', rolling: 3 },
      { name: 'g', of, statistic: 'same_time', rolling: '1h' },
      { name: 'h', of, rolling: 3, statistic: 'mean', ago: '1d' },
      { name: 'i', of, ago: '10m' },
      { name: 'j', of, rolling: 3, statistic: 'avg' },
    ),
    [
      '0 misses rolling, which mean needs: a number of values, or a duration',
      '1.rolling must be from 1 to 100000 values, got 0',
      '2.rolling wants a whole number of values, or a duration such as 1h, got 1.5',
      '3.rolling wants a number of values, or a duration such as 1h, got "long"',
      '4.rolling must be at least 1ms, got "0s"',
      '5.rolling does not belong to difference',
      '6.rolling does not belong to same_time: it has ago',
      '7.ago belongs to same_time, not to mean',
      '8.tolerance must be shorter than ago (by default 15m and 1d)',
      '9.statistic wants mean, stddev, z, median, min, max, sum, count, ewma, difference, rate_of_change or same_time, got "avg"',
    ],
  );
});
