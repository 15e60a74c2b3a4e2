// Writes docs/errors.md, docs/cli.md, docs/configuration.md and docs/metrics.md from the tables in the code, README's tables, and
// docs/clients-by-release.md from runs of both clients, where both load.
// usage: node --import tsx scripts/docs.ts [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadBinding } from '../src/clients/librdkafka/binding.ts';
import { clientsByRelease, clientsByReleasePage } from './clientsByRelease.ts';
import { generatedDocs } from './docPages.ts';

const check = process.argv.includes('--check');
const pages = generatedDocs();
try {
  await loadBinding();
  pages.set('clients-by-release.md', clientsByReleasePage(await clientsByRelease(['platformatic', 'librdkafka'])));
} catch (error) {
  process.stderr.write(`docs/clients-by-release.md is left as it is: ${(error as Error).message}\n`);
}
for (const [name, text] of pages) {
  const path = fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
  if (!check) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    process.stderr.write(`docs/${name} differs from the code: run npm run docs\n`);
    process.exitCode = 1;
  }
}
