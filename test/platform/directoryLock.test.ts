import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { isAnomalyError } from '../../src/errors.ts';
import { lockDirectory } from '../../src/platform/directoryLock.ts';
import { scratch } from '../broker/helpers/diskLog.ts';

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

test('a process that was killed and that nobody waited for does not hold its lock', {
  skip: process.platform !== 'linux',
}, async () => {
  // The shell starts a process, says its id, and becomes a program that never asks for the end of its children.
  const parent = spawn('sh', ['-c', 'sleep 1000 & echo $!; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [said] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(said.toString());
    const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8');
    const born = stat()
      .slice(stat().lastIndexOf(')') + 2)
      .split(' ')[19]!;
    writeFileSync(join(dir.path, 'lock'), JSON.stringify({ pid, born }));
    assert.throws(
      () => lockDirectory(dir.path),
      (error) => isAnomalyError(error) && error.code === 'ANM_DATA_LOCKED',
    );
    process.kill(pid, 'SIGKILL');
    while (!stat().includes(') Z ')) await new Promise((resolve) => setImmediate(resolve));
    lockDirectory(dir.path)();
  } finally {
    parent.kill('SIGKILL');
  }
});
