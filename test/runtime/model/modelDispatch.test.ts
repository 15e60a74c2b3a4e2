import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PipelineDefinition } from '../../../src/engine/definition.ts';
import type { ModelScorer, ModelScores } from '../../../src/models/modelScorer.ts';
import { ModelDispatch } from '../../../src/runtime/model/modelDispatch.ts';
import type { ModelOptions } from '../../../src/runtime/model/modelOptions.ts';
import { definitionOf, Fed, type Reading } from '../../engine/helpers/seriesStream.ts';

/** A model that answers when the test lets it. */
class HeldScorer implements ModelScorer {
  readonly identity: ModelScorer['identity'];
  readonly spec = { kind: 'score', length: 1, channels: ['a'], scaling: 'none' } as const;
  readonly held: { rows: number; answer: (scores: ModelScores) => void }[] = [];

  constructor(identity = { name: 'held', sha256: 'h' }) {
    this.identity = identity;
  }

  score({ rows }: { readonly rows: number }): Promise<ModelScores> {
    return new Promise((answer) => this.held.push({ rows, answer }));
  }

  async close(): Promise<void> {}
}

function definition(): PipelineDefinition {
  const { score, ...rest } = definitionOf('record', 'kpi');
  const model = { length: 1, channels: [0], scaling: 'none', stepMs: 60_000 } as const;
  return { ...rest, score: { ...score!, on: null, model, limits: () => ({ min: -Infinity, max: 50 }) } };
}

/** Values of one series, one of them far above its limit. */
const READINGS: readonly Reading[] = Array.from({ length: 300 }, (_, i) => {
  return { series: 's0', time: i * 60_000, value: i === 250 ? 99 : (i * 7919) % 11 };
});

const NOW_MS = Date.UTC(2026, 0, 1);

function world(more: Partial<ModelOptions> = {}) {
  const scorer = new HeldScorer();
  const warnings: string[] = [];
  const clock = { ms: 0 };
  const dispatch = new ModelDispatch({
    ...{ live: scorer, uri: 'held', batch: 16, inFlight: 2, timeoutMs: 20, share: 0 },
    rollback: { withinMs: 0, values: 100, errorRate: 0.05, latencyMs: 20, drift: 5 },
    ...{ backlogAfterMs: 60_000, now: () => NOW_MS + clock.ms, ticks: () => clock.ms },
    ...more,
    logger: { info: () => {}, warn: (text) => warnings.push(text) },
  });
  const fed = new Fed(definition());
  const partition = dispatch.open(fed.pipeline, 't/0', () => fed.take());
  partition.begin(0, []);
  return { scorer, warnings, clock, dispatch, fed, partition };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('live values that wait too long for a slow model are left to the detector; a backlog waits for it', async () => {
  const { scorer, clock, dispatch, fed, partition, warnings } = world();
  fed.feed(READINGS);
  partition.advance();
  const { waiting } = dispatch;
  assert.ok(waiting > 200, `${waiting} wait`);
  clock.ms = 5000;
  dispatch.turn();
  assert.equal(dispatch.waiting, waiting);
  partition.caughtUp();
  dispatch.turn();
  // What the model has is its own to answer, and the rows behind it keep their turn.
  assert.equal(dispatch.waiting, waiting);
  assert.equal(fed.alerts.length, 0);
  for (let k = 0; k < scorer.held.length; k++) {
    const { rows, answer } = scorer.held[k]!;
    answer({ scores: new Float32Array(rows).fill(1), latencyMs: 25 });
    await settle();
  }
  assert.equal(dispatch.waiting, 0);
  const { asked, scored, fallbacks } = dispatch.reading();
  assert.equal(asked - scored, fallbacks['deadline']);
  assert.ok(scored > 0 && scored < 50, `${scored} of ${asked}`);
  const above = (fed.alerts as unknown[][]).find((alert) => alert[2] === 99);
  assert.equal(above?.[3], 8);
  clock.ms = 70_000;
  dispatch.turn();
  assert.match(
    warnings.join('\n'),
    /held gave no score for \d\d\.\d % of the last \d+ values \(deadline \d+\): the detector alone/,
  );
});

test('the end of a run waits for no answer that may never come', async () => {
  const { dispatch, fed, partition } = world();
  fed.feed(READINGS);
  partition.advance();
  const drained = dispatch.drained();
  assert.ok(drained !== undefined);
  dispatch.close();
  await drained;
  assert.equal(dispatch.drained(), undefined);
});

test('young records are live wherever the input ends, old ones are a backlog', () => {
  const { clock, dispatch, fed, partition } = world();
  fed.feed(READINGS);
  partition.advance();
  const { waiting } = dispatch;
  partition.heard(NOW_MS - 60_001);
  clock.ms = 500;
  dispatch.turn();
  assert.equal(partition.isLive, false);
  assert.equal(dispatch.reading().fallbacks['deadline'], undefined);
  partition.heard(NOW_MS - 10_000);
  dispatch.turn();
  assert.equal(partition.isLive, true);
  assert.ok(
    dispatch.reading().fallbacks['deadline']! > waiting / 2,
    'what waited for too long goes on without a score',
  );
});

test('a stand-in scores what the model does not, and the rest is the model’s', async () => {
  const second = new HeldScorer({ name: 'second', sha256: 's' });
  const { scorer, dispatch, fed, partition } = world({ standIn: second });
  fed.feed(READINGS);
  partition.advance();
  for (let k = 0; dispatch.waiting > 0; k++) {
    assert.ok(k < 1000, 'every value has its score at last');
    const { rows, answer } = scorer.held[k]!;
    // Every other row of the model's answers is missing.
    const scores = Float32Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? NaN : 1));
    answer({ scores, fallback: 'error', latencyMs: 1 });
    await settle();
    const stood = second.held[k]!;
    assert.equal(stood.rows, Math.ceil(rows / 2));
    stood.answer({ scores: new Float32Array(stood.rows).fill(2), latencyMs: 1 });
    await settle();
  }
  const { asked, scored, standIn } = dispatch.reading();
  assert.equal(standIn?.name, 'second');
  assert.equal(scored + standIn.scored, asked);
  assert.ok(scored < asked && standIn.scored < asked, 'each has a part');
  const drafts = partition.drafts(300);
  const models = drafts.flatMap((draft) => (draft.type === 'scores' ? JSON.stringify(draft) : []));
  assert.match(models.join('\n'), /held(.|\n)*second/);
});

test('what waits too long for a slow model is the stand-in’s as far as it has room, and the rest goes on', async () => {
  const second = new HeldScorer({ name: 'second', sha256: 's' });
  const { scorer, clock, dispatch, fed, partition } = world({ standIn: second });
  fed.feed(READINGS);
  partition.advance();
  partition.caughtUp();
  clock.ms = 21;
  partition.caughtUp();
  const mine = scorer.held.reduce((sum, { rows }) => sum + rows, 0);
  dispatch.turn();
  const stood = second.held[0]!;
  // An eighth of a batch of 16, twice, is what a model gets at first.
  assert.equal(stood.rows, 4);
  const { asked, fallbacks } = dispatch.reading();
  assert.equal(fallbacks['deadline'], asked);
  assert.ok(asked > 200, `${asked} did not wait for the model`);
  stood.answer({ scores: new Float32Array(stood.rows).fill(2), latencyMs: 1 });
  await settle();
  // They keep their turn behind what the model has.
  assert.ok(dispatch.waiting > asked, `${dispatch.waiting} wait`);
  for (const { rows, answer } of scorer.held) answer({ scores: new Float32Array(rows).fill(1), latencyMs: 1 });
  await settle();
  assert.equal(dispatch.waiting, 0);
  const after = dispatch.reading();
  assert.equal(after.scored, mine);
  assert.equal(after.standIn?.scored, stood.rows);
  const scores = partition.drafts(300).flatMap((draft) => (draft.type === 'scores' ? [draft] : []));
  assert.deepEqual(
    scores.flatMap(({ models }) => models.map(({ name }) => name)),
    ['held', 'second'],
  );
});
