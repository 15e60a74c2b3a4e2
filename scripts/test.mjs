// Runs the tests with node:test and closes with `N passed, N failed`.
// usage: npm test [-- FILE_OR_FOLDER ...]      e.g. npm test -- test/wire
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const files = (wanted.length > 0 ? wanted : ['test']).flatMap(find).sort();
const reporter = fileURLToPath(new URL('./reporter.mjs', import.meta.url));
const args = [
  '--import',
  'tsx',
  '--import',
  fileURLToPath(new URL('./endTests.mjs', import.meta.url)),
  '--test',
  '--test-concurrency=2',
  `--test-timeout=${process.env.ANOMALY_TEST_TIMEOUT_MS ?? 900_000}`,
  `--test-reporter=${reporter}`,
  ...files,
];
spawn(process.execPath, args, { stdio: 'inherit' }).on('exit', (code) => {
  process.exitCode = code ?? 1;
});

function find(path) {
  const full = resolve(path);
  if (!statSync(full).isDirectory()) return [full];
  return readdirSync(full).flatMap((name) => {
    const child = join(full, name);
    // tiers/ needs services that .ci/run starts.
    if (statSync(child).isDirectory()) return name === 'helpers' || name === 'tiers' ? [] : find(child);
    return /\.test\.tsx?$/.test(name) ? [child] : [];
  });
}
