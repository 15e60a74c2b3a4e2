// The unit tests of src/wire, src/engine, src/eval, src/alerts and of what src/models needs to score, on each runtime's own test runner.
// All files are loaded into one process on Node, where a process a file would take most of the time.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, type Runtime } from './runtime.ts';

const FOLDERS = [
  'test/wire',
  'test/engine',
  'test/eval',
  'test/models/onnx',
  'test/models/runtime',
  'test/models/scoring',
  'test/models/remote',
  'test/alerts',
];
const GOLDEN = 'the golden digest: engine outputs are the same bytes on every runtime';

export interface UnitTests {
  readonly passed: number;
  readonly failed: number;
  readonly golden: boolean;
  readonly output: string;
}

export async function runUnitTests(on: Runtime): Promise<UnitTests> {
  const { status, output } = await start(on);
  const count = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const found = {
    node: [/^(\d+) passed/m, /, (\d+) failed$/m],
    bun: [/^ *(\d+) pass$/m, /^ *(\d+) fail$/m],
    deno: [/\| (\d+) passed/, /\| (\d+) failed/],
  }[on.id === 'node24' ? 'node' : on.id];
  const [passed, failed] = [count(found[0]!), count(found[1]!)];
  const golden = new RegExp(`(✔|\\(pass\\)) ${GOLDEN}|${GOLDEN} \\.\\.\\. ok`).test(output);
  // A runner that crashed, or that found nothing, has not passed.
  const clean = status === 0 && passed > 0;
  return { passed: passed || 0, failed: clean ? failed : Math.max(1, failed || 0), golden, output };
}

function start(on: Runtime): Promise<{ readonly status: number | null; readonly output: string }> {
  const options = { cwd: ROOT, env: { ...process.env, NO_COLOR: '1' }, maxBuffer: 64 * 2 ** 20 };
  return new Promise((resolve) => {
    const child = execFile(on.command, argumentsOf(on), options, (_, stdout, stderr) => {
      resolve({ status: child.exitCode, output: `${stdout}\n${stderr}` });
    });
  });
}

function argumentsOf(on: Runtime): string[] {
  if (on.id === 'bun') return ['test', '--timeout', '120000', ...FOLDERS];
  if (on.id === 'deno') return ['test', '-A', '--no-check', ...FOLDERS];
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(ROOT, folder, name)),
  );
  const all = files.map((file) => `import ${JSON.stringify(file)};`).join('\n');
  const reporter = `--test-reporter=${join(ROOT, 'scripts/reporter.mjs')}`;
  return ['--import', 'tsx', reporter, '--input-type=module', '--eval', all];
}
