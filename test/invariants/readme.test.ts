import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));

test('README.md names every file of the folder with what it proves, and no other', () => {
  const text = readFileSync(`${HERE}/README.md`, 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+\.test\.ts)`(?: \*)? *\| (.+?) *\|$/gm)];
  const files = readdirSync(HERE).filter((name) => name.endsWith('.test.ts'));
  assert.deepEqual(rows.map(([, name]) => name).sort(), files.sort());
  for (const [, name, proves] of rows) assert.ok(proves!.length > 40, `what ${name} proves`);
});
