// Runs the tests with node:test and closes with `N passed, N failed`.
// usage: npm test [-- FILE_OR_FOLDER ...]      e.g. npm test -- test/wire
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const all = (wanted.length > 0 ? wanted : ['test']).flatMap(find).sort();
const files = again(all, process.env.ANOMALY_TEST_ONLY);
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
const child = spawn(process.execPath, args, { stdio: 'inherit' });
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
// Who ends this ends the tests; a terminal tells both by itself.
process.on('SIGTERM', () => child.kill('SIGTERM'));

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

/**
 * Of `files` those that a list names: .ci/run runs what has failed once more by itself. A test whose place is a file of
 * helpers, as a contract, is run by those that import it; where none does, all are run.
 */
function again(files, list) {
  if (!list) return files;
  const listed = readFileSync(list, 'utf8').split('\n').filter(Boolean);
  const helpers = listed.filter((file) => !files.includes(file)).map((file) => `/${basename(file)}'`);
  const some = files.filter((file) => {
    if (listed.includes(file)) return true;
    const text = readFileSync(file, 'utf8');
    return helpers.some((name) => text.includes(name));
  });
  return some.length > 0 ? some : files;
}
