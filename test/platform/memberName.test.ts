import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { takeMemberName } from '../../src/platform/memberName.ts';
import { scratch } from '../broker/helpers/diskLog.ts';

let dir = scratch();
beforeEach(() => {
  dir.remove();
  dir = scratch();
});
after(() => dir.remove());

const take = (group = 'g', host = 'h') => takeMemberName(dir.path, group, host);
const lockOf = (n: number) => join(dir.path, 'members', 'g', 'h', String(n), 'lock');

test('two at once have two names, and whoever starts later has the first free one again', () => {
  const [first, second] = [take(), take()];
  assert.notEqual(first.name, second.name);
  first.release();
  const third = take();
  assert.equal(third.name, first.name);
  assert.deepEqual(readdirSync(join(dir.path, 'members', 'g', 'h')), ['0', '1']);
  for (const each of [second, third]) each.release();
});

test('a killed process leaves its name to the next; one that lives keeps it', async () => {
  const first = take();
  first.release();
  const { pid: dead } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(lockOf(0), JSON.stringify({ pid: dead, born: '1' }));
  const heir = take();
  assert.equal(heir.name, first.name);
  heir.release();
  const living = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  try {
    writeFileSync(lockOf(0), JSON.stringify({ pid: living.pid, born: '' }));
    const other = take();
    assert.notEqual(other.name, first.name);
    other.release();
  } finally {
    living.kill('SIGKILL');
    await once(living, 'exit');
  }
});

test('groups and hosts have names of their own, whatever they are called', () => {
  const all = [take('a/../b', '.'), take('..', 'h'), take('..', '..'), take('g', 'other')];
  assert.equal(new Set(all.map(({ name }) => name)).size, 4);
  assert.deepEqual(readdirSync(dir.path), ['members']);
  assert.deepEqual(readdirSync(join(dir.path, 'members')).sort(), ['%2E.', 'a%2F..%2Fb', 'g']);
});

test('an id that a power cut has halved is drawn anew, and a directory that cannot be written says so', () => {
  const first = take();
  first.release();
  writeFileSync(join(dir.path, 'members', 'g', 'h', '0', 'id'), first.name.slice(0, 5));
  const second = take();
  assert.match(second.name, /^[0-9a-f]{16}$/);
  assert.notEqual(second.name, first.name);
  second.release();
  writeFileSync(join(dir.path, 'file'), '');
  assert.throws(() => takeMemberName(join(dir.path, 'file'), 'g', 'h'), /ENOTDIR/);
});
