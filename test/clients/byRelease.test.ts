import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { clientsByRelease, clientsByReleasePage, type ReleaseRow } from '../../scripts/clientsByRelease.ts';
import type { ClientName } from '../../src/clients/connect.ts';
import { loadBinding } from '../../src/clients/librdkafka/binding.ts';

const PAGE = readFileSync(new URL('../../docs/clients-by-release.md', import.meta.url), 'utf8');

// Without the native client the rows of the fast one are held alone.
const clients: ClientName[] = await loadBinding().then(
  () => ['platformatic', 'librdkafka'],
  () => ['platformatic'],
);

let rows: ReleaseRow[] = [];
before(async () => {
  rows = await clientsByRelease(clients);
});

test('docs/clients-by-release.md says what each client does with each release', () => {
  if (clients.length === 2) {
    assert.equal(PAGE, clientsByReleasePage(rows), 'docs/clients-by-release.md differs: run npm run docs');
    return;
  }
  const lines = clientsByReleasePage(rows)
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  assert.deepEqual(
    lines.filter((line) => !PAGE.includes(line)),
    [],
    'docs/clients-by-release.md lacks these rows',
  );
});

test('auto takes the fast client exactly where it can do everything', () => {
  for (const { release, client, works, missing } of rows) {
    if (client === 'librdkafka') assert.ok(Object.values(works).every(Boolean), release);
    else assert.equal(Object.values(works).every(Boolean), missing.length === 0, release);
  }
  assert.ok(rows.some(({ missing }) => missing.length > 0) && rows.some(({ missing }) => missing.length === 0));
});
