import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import fc from 'fast-check';
import { ManualClock } from '../../../src/broker/clock.ts';
import { Flusher } from '../../../src/broker/storage/flusher.ts';
import { Journal, type Json } from '../../../src/broker/storage/journal.ts';
import { isAnomalyError } from '../../../src/errors.ts';
import { scratch } from '../helpers/diskLog.ts';
import { refuseDisk } from '../helpers/refusingDisk.ts';

const dir = scratch();
let restore = () => {};
afterEach(() => restore());
after(() => dir.remove());
let files = 0;

function open(path: string, cuts: string[] = [], problems: string[] = []): Journal {
  const flusher = new Flusher('never', new ManualClock());
  const onProblem = (what: string) => problems.push(what);
  return new Journal({ path, flusher, onCut: (message) => cuts.push(message), onProblem });
}

test('what was set last is there again, whatever was set and removed before', () => {
  const change = fc.record({ key: fc.constantFrom('a', 'b/1', 'b/2', 'ä'), value: fc.option(fc.jsonValue()) });
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 10 }), { maxLength: 5 }), (lives) => {
      const path = join(dir.path, `any-${files++}`);
      const model = new Map<string, string>();
      for (const changes of lives) {
        const journal = open(path);
        for (const [key, text] of model) assert.equal(JSON.stringify(journal.get(key)), text);
        for (const { key, value } of changes) {
          if (value === null) {
            journal.delete(key);
            model.delete(key);
          } else {
            journal.set(key, value as Json);
            model.set(key, JSON.stringify(value));
          }
        }
        assert.deepEqual(
          [...journal.under('b/')].map(([key]) => key).sort(),
          [...model.keys()]
            .filter((key) => key.startsWith('b/'))
            .map((key) => key.slice(2))
            .sort(),
        );
        journal.close();
      }
    }),
  );
});

test('a journal that is cut anywhere keeps every record before the cut, and says what it lost', () => {
  const path = join(dir.path, `cut-${files++}`);
  const journal = open(path);
  const sizes: number[] = [statSync(path).size];
  for (let i = 0; i < 4; i++) {
    journal.set(`key-${i}`, { i });
    sizes.push(statSync(path).size);
  }
  journal.close();
  const bytes = readFileSync(path);
  for (let size = sizes[0]!; size <= bytes.length; size++) {
    writeFileSync(path, bytes.subarray(0, size));
    const cuts: string[] = [];
    const again = open(path, cuts);
    const whole = sizes.filter((end) => end <= size).length - 1;
    assert.deepEqual(
      [...again.under('')].map(([key]) => key),
      ['key-0', 'key-1', 'key-2', 'key-3'].slice(0, whole),
    );
    assert.equal(cuts.length, sizes.includes(size) ? 0 : 1);
    again.set('more', 1);
    again.close();
    const third = open(path);
    assert.equal(third.get('more'), 1);
    third.close();
  }
});

test('what is superseded does not make the file grow without end', () => {
  const path = join(dir.path, `grown-${files++}`);
  const journal = open(path);
  const text = 'x'.repeat(1000);
  for (let i = 0; i < 5000; i++) journal.set(`key-${i % 10}`, { i, text });
  assert.ok(statSync(path).size < 1.2 * 2 ** 20, `${statSync(path).size} bytes`);
  journal.close();
  const again = open(path);
  assert.deepEqual(
    [...again.under('key-')].map(([, value]) => (value as { i: number }).i),
    [...Array(10)].map((_, i) => 4990 + i),
  );
  again.close();
});

test('a file that is no journal is refused and left as it is', () => {
  const path = join(dir.path, `foreign-${files++}`);
  writeFileSync(path, 'precious data of something else');
  assert.throws(
    () => open(path),
    (error) => isAnomalyError(error) && error.code === 'ANM_DATA_CORRUPT',
  );
  assert.equal(readFileSync(path, 'utf8'), 'precious data of something else');
  truncateSync(path, 0);
});

test('damage with whole records behind it is no torn tail: the file is refused, and left as it is', () => {
  const path = join(dir.path, `damaged-${files++}`);
  const journal = open(path);
  const ends = [statSync(path).size];
  for (let i = 0; i < 4; i++) {
    journal.set(`topic/${i}`, { name: `t${i}`, text: '["' });
    ends.push(statSync(path).size);
  }
  journal.close();
  const bytes = readFileSync(path);
  // Of each record but the last: length, checksum and payload.
  for (const [start, ...offsets] of ends.slice(0, 3).map((end) => [end, 0, 3, 5, 9, 20] as const)) {
    for (const offset of offsets) {
      const bent = Buffer.from(bytes);
      bent[start + offset]! ^= 1;
      writeFileSync(path, bent);
      assert.throws(
        () => open(path),
        (error) =>
          isAnomalyError(error) && error.code === 'ANM_DATA_CORRUPT' && error.message.includes(`byte ${start}`),
      );
      assert.deepEqual(readFileSync(path), bent);
    }
  }
  const torn = Buffer.from(bytes);
  torn[bytes.length - 1]! ^= 1;
  writeFileSync(path, torn);
  const cuts: string[] = [];
  open(path, cuts).close();
  assert.equal(cuts.length, 1, 'the last one alone may be torn');
});

test('what a cut takes away is kept, each time under a name of its own', () => {
  const path = join(dir.path, `cuts-${files++}`);
  for (const text of ['first', 'second']) {
    const journal = open(path);
    journal.set('key', text);
    journal.close();
    truncateSync(path, statSync(path).size - 1);
    open(path).close();
  }
  assert.match(readFileSync(`${path}.cut-1`, 'latin1'), /first/);
  assert.match(readFileSync(`${path}.cut-2`, 'latin1'), /second/);
});

test('a compaction without room is put off: the record that led to it is there, and so is the file', () => {
  const path = join(dir.path, `full-${files++}`);
  const problems: string[] = [];
  const journal = open(path, [], problems);
  const text = 'x'.repeat(10_000);
  restore = refuseDisk(['writeFileSync'], 'ENOSPC');
  for (let i = 0; i < 200; i++) {
    journal.set('key', { i, text });
    assert.equal((journal.get('key') as { i: number }).i, i);
  }
  restore();
  assert.ok(problems.length > 0 && problems.length < 10, `${problems.length} attempts`);
  assert.equal(existsSync(`${path}.new`), false);
  for (let i = 200; i < 250; i++) journal.set('key', { i, text });
  assert.ok(statSync(path).size < 2 ** 20, 'done once there is room');
  journal.close();
  const again = open(path);
  assert.equal((again.get('key') as { i: number }).i, 249);
  again.close();
});
