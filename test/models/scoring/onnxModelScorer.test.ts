import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAnomalyError } from '../../../src/errors.ts';
import { ModelThread } from '../../../src/models/runtime/modelThread.ts';
import { OnnxBackend } from '../../../src/models/scoring/onnxBackend.ts';
import { OnnxModelScorer, type OnnxScorerOptions } from '../../../src/models/scoring/onnxModelScorer.ts';
import { EXPECTED, modelBytes, modelPath, RUNTIME } from '../fixtures.ts';
import { ManualScoringClock } from './scriptedModel.ts';

const folder = mkdtempSync(join(tmpdir(), 'anomaly-models-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const source = { path: modelPath('lstm-forecast') };
/** Three windows as in expected.json, each with the scored value 0 behind it. */
const windows = Float32Array.from({ length: 27 }, (_, i) =>
  i % 9 === 8 ? 0 : EXPECTED['lstm-forecast']!.input[Math.floor(i / 9) * 8 + (i % 9)]!,
);

/** Takes far longer than a thread takes to end. */
const LONG = { rows: 20_000, windows: new Float32Array(20_000 * 9) };

function open(options: Partial<OnnxScorerOptions> = {}): Promise<OnnxModelScorer> {
  return OnnxModelScorer.open({
    source,
    name: 'pump',
    runtime: RUNTIME,
    guard: { timeoutMs: 10_000, batch: 8 },
    ...options,
  });
}

/** Turns of the loop until it holds; the test's own timeout bounds it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isAnomalyError(error) ? error.code : String(error);
}

test('a model in a thread scores as the reference does, and says who it is', async () => {
  const scorer = await open({ version: '3' });
  const { scores, fallback } = await scorer.score({ rows: 3, windows });
  assert.equal(fallback, undefined);
  for (const [i, value] of EXPECTED['lstm-forecast']!.output.entries()) {
    assert.ok(Math.abs(scores[i]! - Math.abs(value)) < 1e-5);
  }
  const { identity, opened } = scorer;
  assert.match(identity.sha256!, /^[0-9a-f]{64}$/);
  assert.deepEqual({ ...identity, sha256: '' }, { name: 'pump', version: '3', sha256: '' });
  assert.equal(opened.runtime, `onnxruntime-${RUNTIME.runtime}`);
  assert.deepEqual(opened.windows?.batchSizes, [1, 2, 4, 8]);
  await scorer.close();
  assert.equal((await scorer.score({ rows: 3, windows })).fallback, 'error');
});

test('the model that comes with the tool needs no configuration', async () => {
  const path = fileURLToPath(new URL('../../../fixtures/demo-model/nab-demo.onnx', import.meta.url));
  const scorer = await open({ source: { path } });
  const { kind, length, channels, scaling } = scorer.spec;
  assert.deepEqual(
    { kind, length, channels, scaling },
    { kind: 'forecast', length: 24, channels: ['value'], scaling: 'residual' },
  );
  const { scores } = await scorer.score({ rows: 2, windows: new Float32Array(50).fill(0.5).fill(8, 49) });
  assert.ok(scores[0]! < 1 && scores[1]! > 5, `${scores}`);
  await scorer.close();
});

test('the event loop turns while a model computes', async () => {
  const scorer = await open();
  let turns = 0;
  let isDone = false;
  const many = new Float32Array(9 * 4000).fill(0.1);
  const scored = scorer.score({ rows: 4000, windows: many }).then(() => {
    isDone = true;
  });
  while (!isDone) {
    turns++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await scored;
  assert.ok(turns > 10, `${turns} turns`);
  assert.equal(scorer.counters().scored, 4000);
  await scorer.close();
});

test('many callers at once get their own scores', async () => {
  const scorer = await open({ guard: { timeoutMs: 10_000, batch: 8, inFlight: 2 } });
  const alone = await scorer.score({ rows: 3, windows });
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      scorer.score({ rows: 1, windows: windows.subarray((i % 3) * 9, (i % 3) * 9 + 9) }),
    ),
  );
  for (const [i, { scores }] of results.entries()) assert.ok(Math.abs(scores[0]! - alone.scores[i % 3]!) < 1e-6);
  assert.ok(scorer.counters().calls < 20, 'rows that wait share a run');
  await scorer.close();
});

test('a model without numbers falls back, and opens the breaker', async () => {
  const spec = { kind: 'score', length: 0, channels: ['a', 'b', 'c'] } as const;
  const guard = { timeoutMs: 10_000, batch: 4, breaker: { failures: 2, firstPauseMs: 60_000, longestPauseMs: 60_000 } };
  const scorer = await open({ source: { path: modelPath('nan-output') }, spec, guard });
  const request = { rows: 2, windows: new Float32Array(6) };
  assert.equal((await scorer.score(request)).fallback, 'invalid-output');
  assert.equal((await scorer.score(request)).fallback, 'invalid-output');
  assert.equal((await scorer.score(request)).fallback, 'breaker-open');
  assert.equal(scorer.counters().availability, 0);
  await scorer.close();
});

test('what cannot be loaded fails at the start, with its own code, and leaves no thread', async () => {
  assert.equal(await codeOf(open({ source: { path: modelPath('nowhere') } })), 'ANM_MODEL_FILE');
  assert.equal(
    await codeOf(
      open({
        source: { path: modelPath('unknown-op') },
        spec: { kind: 'score', length: 0, channels: ['a', 'b', 'c'] },
      }),
    ),
    'ANM_MODEL_UNSUPPORTED',
  );
  assert.equal(await codeOf(open({ spec: { length: 9 } })), 'ANM_MODEL_SPEC');
  assert.equal(await codeOf(open({ sha256: '0'.repeat(64) })), 'ANM_MODEL_FILE');
});

test('a thread that hangs is ended and started again, and what it had falls back', async () => {
  const clock = new ManualScoringClock();
  const backend = await OnnxBackend.open({ source, name: 'pump', runtime: RUNTIME, batch: 8, clock });
  const first = await backend.score({ rows: 3, windows });
  const hung = backend.score(LONG);
  clock.advance(30_000);
  assert.equal(await codeOf(hung), 'ANM_MODEL_WORKER');
  await until(() => clock.timers === 1);
  assert.equal(await codeOf(backend.score({ rows: 3, windows })), 'ANM_MODEL_WORKER');
  clock.advance(500);
  await until(() => backend.restarts === 1);
  assert.deepEqual(await backend.score({ rows: 3, windows }), first);
  await backend.close();
  assert.equal(clock.timers, 0);
});

test('a thread is started again with the same model only', async () => {
  const path = join(folder, 'swapped.onnx');
  copyFileSync(modelPath('lstm-forecast'), path);
  const clock = new ManualScoringClock();
  const backend = await OnnxBackend.open({ source: { path }, name: 'pump', runtime: RUNTIME, batch: 8, clock });
  copyFileSync(modelPath('baked-batch'), path);
  const hung = backend.score(LONG);
  clock.advance(30_000);
  assert.equal(await codeOf(hung), 'ANM_MODEL_WORKER');
  await until(() => clock.timers === 1);
  clock.advance(500);
  await until(() => clock.timers === 1);
  const refused = await backend.score({ rows: 3, windows }).catch((error: Error) => error.message);
  assert.match(String(refused), /is being started again: .*swapped\.onnx has the sha256 \w+, but \w+ was to be loaded/);
  copyFileSync(modelPath('lstm-forecast'), path);
  clock.advance(1000);
  await until(() => backend.restarts === 1);
  assert.equal((await backend.score({ rows: 3, windows })).length, 3);
  await backend.close();
});

test('a thread without windows runs tensors of any type, from bytes in memory', async () => {
  const name = 'isolation-forest';
  const thread = await ModelThread.open({ source: { name, bytes: modelBytes(name) }, runtime: RUNTIME });
  const { input, output } = EXPECTED[name]!;
  const feeds = { X: { type: 'float32', dims: [4, 3], data: Float32Array.from(input) } } as const;
  const { label } = await thread.run(feeds, ['label']);
  assert.deepEqual(label, {
    type: 'int64',
    dims: [4, 1],
    data: BigInt64Array.from(output, (value) => (value < 0 ? -1n : 1n)),
  });
  assert.deepEqual(
    thread.opened.opsets,
    new Map([
      ['', 17],
      ['ai.onnx.ml', 3],
    ]),
  );
  assert.equal(await codeOf(thread.run({}, ['label'])), 'ANM_MODEL_FAILED');
  await thread.close();
  assert.equal(await codeOf(thread.run(feeds, ['label'])), 'ANM_MODEL_WORKER');
});
