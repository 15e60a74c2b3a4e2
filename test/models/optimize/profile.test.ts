import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ModelBench, windowsOf } from '../../../src/models/optimize/measure.ts';
import { alertsOf, scoreDifference, scoreWindows, seriesWindows } from '../../../src/models/optimize/scoreData.ts';
import { judge } from '../../../src/models/optimize/verdict.ts';
import { rawScores } from '../../../src/models/training/scores.ts';
import { trainModel } from '../../../src/models/training/trainModel.ts';
import { fillWindows } from '../../../src/models/training/windowSet.ts';
import { bells } from '../../helpers/statistics.ts';
import { modelPath } from '../fixtures.ts';
import { finish, trainOptions, waves } from '../helpers/trainingSeries.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'anomaly-profile-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

test('a bench measures models in threads of their own, and scores as the trainer does', async () => {
  const series = [waves('a', 700, 1, 1), waves('b', 500, 1, 2)];
  const trained = finish(trainModel(series, trainOptions({ epochs: 1 })));
  const path = join(dir, 'model.onnx');
  writeFileSync(path, trained.bytes);
  let nowMs = 0;
  const gauges = { nowMs: () => nowMs++, residentBytes: () => 1000 * nowMs };
  const options = { runtime: { runtime: 'web' as const, threads: 1 }, batches: [1, 16], perFigureMs: 30, gauges };
  const bench = await ModelBench.open([path, path], {}, options);
  try {
    assert.deepEqual(bench.specOf(1), trained.spec);
    const shares: number[] = [];
    const [first] = await bench.measure((share) => shares.push(share));
    assert.equal(shares.at(-1), 1);
    assert.equal(shares.length, 20);
    // The clock goes on by 1 ms at each look, so a run takes one, and a turn of 3 ms has three of them.
    assert.equal(first!.latencyP50Ms, 1);
    assert.deepEqual(first!.throughput, [
      { batch: 1, windowsPerSecond: 1000 },
      { batch: 16, windowsPerSecond: 16_000 },
    ]);
    assert.match(first!.runtime, /^onnxruntime-web 1\./);

    const [windows] = seriesWindows(series, trained.spec, 300_000);
    assert.equal(windows!.records.length, 700 - 60 - trained.spec.length);
    assert.equal(windows!.records[0], 60 + trained.spec.length);
    const scores = await scoreWindows(windows!, 16, (rows, values) => bench.score(0, rows, values));
    const { model, windows: set } = trained;
    const inputs = new Float64Array(model.batch * 13);
    const starts = Int32Array.from({ length: 40 }, (_, i) => i);
    fillWindows(set, starts, 0, 40, inputs);
    model.run(inputs, 40);
    const expected = rawScores(model, inputs, 40, set);
    expected.forEach((score, i) => {
      assert.ok(Math.abs(score - scores[i]!) < 1e-5);
    });
  } finally {
    await bench.close();
  }
});

test('the size of a model is that of its weights, too, where they are in files beside it', async () => {
  const gauges = { nowMs: () => performance.now(), residentBytes: () => 0 };
  const options = { runtime: { runtime: 'web' as const, threads: 1 }, batches: [1], perFigureMs: 1, gauges };
  const spec = { kind: 'score', length: 2, channels: ['value'], scaling: 'none' } as const;
  const bench = await ModelBench.open([modelPath('external')], spec, options);
  try {
    const [only] = await bench.measure(() => {});
    const files = [modelPath('external'), `${modelPath('external')}.data`];
    assert.equal(
      only!.bytes,
      files.reduce((sum, file) => sum + statSync(file).size, 0),
    );
  } finally {
    await bench.close();
  }
});

test('a model that cannot be opened is named, and no thread stays', async () => {
  const path = join(dir, 'bad.onnx');
  writeFileSync(path, 'no model');
  const gauges = { nowMs: () => 0, residentBytes: () => 0 };
  const options = { runtime: { runtime: 'web' as const, threads: 1 }, batches: [1], perFigureMs: 1, gauges };
  await assert.rejects(ModelBench.open([path], {}, options), { code: 'ANM_MODEL_FILE', message: /bad\.onnx/ });
});

test('alerts are the scores far in the tail of those before; the same scores agree fully, others less', () => {
  const noise = bells(3);
  const scores = Float32Array.from({ length: 3000 }, () => Math.abs(noise()));
  const spikes = [1000, 1800, 2500];
  for (const at of spikes) scores[at] = 12;
  const alerts = alertsOf(scores, 4);
  for (const at of spikes) assert.ok(alerts.includes(at));
  assert.ok(alerts.length < 10);
  const [one, other] = [[scores], [scores.slice()]];
  assert.deepEqual(scoreDifference(one, other, 4), {
    ...{ windows: 3000, meanShare: 0, agreement: 1 },
    ...{ alerts: alerts.length, baseAlerts: alerts.length },
  });
  other[0]![1800] = 0.5;
  other[0]![2502] = 12;
  other[0]![2500] = 0.5;
  const found = scoreDifference(one, other, 4);
  assert.ok(found.agreement < 1 && found.agreement > 0.5, `${found.agreement}`);
  // An alert two windows later is the same one; the one that is gone is missed.
  assert.equal(found.alerts, found.baseAlerts - 1);
  assert.ok(found.meanShare > 0);
  assert.equal(scoreDifference([new Float32Array(10)], [new Float32Array(10)], 4).agreement, 1);
});

test('the verdict follows from what was measured', () => {
  assert.deepEqual(judge({ speed: 1.5, size: 0.5, f1: [0.6, 0.6] }), { verdict: 'use', reason: '1.50x the speed' });
  assert.equal(judge({ speed: 3, size: 0.2, f1: [0.5, 0.6] }).verdict, 'keep base');
  assert.match(judge({ speed: 3, size: 0.2, f1: [0.5, 0.6] }).reason, /F1 falls from 0\.600 to 0\.500/);
  assert.equal(judge({ speed: 3, size: 0.2, agreement: 0.9 }).verdict, 'keep base');
  // Labels say more than the base does.
  assert.equal(judge({ speed: 3, size: 0.2, agreement: 0.9, f1: [0.6, 0.6] }).verdict, 'use');
  assert.equal(judge({ speed: 0.3, size: 0.4, agreement: 1 }).verdict, 'size only');
  assert.equal(judge({ speed: 1.05, size: 1, agreement: 1 }).verdict, 'keep base');
  assert.match(judge({ speed: 1.4, size: 0.5 }).reason, /not held against data/);
});

test('windows for speed are finite and vary', () => {
  const windows = windowsOf({ kind: 'forecast', length: 4, channels: ['a', 'b'], scaling: 'none' }, 3);
  assert.equal(windows.length, 3 * 5 * 2);
  assert.ok(windows.every(Number.isFinite));
  assert.ok(new Set(windows).size > 20);
});
