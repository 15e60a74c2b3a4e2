// Writes docs/errors.md, docs/commands.md and docs/configuration.md from the tables in the code.
// usage: node --import tsx scripts/docs.ts [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generatedDocs } from './docPages.ts';

const check = process.argv.includes('--check');
for (const [name, text] of generatedDocs()) {
  const path = fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
  if (!check) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    process.stderr.write(`docs/${name} differs from the code: run npm run docs\n`);
    process.exitCode = 1;
  }
}
