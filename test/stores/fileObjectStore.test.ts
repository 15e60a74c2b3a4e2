import assert from 'node:assert/strict';
import fs, { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileObjectStore } from '../../src/stores/fileObjectStore.ts';
import { quickPolicy } from './helpers/policy.ts';
import { objectStoreContract } from './objectStoreContract.ts';

const temporary = () => mkdtempSync(join(tmpdir(), 'anomaly-objects-'));
const open = (directory: string, policy = quickPolicy()) => new FileObjectStore(directory, `file:${directory}`, policy);

objectStoreContract('file', async () => {
  const directory = temporary();
  const path = join(directory, 'made', 'by the store');
  return { store: open(path), other: open(path), close: async () => rmSync(directory, { recursive: true }) };
});

type Call = 'open' | 'mkdir' | 'rename' | 'readFile' | 'rm' | 'readdir';

/** One function of node:fs/promises does as a failing disk would, in this process, until the answer is called. */
function refuse(name: Call, how: string | 'hang'): () => void {
  const real = fs.promises[name];
  const refusing = () =>
    how === 'hang'
      ? new Promise(() => {})
      : Promise.reject(Object.assign(new Error(`${how}: ${name} is refused`), { code: how }));
  Object.assign(fs.promises, { [name]: refusing });
  syncBuiltinESMExports();
  return () => {
    Object.assign(fs.promises, { [name]: real });
    syncBuiltinESMExports();
  };
}

const CASES: readonly [Call, string, string, RegExp][] = [
  ['open', 'ENOSPC', 'ANM_STORE_FULL', /cannot write probe-\S+ in file:\S+ as the disk is full: ENOSPC/],
  ['rename', 'EDQUOT', 'ANM_STORE_FULL', /the quota is used up/],
  ['mkdir', 'EROFS', 'ANM_STORE_DENIED', /it is read-only/],
  ['open', 'EACCES', 'ANM_STORE_DENIED', /this user may not/],
  ['readFile', 'EIO', 'ANM_STORE_UNREACHABLE', /cannot read probe-\S+ in file:\S+ as the disk fails: EIO/],
];

for (const [call, code, expected, message] of CASES) {
  test(`the write test names ${code} of ${call}, and leaves nothing behind`, async () => {
    const directory = temporary();
    const undo = refuse(call, code);
    try {
      await assert.rejects(open(directory).probe(), { code: expected, message });
    } finally {
      undo();
    }
    assert.deepEqual(readdirSync(directory), []);
    rmSync(directory, { recursive: true });
  });
}

test('a disk that hangs is given up after checkpoint.request_timeout', async () => {
  const directory = temporary();
  const undo = refuse('open', 'hang');
  try {
    const message = /there is no answer within 20 ms \(checkpoint\.request_timeout\)/;
    await assert.rejects(open(directory, quickPolicy({ timeoutMs: 20 })).probe(), {
      code: 'ANM_STORE_TIMEOUT',
      message,
    });
  } finally {
    undo();
  }
  rmSync(directory, { recursive: true });
});

test('a file where a directory should be is named', async () => {
  const directory = temporary();
  writeFileSync(join(directory, 'taken'), '');
  await assert.rejects(open(join(directory, 'taken', 'in')).probe(), {
    code: 'ANM_STORE_MISSING',
    message: /is no directory/,
  });
  rmSync(directory, { recursive: true });
});

test('what a killed writer left is no object, and is removed when it is old', async () => {
  const directory = temporary();
  const store = open(directory);
  await store.put('t/whole', [Uint8Array.of(1)]);
  mkdirSync(join(directory, 't'), { recursive: true });
  for (const name of ['.torn.abc-0.tmp', '.fresh.abc-1.tmp']) writeFileSync(join(directory, 't', name), 'half');
  utimesSync(join(directory, 't', '.torn.abc-0.tmp'), 1000, 1000);
  assert.deepEqual(
    (await store.list('')).map(({ name }) => name),
    ['t/whole'],
  );
  await store.removeUnfinished('t/', Date.now() - 60_000);
  assert.deepEqual(readdirSync(join(directory, 't')).sort(), ['.fresh.abc-1.tmp', 'whole']);
  rmSync(directory, { recursive: true });
});
