import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generatedDocs } from '../scripts/docPages.ts';

test('the pages in docs/ that are made from tables are those that the tables make', () => {
  for (const [name, text] of generatedDocs()) {
    const written = readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8');
    assert.equal(written, text, `docs/${name} differs from the code: run npm run docs`);
  }
});

test('every link between the documents leads to a file, and to a heading where it names one', () => {
  const root = new URL('..', import.meta.url);
  const pages = ['', 'docs/', 'docs/examples/', 'fixtures/nab/'].flatMap((folder) =>
    readdirSync(new URL(folder, root))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}${name}`),
  );
  const broken: string[] = [];
  for (const page of pages) {
    const text = readFileSync(new URL(page, root), 'utf8');
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const url = new URL(target!, new URL(page, root));
      const heading = url.hash.slice(1);
      url.hash = '';
      if (!existsSync(url)) broken.push(`${page}: ${target}`);
      else if (heading !== '' && !headings(readFileSync(url, 'utf8')).includes(heading))
        broken.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

/** Anchors that a page has, as GitHub makes them. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
