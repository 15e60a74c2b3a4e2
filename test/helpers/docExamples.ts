import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startAnomaly } from '../invariants/helpers/child.ts';
import { splitWords } from './words.ts';
import { readTopic, type World } from './world.ts';

const EXAMPLES = fileURLToPath(new URL('../../docs/examples/', import.meta.url));

/** The commands of a section of docs/examples/README.md, without `$ anomaly`. */
export function commandsOf(heading: string): string[][] {
  const text = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  const section = text.split(/^## /m).find((each) => each.startsWith(heading));
  assert.ok(section !== undefined, `README.md has no section ${heading}`);
  return [...section.matchAll(/^\$ anomaly (.+)$/gm)].map(([, words]) => splitWords(words!));
}

interface Reading {
  readonly timeMs: number;
  readonly sensor: string;
  readonly value: number;
}

function readings(): Reading[] {
  const [, ...lines] = readFileSync(join(EXAMPLES, 'readings.csv'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [ts, sensor, value] = line.split(',');
    return { timeMs: Date.parse(ts!), sensor: sensor!, value: Number(value) };
  });
}

export interface WindowRow {
  readonly series: string;
  readonly window: string;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly mean: number | null;
  readonly anomalies: number | null;
  readonly features: readonly { readonly name: string; readonly value: number | null }[];
}

/** Values by sensor and window start, of windows that begin every `advanceMs`. */
function expected(sizeMs: number, advanceMs: number): Map<string, number[]> {
  const windows = new Map<string, number[]>();
  for (const { timeMs, sensor, value } of readings()) {
    for (let start = Math.floor(timeMs / advanceMs) * advanceMs; start > timeMs - sizeMs; start -= advanceMs) {
      const key = `${sensor} ${start}`;
      windows.set(key, [...(windows.get(key) ?? []), value]);
    }
  }
  return windows;
}

async function rowsOf(world: World, topic: string): Promise<WindowRow[]> {
  return (await readTopic(world, topic)).flat().map(({ value }) => value as WindowRow);
}

async function succeed(
  world: World,
  folder: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const run = await world.run(argv, { cwd: join(EXAMPLES, folder), env });
  assert.equal(run.code, 0, `${argv.join(' ')}: ${run.stderr}`);
  return run;
}

/** Runs the section about rolling averages, and holds each row against the readings. */
export async function checkRollingAverages(world: World): Promise<void> {
  for (const command of commandsOf('Rolling averages')) await succeed(world, 'rolling-averages', command);
  const rows = await rowsOf(world, 'rolling-averages.windows');
  for (const [window, sizeMs, advanceMs] of [
    ['every5m', 300_000, 300_000],
    ['avg5m', 300_000, 60_000],
    ['minute', 60_000, 60_000],
  ] as const) {
    const own = rows.filter((row) => row.window === window);
    const wanted = expected(sizeMs, advanceMs);
    assert.equal(own.length, wanted.size, window);
    for (const row of own) {
      const values = wanted.get(`${row.series} ${row.start}`)!;
      assert.deepEqual([row.end - row.start, row.count], [sizeMs, values.length]);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      assert.ok(Math.abs(row.mean! - mean) < 1e-9, `${row.series} ${row.start}: ${row.mean} and ${mean}`);
    }
  }
  checkRolling(rows.filter(({ window }) => window === 'minute'));
}

/** Each minute's feature is the average of the means of the last five. */
function checkRolling(rows: readonly WindowRow[]): void {
  for (const row of rows) {
    const last = rows.filter(({ series, end }) => series === row.series && end <= row.end && end > row.end - 300_000);
    const mean = last.reduce((sum, each) => sum + each.mean!, 0) / last.length;
    const [feature] = row.features;
    assert.equal(feature?.name, 'rolling_5m');
    assert.ok(Math.abs(feature!.value! - mean) < 1e-9, `${row.series} ${row.start}: ${feature!.value} and ${mean}`);
  }
}

export interface CountsSteps {
  /** Objects on S3, by name. */
  readonly objects: () => Promise<readonly string[]>;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs the section about checkpoints: a run that is stopped, one that is killed, and one that goes on from S3. */
export async function checkAnomalyCounts(world: World, { objects, env }: CountsSteps): Promise<void> {
  const [produce, first, second, third, ls, verify, tail] = commandsOf('Checkpoints every 10 minutes');
  const folder = 'anomaly-counts';
  // Each start has a state directory of its own, as on another machine.
  const child = (argv: readonly string[], machine: string): Child =>
    startAnomaly(
      { dir: join(EXAMPLES, folder), env: { ...world.env, ...env, XDG_STATE_HOME: join(world.dir, machine) } },
      argv,
    );
  await world.client.admin.createTopics([{ name: 'raw-sensors', partitions: 2 }]);
  const producing = succeed(world, folder, produce!);
  const stopped = child(first!, 'one');
  await committed(world, 100);
  assert.deepEqual((await objects()).filter(isManifest), [], 'ten minutes are not over');
  stopped.kill('SIGTERM');
  const end = await stopped.ended;
  assert.equal(end.code, 0, end.stderr);
  assert.ok((await objects()).filter(isManifest).length > 0, 'a stop leaves a checkpoint');
  // What the checkpoint holds; on a slow machine it may be all.
  const held = await committed(world, 100);
  const killed = child(second!, 'two');
  await committed(world, Math.min(held + 50, readings().length));
  killed.kill('SIGKILL');
  assert.equal((await killed.ended).signal, 'SIGKILL');
  await producing;
  const last = await child([...third!, '-o', 'json'], 'three').ended;
  assert.equal(last.code, 0, last.stderr);
  const { restored } = JSON.parse(last.stdout) as { restored: number };
  if (held < readings().length) assert.ok(restored > 0, 'records behind the checkpoint were read again');
  assert.match((await succeed(world, folder, ls!, env)).stdout, /anomaly-counts +raw-sensors\/[01]/);
  assert.match((await succeed(world, folder, verify!, env)).stdout, /equal bit for bit, 540 records/);
  await succeed(world, folder, tail!, env);
  checkCounts(await rowsOf(world, 'anomaly-counts.windows'));
}

function checkCounts(rows: readonly WindowRow[]): void {
  const wanted = expected(600_000, 600_000);
  assert.equal(rows.length, wanted.size, 'none is lost or doubled');
  for (const { series, start, count, anomalies } of rows) {
    const values = wanted.get(`${series} ${start}`)!;
    assert.deepEqual([count, anomalies], [values.length, values.filter((value) => value > 70).length]);
  }
  assert.equal(
    rows.reduce((sum, { anomalies }) => sum + anomalies!, 0),
    6,
  );
}

const isManifest = (name: string): boolean => name.endsWith('manifest.json');

/** Waits until the group has committed that many records; says how many they are. */
async function committed(world: World, records: number): Promise<number> {
  const places = [0, 1].map((partition) => ({ topic: 'raw-sensors', partition }));
  for (;;) {
    const offsets = await world.client.admin.groupOffsets('anomaly-counts', places);
    const sum = offsets.reduce((total, { offset }) => total + Math.max(0, offset), 0);
    if (sum >= records) return sum;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
