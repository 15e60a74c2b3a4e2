import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normal, type Reading, seeded, Watched, watching } from './helpers/watched.ts';

/** Eight pumps that follow one load, each with an offset of its own. */
function group(count: number, seed: number, added: (i: number, k: number) => number): Reading[] {
  const noise = normal(seeded(seed));
  const list: Reading[] = [];
  let load = 50;
  for (let i = 0; i < count; i++) {
    // All of them jump together now and then.
    load += noise() + (i % 500 === 0 ? 30 * noise() : 0);
    for (let k = 0; k < 8; k++) {
      list.push({ series: `pump-${k}`, time: i * 60_000 + k * 500, values: load + 3 * k + noise() + added(i, k) });
    }
  }
  return list;
}

test('a series that leaves its group is told, a move of all of them is not', () => {
  const list = group(4_000, 11, (i, k) => (k === 3 && i >= 3_000 && i < 3_060 ? 40 : 0));
  const { alerts } = new Watched(watching([{ watch: 'peers', groupBy: '*' }])).feed(list);
  assert.ok(alerts.length >= 1);
  assert.deepEqual(new Set(alerts.map(({ series }) => series)), new Set(['pump-3']));
  const [alert] = alerts;
  assert.equal(alert!.start, 3_000 * 60_000 + 1_500);
  assert.ok(alert!.value > alert!.upper! && alert!.expected! < alert!.upper!);
  // The frame was complete with the last of the eight.
  assert.equal(alert!.offset, 3_000 * 8 + 7);
});

test('a group has at least five series, and keys without the sign have none', () => {
  const list = group(1_000, 12, (i, k) => (k === 3 && i >= 900 ? 400 : 0));
  const few = list.filter(({ series }) => Number(series.slice(-1)) < 4);
  assert.deepEqual(new Watched(watching([{ watch: 'peers', groupBy: '-' }])).feed(few).alerts, []);
  assert.deepEqual(new Watched(watching([{ watch: 'peers', groupBy: '/' }])).feed(list).alerts, []);
  assert.ok(new Watched(watching([{ watch: 'peers', groupBy: '-' }])).feed(list).alerts.length > 0);
});

test('series of other groups are no peers', () => {
  const one = group(2_000, 13, () => 0);
  const other = group(2_000, 14, () => 500).map((each) => ({ ...each, series: each.series.replace('pump', 'fan') }));
  const list = [...one, ...other].sort((a, b) => a.time - b.time);
  assert.deepEqual(new Watched(watching([{ watch: 'peers', groupBy: '-' }])).feed(list).alerts, []);
});
