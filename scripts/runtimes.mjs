// Runs the demo on Node, Bun and Deno and holds their results against each other: the same events must give the same
// windows, alerts and labels found on each. usage: node scripts/runtimes.mjs FOLDER_WITH_BUN_AND_DENO
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const bin = process.argv[2] ?? '';
const runtimes = [
  ['node', process.execPath, []],
  ['bun', join(bin, 'bun'), []],
  ['deno', join(bin, 'deno'), ['run', '--quiet', '-A']],
];
/** What chance and speed have no say in. */
const RESULTS = ['events', 'windows', 'alerts', 'found', 'missed', 'false_alarms', 'late', 'dead_letters', 'series'];
let passed = 0;
let failed = 0;
let wanted;

for (const [name, command, before] of runtimes) {
  const started = performance.now();
  const run = spawnSync(command, [...before, 'bin/anomaly.js', 'demo', '--speed', 'max', '--no-tui', '-o', 'json'], {
    encoding: 'utf8',
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  let results;
  try {
    const summary = JSON.parse(run.stdout);
    results = JSON.stringify(RESULTS.map((key) => [key, summary[key] ?? null]));
  } catch (error) {
    report(false, `${name}: exit ${run.status}: ${run.error ?? run.stderr ?? error}`);
    continue;
  }
  wanted ??= results;
  report(run.status === 0 && results === wanted, `${name}: demo in ${seconds} s, ${results.slice(0, 160)}`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

function report(good, text) {
  if (good) passed++;
  else failed++;
  process.stdout.write(`${good ? 'ok' : 'FAIL'}  ${text}\n`);
}
