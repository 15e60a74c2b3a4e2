// Holds the tool on Node, Node 24, Bun and Deno: the unit tests of src/wire and src/engine, a user's first commands, the
// npm package, the native client. README's table of capabilities is made from docs/runtimes.json, which this run has to
// confirm: what is listed as yes has to work, what is listed as no has to be refused by name.
// usage: npm run runtimes -- FOLDER_OF_RUNTIMES [--only units|smoke|package] [--write]
//   FOLDER_OF_RUNTIMES: where npm has installed node@24, bun and deno (.ci/runtimes)
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CAPABILITIES, type Capability, type Results, readResults, writeResults } from './capabilities.ts';
import { addNativeClient, install, type Packed, pack } from './packages.ts';
import { findRuntimes, type Runtime } from './runtime.ts';
import { type Check, demoResults, nativeSmoke, smoke } from './smoke.ts';
import { runUnitTests } from './unitTests.ts';

const args = process.argv.slice(2);
const folder = resolve(args.find((arg) => !arg.startsWith('-')) ?? '.ci/runtimes');
const only = args.includes('--only') ? args[args.indexOf('--only') + 1] : undefined;
const isWritten = args.includes('--write');

const runtimes = findRuntimes(folder);
const found = new Map<string, boolean>();
/** What failed where it should have worked or have been refused by name; counted as it was reported. */
const broken = new Set<string>();
/** What the first runtime answered, by capability. */
const wanted = new Map<Capability, string>();
let [passed, failed] = [0, 0];

const work = mkdtempSync(join(tmpdir(), 'anomaly-package-'));
try {
  if (only === undefined || only === 'units') await allUnits();
  if (only === undefined || only === 'smoke') for (const on of runtimes) await smoke(on, checkOn(on));
  if (only === undefined || only === 'package') await packages();
} finally {
  rmSync(work, { recursive: true, force: true });
}
if (isWritten) write();
else compare();
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** A check passes where it does not throw and answers what the first runtime did. */
function checkOn(on: Runtime, comparedBy?: Capability): Check {
  return async (capability, run) => {
    const started = performance.now();
    const key = comparedBy ?? capability;
    try {
      const text = await run();
      const due = wanted.get(key) ?? text;
      wanted.set(key, due);
      if (text !== due && !/^refused/.test(text)) throw new Error(`${text}\n  where ${runtimes[0]!.title} has ${due}`);
      found.set(`${capability}/${on.id}`, !/^refused/.test(text));
      report(true, on, capability, text, started);
      return text;
    } catch (error) {
      found.set(`${capability}/${on.id}`, false);
      broken.add(`${capability}/${on.id}`);
      report(false, on, capability, (error as Error).message, started);
      return undefined;
    }
  };
}

/** Two at a time, as each takes one core. By itself it leaves out this Node, on which `npm test` has run them. */
async function allUnits(): Promise<void> {
  const left = only === undefined ? [...runtimes] : runtimes.slice(1);
  const worker = async () => {
    for (let on = left.shift(); on !== undefined; on = left.shift()) await units(on);
  };
  await Promise.all([worker(), worker()]);
}

async function units(on: Runtime): Promise<void> {
  const check = checkOn(on);
  let golden = false;
  await check('units', async () => {
    const { passed: good, failed: bad, output, golden: isGolden } = await runUnitTests(on);
    golden = isGolden;
    if (bad > 0) throw new Error(`${bad} of ${good + bad} tests failed\n${output.slice(-4000)}`);
    return `${good} tests`;
  });
  await check('golden', () => {
    if (!golden) throw new Error('the digest differs, or its test did not run');
    return 'the same digest';
  });
}

async function packages(): Promise<void> {
  let packed: Packed | undefined;
  try {
    packed = pack(work);
    const size = `${(packed.bytes / 2 ** 20).toFixed(1)} MiB, ${packed.files} files`;
    process.stdout.write(`ok  npm pack: ${size}\n`);
    passed++;
  } catch (error) {
    failed++;
    process.stdout.write(`FAIL  npm pack: ${(error as Error).message}\n`);
  }
  // The repository's own results, which every installed package has to have.
  const [first] = runtimes;
  if (!wanted.has('demo')) await checkOn(first!)('demo', () => demoResults(first!));
  for (const on of runtimes) {
    let bin: string | undefined;
    const home = join(work, on.id);
    await checkOn(on, 'demo')('installed', () => {
      if (packed === undefined) throw new Error('there is no package');
      bin = install(packed, on, home);
      return demoResults(on, { bin, cwd: home });
    });
    const loads = on.id.startsWith('node');
    const check = checkOn(on);
    try {
      if (on.id === 'node24') addNativeClient(on, home, join(folder, 'addons'));
      await nativeSmoke(on, on.id === 'node24' ? { loads, bin } : { loads, without: bin }, check);
    } catch (error) {
      await check('native', () => Promise.reject(error));
    }
  }
}

function report(good: boolean, on: Runtime, capability: Capability, text: string, started: number): void {
  if (good) passed++;
  else failed++;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${good ? 'ok' : 'FAIL'}  ${on.title}, ${capability}: ${text} (${seconds} s)\n`);
}

function compare(): void {
  const { capabilities } = readResults();
  for (const [key, works] of found) {
    const [capability, id] = key.split('/') as [Capability, Runtime['id']];
    const listed = capabilities[capability]?.[id];
    if (listed === works || broken.has(key)) continue;
    failed++;
    const [is, says] = works ? ['works', 'no'] : ['is refused', 'yes'];
    process.stdout.write(`FAIL  ${key} ${is}, and README's table says ${says}: npm run runtimes -- --write\n`);
  }
}

function write(): void {
  if (failed > 0 || only !== undefined) throw new Error('only a whole run without failures is written down');
  const entries = Object.keys(CAPABILITIES).map((capability) => [
    capability,
    Object.fromEntries(runtimes.map(({ id }) => [id, found.get(`${capability}/${id}`) === true])),
  ]);
  writeResults({
    runtimes: Object.fromEntries(runtimes.map(({ id, title }) => [id, title])),
    capabilities: Object.fromEntries(entries),
  } as Results);
  process.stdout.write('docs/runtimes.json is written; npm run docs puts it into README\n');
}
