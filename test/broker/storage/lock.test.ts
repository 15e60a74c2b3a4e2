import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { lockDirectory } from '../../../src/broker/storage/lock.ts';
import { isAnomalyError } from '../../../src/errors.ts';
import { scratch } from '../helpers/diskLog.ts';

let dir = scratch();
beforeEach(() => {
  dir.remove();
  dir = scratch();
});
after(() => dir.remove());

test('a directory is locked once, and free after', () => {
  const unlock = lockDirectory(dir.path);
  assert.throws(
    () => lockDirectory(dir.path),
    (error) => isAnomalyError(error) && error.code === 'ANM_DATA_LOCKED' && error.message.includes(String(process.pid)),
  );
  unlock();
  assert.deepEqual(readdirSync(dir.path), []);
  lockDirectory(dir.path)();
});

test('the lock of a process that is gone is taken over', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(join(dir.path, 'lock'), JSON.stringify({ pid, born: '1' }));
  const unlock = lockDirectory(dir.path);
  assert.equal(JSON.parse(readFileSync(join(dir.path, 'lock'), 'utf8')).pid, process.pid);
  unlock();
});

test('a process that has got the id of the dead owner does not hold its lock', {
  skip: process.platform !== 'linux',
}, () => {
  writeFileSync(join(dir.path, 'lock'), JSON.stringify({ pid: process.ppid, born: '1' }));
  lockDirectory(dir.path)();
  writeFileSync(join(dir.path, 'lock'), 'half a fi');
  lockDirectory(dir.path)();
});
