import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PipelineDefinition } from '../../../src/engine/definition.ts';
import type { JournalDraft, ScoresRecord } from '../../../src/runtime/journal/journalRecord.ts';
import { type Handed, PartitionScores } from '../../../src/runtime/model/partitionScores.ts';
import { definitionOf, Fed } from '../../engine/helpers/seriesStream.ts';

const BY = { name: 'counter', sha256: 'c' };

function definition(): PipelineDefinition {
  const { score, ...rest } = definitionOf('window', 'kpi');
  return { ...rest, score: { ...score!, model: { length: 1, channels: [0], scaling: 'none', stepMs: 60_000 } } };
}

/** A partition whose model says how often it was asked before. */
class Counted {
  readonly fed = new Fed(definition());
  readonly scores: PartitionScores;
  said = 0;

  constructor() {
    this.scores = new PartitionScores(
      this.fed.pipeline,
      {
        onFused: () => this.fed.take(),
        onAsked: () => {
          for (let handed = this.scores.hand(1); handed !== undefined; handed = this.scores.hand(1))
            this.#answer(handed);
        },
        onMissing: (offset) => assert.fail(`no score for ${offset}`),
      },
      { backlogAfterMs: 0, now: () => 0, ticks: () => 0 },
    );
  }

  #answer(handed: Handed): void {
    this.scores.take(handed, { scores: Float32Array.of(this.said++), models: [BY] });
  }

  silence(watermark: number): void {
    this.fed.pipeline.advanceWatermark(watermark);
    this.scores.advance();
  }
}

test('a state that was cut in a silence does not take the scores of what it has closed already', () => {
  const live = new Counted();
  live.scores.begin(0, []);
  const records: ScoresRecord[] = [];
  const commit = (offset: number) => {
    for (const draft of live.scores.drafts(offset) as Extract<JournalDraft, { type: 'scores' }>[]) {
      records.push({ topic: 't', partition: 0, generation: 1, member: 'm', ...draft });
    }
  };
  const list = [0, 90, 190, 290, 390].map((time, i) => ({ series: i % 2 ? 's0' : 's2', time, value: i }));
  live.fed.feed([...list, { series: 's0', time: 410, value: 1 }, { series: 's2', time: 520, value: 2 }]);
  live.scores.advance();
  commit(7);
  live.silence(500);
  commit(7);
  const state = live.fed.pipeline.snapshot();
  const [before, asked] = [live.said, records.length];
  live.silence(600);
  commit(7);
  assert.ok(records.length > asked, 'nothing was asked in the second silence');

  const again = new Counted();
  again.fed.pipeline.restore(state, new Set());
  again.scores.begin(
    7,
    records.filter(({ from }) => from >= 7),
  );
  // Closed already: changes nothing.
  again.fed.pipeline.advanceWatermark(500);
  again.scores.replayed();
  again.fed.pipeline.advanceWatermark(600);
  again.scores.replayed();
  assert.equal(again.said, 0);
  const rows = (counted: Counted) => counted.fed.pipeline.snapshot().map(({ id, bytes }) => [id, Buffer.from(bytes)]);
  assert.deepEqual(rows(again), rows(live));
  assert.ok(live.said > before);
});
