import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ScoresRecord } from '../../../src/runtime/journal/journalRecord.ts';
import { decodeJournalRecord, encodeJournalRecord } from '../../../src/runtime/journal/journalRecord.ts';
import { JournaledScores } from '../../../src/runtime/model/journaledScores.ts';
import { ScoreLog } from '../../../src/runtime/model/scoreLog.ts';

const PLACE = { topic: 't', partition: 0, generation: 1, member: 'm' };
const MODELS = [{ name: 'a', sha256: '1' }, { name: 'b', version: '2' }, { name: 'c' }];

function written(log: ScoreLog, to: number): ScoresRecord[] {
  return log.take(to).map((draft) => {
    const record = { ...PLACE, ...draft } as ScoresRecord;
    return decodeJournalRecord(encodeJournalRecord(record), 'here') as ScoresRecord;
  });
}

const row = fc.record({
  step: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 3 }) }, fc.integer({ min: 100, max: 2 ** 40 })),
  score: fc.oneof(fc.float(), fc.constant(NaN)),
  model: fc.nat(2),
});

test('what is journaled comes back: offsets, scores to the bit, models, whatever the commits', () => {
  fc.assert(
    fc.property(fc.array(fc.array(row, { maxLength: 30 }), { maxLength: 6 }), fc.nat(1000), (commits, start) => {
      const log = new ScoreLog(start);
      const records: ScoresRecord[] = [];
      const rows: { offset: number; score: number; model: number }[] = [];
      let offset = start;
      for (const commit of commits) {
        for (const { step, score, model } of commit) {
          offset += step;
          rows.push({ offset, score, model });
          const by = Uint8Array.of(model);
          log.add({
            offsets: Float64Array.of(offset),
            scores: Float32Array.of(score),
            first: rows.length - 1,
            models: MODELS,
            by,
          });
        }
        offset++;
        records.push(...written(log, offset));
      }
      const journaled = new JournaledScores(records);
      for (const { offset: at, score, model } of rows) {
        assert.ok(journaled.take(at));
        assert.ok(Object.is(journaled.score, score) || (Number.isNaN(score) && Number.isNaN(journaled.score)));
        assert.deepEqual(journaled.model, MODELS[model]);
      }
      assert.ok(journaled.isEmpty);
    }),
  );
});

test('scores of a commit that did not come through are replaced by what its successor journaled of the same offsets', () => {
  const log = (from: number, offsets: readonly number[], score: number, to: number) => {
    const own = new ScoreLog(from);
    const scores = new Float32Array(offsets.length).fill(score);
    own.add({ offsets: Float64Array.from(offsets), scores, first: 0, models: [MODELS[0]!] });
    return written(own, to);
  };
  // A row of a closing at offset 10 was asked at record 9.
  const records = [...log(0, [3, 9], 1, 10), ...log(10, [9, 11, 15], 2, 20), ...log(10, [11], 3, 14)];
  const journaled = new JournaledScores(records);
  const taken = [3, 9, 9, 11].map((offset) => (journaled.take(offset) ? journaled.score : NaN));
  assert.deepEqual(taken, [1, 1, 2, 3]);
  assert.equal(journaled.take(15), false);
});

test('many scores come in parts that a broker takes', () => {
  const log = new ScoreLog(0);
  const count = 130_000;
  const offsets = Float64Array.from({ length: count }, (_, i) => i);
  log.add({ offsets, scores: new Float32Array(count).fill(0.5), first: 0, models: [MODELS[0]!] });
  const records = written(log, count);
  assert.deepEqual(
    records.map(({ part }) => part),
    [0, 1, 2],
  );
  for (const record of records) assert.ok(encodeJournalRecord(record).length < 700_000);
  const journaled = new JournaledScores(records);
  for (let i = 0; i < count; i += 1) assert.ok(journaled.take(i));
});

test('a journal whose scores do not fit their offsets is refused by name', () => {
  const log = new ScoreLog(0);
  log.add({ offsets: Float64Array.of(1, 2), scores: Float32Array.of(1, 2), first: 0, models: [MODELS[0]!] });
  const [record] = written(log, 5);
  assert.throws(() => new JournaledScores([{ ...record!, scores: record!.scores.slice(0, 4) }]), {
    code: 'ANM_JOURNAL_CORRUPT',
    message: /t\/0.*offsets 0 to 4/,
  });
});
