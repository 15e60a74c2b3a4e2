import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generatedDocs } from '../scripts/docPages.ts';

test('the pages in docs/ that are made from tables are those that the tables make', () => {
  for (const [name, text] of generatedDocs()) {
    const written = readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8');
    assert.equal(written, text, `docs/${name} differs from the code: run npm run docs`);
  }
});
