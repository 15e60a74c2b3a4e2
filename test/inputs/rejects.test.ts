import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_BUDGET, exceedsBudget, parseBudget, RejectsFile } from '../../src/inputs/rejects.ts';
import { folderOf } from './helpers.ts';

test('budgets: a number, a share, and the default of 100 or 1 %', () => {
  assert.deepEqual(
    [0, 3, 4].map((bad) => exceedsBudget(parseBudget('3'), bad, 10, false)),
    [false, false, true],
  );
  const share = parseBudget('10%');
  assert.equal(exceedsBudget(share, 60, 40, false), false, 'too early to judge');
  assert.equal(exceedsBudget(share, 101, 40, false), true);
  assert.equal(exceedsBudget(share, 2, 8, true), true, 'at the end the rows that came count');
  assert.equal(exceedsBudget(share, 1, 9, true), false);
  assert.equal(exceedsBudget(DEFAULT_BUDGET, 100, 0, false), false);
  assert.equal(exceedsBudget(DEFAULT_BUDGET, 101, 0, false), true);
  assert.equal(exceedsBudget(DEFAULT_BUDGET, 200, 100_000, false), false);
  for (const text of ['', 'x', '-1', '1.5', '101%']) assert.throws(() => parseBudget(text), { code: 'ANM_USAGE' });
});

test('bad rows are appended as NDJSON, to a file that is made with the first one', async (t) => {
  const folder = await folderOf(t, { 'old.ndjson': 'kept\n' });
  const rejects = new RejectsFile(join(folder, 'old.ndjson'));
  rejects.add({ file: 'a.csv', line: 7, reason: 'why', raw: 'x,"é\n' });
  rejects.close();
  assert.equal(
    readFileSync(rejects.path, 'utf8'),
    'kept\n{"file":"a.csv","line":7,"reason":"why","raw":"x,\\"é\\n"}\n',
  );
  assert.throws(() => new RejectsFile(join(folder, 'none/x')).add({ file: '', line: 1, reason: '', raw: '' }), {
    code: 'ANM_FILE',
  });
});
