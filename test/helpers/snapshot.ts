import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Compares with test/snapshots/<name>; UPDATE_SNAPSHOTS=1 writes it instead. */
export function matchesSnapshot(name: string, actual: string): void {
  const path = fileURLToPath(new URL(`../snapshots/${name}`, import.meta.url));
  if (process.env['UPDATE_SNAPSHOTS'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, actual);
    return;
  }
  const expected = existsSync(path) ? readFileSync(path, 'utf8') : '';
  assert.equal(
    actual,
    expected,
    `test/snapshots/${name} differs; UPDATE_SNAPSHOTS=1 npm test -- test/commands rewrites it`,
  );
}
