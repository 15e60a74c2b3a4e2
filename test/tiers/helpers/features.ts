// Programs that use a client which nobody here wrote, and tell feature by feature what came of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** What the table in docs/clients.md has a line for. */
export interface FeatureRow {
  readonly feature: string;
  /** `absent` where the client has nothing of the kind. */
  readonly outcome: 'ok' | 'absent' | 'failed';
  /** What was seen: the same on every broker that behaves. */
  readonly detail: string;
}

export interface ClientResult {
  readonly client: string;
  readonly version: string;
  readonly rows: readonly FeatureRow[];
}

const RESULTS = fileURLToPath(new URL('../results', import.meta.url));
const PROGRAM_TIMEOUT_MS = 900_000;

/** Runs a program of features to its end, and says each row as it comes, with its time. */
export async function runProgram(t: TestContext, command: string, args: readonly string[]): Promise<FeatureRow[]> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: PROGRAM_TIMEOUT_MS });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const rows: FeatureRow[] = [];
  let since = performance.now();
  for await (const line of createInterface({ input: child.stdout })) {
    const { feature, outcome, detail } = JSON.parse(line) as FeatureRow;
    rows.push({ feature, outcome, detail });
    const now = performance.now();
    t.diagnostic(`${feature}: ${outcome} (${detail}), ${Math.round(now - since)} ms`);
    since = now;
  }
  const code = await ended;
  assert.equal(code, 0, `${command} ended with ${code} after ${rows.length} rows:\n${stderr.slice(-4000)}`);
  return rows;
}

/** Every feature works on the embedded broker, and gives what it gives on Kafka. */
export function assertSame(embedded: readonly FeatureRow[], kafka: readonly FeatureRow[]): void {
  const failed = (rows: readonly FeatureRow[]) => rows.filter(({ outcome }) => outcome === 'failed');
  assert.deepEqual(failed(kafka), [], 'the program itself is wrong: it fails on Kafka');
  assert.deepEqual(failed(embedded), []);
  for (const [i, row] of kafka.entries()) assert.deepEqual(embedded[i], row);
  assert.equal(embedded.length, kafka.length);
}

/** The committed result is the one just seen; `UPDATE_RESULTS=1` writes it, and `npm run docs` makes the page of it. */
export function holdResult(name: string, result: ClientResult): void {
  const file = `${RESULTS}/${name}.json`;
  if (process.env['UPDATE_RESULTS'] === '1') {
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  }
  const known = JSON.parse(readFileSync(file, 'utf8')) as ClientResult;
  assert.deepEqual(known, result, `${name}.json differs from this run: UPDATE_RESULTS=1, then npm run docs`);
}

/** The same for a client that is driven from here: a text is why the client has no such feature. */
export async function runFeatures(
  t: TestContext,
  features: readonly (readonly [string, string | (() => Promise<string>)])[],
): Promise<FeatureRow[]> {
  const rows: FeatureRow[] = [];
  for (const [feature, run] of features) {
    const since = performance.now();
    let row: FeatureRow;
    if (typeof run === 'string') row = { feature, outcome: 'absent', detail: run };
    else {
      try {
        row = { feature, outcome: 'ok', detail: await run() };
      } catch (error) {
        row = { feature, outcome: 'failed', detail: String(error) };
      }
    }
    rows.push(row);
    t.diagnostic(`${feature}: ${row.outcome} (${row.detail}), ${Math.round(performance.now() - since)} ms`);
  }
  return rows;
}
