import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mahalanobis, modelWidth } from '../../../src/engine/watches/mahalanobis.ts';
import { normal, type Reading, seeded, Watched, watching } from './helpers/watched.ts';

const FIELDS = ['flow', 'pressure', 'power', 'heat'];

/** Four channels of two common causes; `bent` replaces values of a row. */
function rows(count: number, seed: number, bent: (i: number, row: number[]) => void = () => {}): number[][] {
  const noise = normal(seeded(seed));
  return Array.from({ length: count }, (_, i) => {
    const [a, b] = [noise(), noise()];
    const row = [a + 0.1 * noise(), 2 * a + 0.1 * noise() + 50, a + b + 0.1 * noise(), b + 0.1 * noise() - 7];
    bent(i, row);
    return row;
  });
}

test('distances are those of the shrunk correlation, solved as a whole', () => {
  const list = rows(64, 1);
  const one = new Mahalanobis(4);
  const model = new Float64Array(modelWidth(4));
  for (const row of list) one.learn(model, 0, row as unknown as Float64Array);
  const last = [1, 52, 3, -6];
  one.measure(model, 0, last as unknown as Float64Array);
  // The same by the textbook: covariance, correlation, shrinkage, inverse by elimination.
  const mean = [0, 1, 2, 3].map((c) => list.reduce((sum, row) => sum + row[c]!, 0) / 64);
  const expected = distance(
    list.map((row) => row.map((x, c) => x - mean[c]!)),
    last.map((x, c) => x - mean[c]!),
  );
  assert.ok(Math.abs(one.ofValues - expected) < 1e-9 * expected, `${one.ofValues} ${expected}`);
  const steps = list.slice(1).map((row, i) => row.map((x, c) => x - list[i]![c]!));
  const ofSteps = distance(
    steps,
    last.map((x, c) => x - list[63]![c]!),
  );
  assert.ok(Math.abs(one.ofDifferences - ofSteps) < 1e-9 * ofSteps, `${one.ofDifferences} ${ofSteps}`);
});

function distance(deviations: number[][], x: number[]): number {
  const lambda = 0.01 + 4 / 64;
  const cov = (a: number, b: number) => deviations.reduce((sum, row) => sum + row[a]! * row[b]!, 0) / 64;
  const sd = [0, 1, 2, 3].map((c) => Math.sqrt(cov(c, c)));
  const m = [0, 1, 2, 3].map((a) => [
    ...[0, 1, 2, 3].map((b) => (a === b ? 1 : ((1 - lambda) * cov(a, b)) / sd[a]! / sd[b]!)),
    x[a]! / sd[a]!,
  ]);
  for (let p = 0; p < 4; p++) {
    for (let r = 0; r < 4; r++) {
      if (r === p) continue;
      const factor = m[r]![p]! / m[p]![p]!;
      for (let c = p; c <= 4; c++) m[r]![c] = m[r]![c]! - factor * m[p]![c]!;
    }
  }
  return Math.sqrt([0, 1, 2, 3].reduce((sum, c) => sum + (x[c]! / sd[c]!) * (m[c]![4]! / m[c]![c]!), 0));
}

test('values that are usual one by one and unusual together are told, with the channel first', () => {
  const list = rows(4_000, 2, (i, row) => {
    // Within its own range, but not with the flow as it is.
    if (i >= 3_000 && i < 3_005) row[1] = 100 - row[1]! + (row[1]! > 50 ? -1 : 1);
  });
  const readings = list.map((values, i): Reading => ({ series: 'pump', time: i * 60_000, values }));
  const { alerts } = new Watched(watching([{ watch: 'multivariate', threshold: 7 }], FIELDS)).feed(readings);
  assert.ok(alerts.length >= 1);
  assert.deepEqual(
    alerts.map(({ rule }) => rule).filter((rule) => rule !== 'multivariate@record'),
    [],
  );
  assert.ok(
    alerts.every(({ start }) => start >= 3_000 * 60_000 && start <= 3_005 * 60_000),
    JSON.stringify(alerts.map(({ start }) => start / 60_000)),
  );
  const [alert] = alerts;
  assert.equal(alert!.parts.filter(({ score }) => score !== null).length, 3);
  const total = alert!.parts.reduce((sum, { score }) => sum + (score ?? 0), 0);
  assert.ok(total <= alert!.score * (1 + 1e-9) && total > 0.7 * alert!.score);
  assert.ok(['flow', 'pressure'].includes(alert!.field), alert!.field);
});

test('series of one asset are watched together, each group for itself, and the parts are series', () => {
  const bent = (i: number, row: number[]) => {
    if (i === 3_000) row[1] = 100 - row[1]! + (row[1]! > 50 ? -1 : 1);
  };
  const readings: Reading[] = [];
  const [first, second] = [rows(4_000, 3, bent), rows(4_000, 4)];
  for (let i = 0; i < 4_000; i++) {
    for (const [asset, list] of [
      ['pump-1', first],
      ['pump-2', second],
    ] as const) {
      // Each at a second of its own, and one of fifty lost.
      FIELDS.forEach((field, c) => {
        if ((i * 7 + c) % 50 !== 9)
          readings.push({ series: `${asset}/${field}`, time: i * 60_000 + c * 1000, values: list[i]![c]! });
      });
    }
  }
  const { alerts } = new Watched(watching([{ watch: 'multivariate', groupBy: '/', threshold: 7 }])).feed(readings);
  assert.ok(alerts.length >= 1, 'none');
  const [alert] = alerts;
  assert.ok(
    alerts.every(({ series }) => series.startsWith('pump-1/')),
    JSON.stringify(alerts.map(({ series, start }) => [series, start / 60_000])),
  );
  assert.ok(Math.abs(alert!.start / 60_000 - 3_000) < 1.1, `${alert!.start / 60_000}`);
  assert.equal(alert!.rule, 'multivariate@value');
  assert.ok(
    alert!.parts.every(({ name }) => name.startsWith('pump-1/')),
    JSON.stringify(alert!.parts),
  );
  assert.equal(new Set(alert!.parts.map(({ name }) => name)).size, 3);
});
