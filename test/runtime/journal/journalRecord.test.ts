import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAnomalyError } from '../../../src/errors.ts';
import {
  decodeJournalRecord,
  encodeJournalRecord,
  type JournalRecord,
  journalTopic,
} from '../../../src/runtime/journal/journalRecord.ts';

const PLACE = { topic: 't', partition: 3, offset: 17, generation: 4, member: 'm1' };
const SNAPSHOT = { name: 'a/b', sha256: '00', checkpoint: 'c1' };
const RECORDS: readonly JournalRecord[] = [
  { type: 'owner', ...PLACE, definition: 'd', version: '1', start: 0, reset: true },
  { type: 'owner', ...PLACE, definition: 'd', version: '1' },
  { type: 'snapshot', ...PLACE, ...SNAPSHOT, journal: 5, savepoint: 'before' },
  { type: 'restore', ...PLACE, ...SNAPSHOT },
  { type: 'idle', ...PLACE, watermark: 1e12 },
  { type: 'close', ...PLACE, watermark: 1e12 + 0.5 },
  { type: 'control', ...PLACE, command: 'pause' },
  { type: 'control', ...PLACE, command: 'savepoint a', id: '7' },
  { type: 'crash', ...PLACE, to: 18, error: 'TypeError: no' },
  { type: 'poison', ...PLACE, to: 18, reason: 'it threw' },
  { type: 'gap', ...PLACE, to: 30 },
];
const decode = (text: string) => decodeJournalRecord(new TextEncoder().encode(text), 't.journal/3 offset 9');

test('every kind comes back as it was written', () => {
  for (const record of RECORDS) assert.deepEqual(decodeJournalRecord(encodeJournalRecord(record), 'here'), record);
});

test('a kind that this version does not know is left out; more fields of a known one do no harm', () => {
  assert.equal(decode('{"type":"promote","offset":"?"}'), null);
  const [owner] = RECORDS;
  assert.equal(decode(JSON.stringify({ ...owner, more: 1 }))?.type, 'owner');
});

test('what is damaged is refused with its place', () => {
  const damaged = [
    '',
    '{"type":"idle"',
    '[]',
    'null',
    '{"offset":1}',
    '{"type":7}',
    JSON.stringify({ type: 'idle', ...PLACE }),
    JSON.stringify({ type: 'idle', ...PLACE, watermark: null }),
    JSON.stringify({ type: 'snapshot', ...PLACE, ...SNAPSHOT, journal: '5' }),
    JSON.stringify({ type: 'owner', ...PLACE, definition: 'd', version: '1', start: 'x' }),
  ];
  for (const text of damaged) {
    assert.throws(
      () => decode(text),
      (error) =>
        isAnomalyError(error) && error.code === 'ANM_JOURNAL_CORRUPT' && /t\.journal\/3 offset 9/.test(error.message),
      text,
    );
  }
});

test('a group with any name has a journal with a name that brokers take, and of its own', () => {
  assert.equal(journalTopic('pump-room'), 'pump-room.journal');
  const odd = ['../../x', 'a b', 'a/b', 'a_b', 'ä', 'x'.repeat(300), `${'x'.repeat(299)}y`].map(journalTopic);
  assert.equal(new Set(odd).size, odd.length);
  for (const name of odd) assert.match(name, /^[a-zA-Z0-9._-]{1,249}$/);
});
