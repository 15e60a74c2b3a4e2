// Cold start of the built tool, beside bare node: median of fifteen of each, taken in turn.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ANOMALY = fileURLToPath(new URL('../bin/anomaly.js', import.meta.url));

export async function startup() {
  const bare: number[] = [];
  const help: number[] = [];
  for (let i = 0; i < 15; i++) {
    bare.push(timed(['-e', '0']));
    help.push(timed([ANOMALY, '--help']));
  }
  return { bareNodeMs: median(bare), helpMs: median(help), addedMs: median(help) - median(bare) };
}

function timed(args: readonly string[]): number {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!);
}
