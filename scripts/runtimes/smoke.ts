// A user's first commands on one runtime, the broker included. What must not depend on the runtime is returned as text
// to be compared.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Capability } from './capabilities.ts';
import { type DevBroker, digest, fails, type RunOptions, type Runtime, startDev, succeed } from './runtime.ts';

/** Reports one check; a function that throws is a check that failed. Returns what it returned, or undefined. */
export type Check = (capability: Capability, run: () => string | Promise<string>) => Promise<string | undefined>;

/** What neither chance nor speed has a say in. */
const RESULTS = ['events', 'windows', 'alerts', 'found', 'missed', 'false_alarms', 'late', 'dead_letters', 'series'];
const DATA = 'fixtures/nab/demo';
const RUN = '--topic sensors --key series --time timestamp --window 5m --detector kpi --until end'.split(' ');

/** `demo` as fast as it goes; the results that every runtime has to have. */
export function demoResults(on: Runtime, options: RunOptions = {}): string {
  const summary = JSON.parse(succeed(on, ['demo', '--speed', 'max', '--no-tui', '-o', 'json'], options));
  return RESULTS.map((key) => `${summary[key]} ${key}`).join(', ');
}

/** demo, dev, produce, run, lag, tail and doctor. */
export async function smoke(on: Runtime, check: Check): Promise<void> {
  await check('demo', () => demoResults(on));
  const folder = mkdtempSync(join(tmpdir(), 'anomaly-runtimes-'));
  let dev: DevBroker | undefined;
  try {
    dev = await startDev(on);
    const options = { env: { ...dev.env, XDG_STATE_HOME: folder } };
    await check('produce', () => produce(on, options));
    await check('run', () => {
      const { windows, alerts, late } = JSON.parse(succeed(on, ['run', ...RUN, '-o', 'json'], options));
      if (!(windows > 0 && alerts > 0)) throw new Error(`${windows} windows, ${alerts} alerts`);
      return `${windows} windows, ${alerts} alerts, ${late} late`;
    });
    await check('lag', () => lag(on, options));
    await check('tail', () => tail(on, options));
    await check('doctor', () => {
      const row = doctorRow(on, options, 'client');
      if (!/platformatic/.test(row.detail)) throw new Error(`the client is ${row.detail}`);
      return 'every check, with the fast client';
    });
  } finally {
    // What was started and answered all of this also has to end as it is told to.
    await check('dev', async () => {
      if (dev === undefined) throw new Error('it did not start');
      const code = await dev.stop();
      if (code !== 0) throw new Error(`SIGTERM ended it with ${code}`);
      return 'ready, and ended by SIGTERM';
    });
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface NativePlaces {
  /** Whether this runtime can load the addon at all. */
  readonly loads: boolean;
  /** bin/anomaly.js where the addon is installed, in place of the repository's. */
  readonly bin?: string | undefined;
  /** bin/anomaly.js of an installation whose addon was not built. */
  readonly without?: string | undefined;
}

/** The native client against a current broker, and an old one by --client auto. */
export async function nativeSmoke(on: Runtime, { loads, bin, without }: NativePlaces, check: Check): Promise<void> {
  const where = bin === undefined ? {} : { bin };
  const dev = await startDev(on);
  await check('native', () => {
    const options = { ...where, env: { ...dev.env, ANOMALY_CLIENT: 'librdkafka' } };
    if (!loads) {
      fails(on, ['lag'], options, 2, 'ANM_CLIENT_MISSING');
      return 'refused by name';
    }
    produce(on, options);
    return tail(on, options, 'sensors');
  });
  await dev.stop();
  const old = await startDev(on, '--like', 'v24.3');
  await check('old', () => {
    const options = { ...where, env: old.env };
    if (!loads) {
      const text = fails(on, ['lag'], options, 2, 'ANM_UNSUPPORTED');
      if (!/try: .*\bNode\b.*v25\.3/.test(text)) throw new Error(`the hint says neither Node nor v25.3:\n${text}`);
      return 'refused with what to do';
    }
    if (without !== undefined) {
      const text = fails(on, ['lag'], { ...options, bin: without }, 2, 'ANM_UNSUPPORTED');
      if (!/try: run npm install @confluentinc/.test(text)) throw new Error(`the hint is not to install it:\n${text}`);
    }
    const row = doctorRow(on, options, 'client');
    if (!/^librdkafka/.test(row.detail)) throw new Error(`the client is ${row.detail}`);
    produce(on, options);
    return tail(on, options, 'sensors');
  });
  await old.stop();
}

function produce(on: Runtime, options: RunOptions): string {
  const args = ['produce', DATA, '--topic', 'sensors', '--partitions', '4', '-o', 'json'];
  return `${JSON.parse(succeed(on, args, options)).rows} rows`;
}

function lag(on: Runtime, options: RunOptions): string {
  const { groups } = JSON.parse(succeed(on, ['lag', '--max-lag', '0', '-o', 'json'], options));
  if (groups.length !== 1) throw new Error(`${groups.length} groups where run has one`);
  return `group ${groups[0].group} is not behind`;
}

/** All records, decoded, in any order of partitions: but for the time when they were made, the same everywhere. */
function tail(on: Runtime, options: RunOptions, topic = 'sensors.anomalies'): string {
  const text = succeed(on, ['tail', topic, '--offset', 'start:end', '-o', 'ndjson'], options);
  const lines = text.trim().split('\n').map(withoutTimes);
  if (lines.length < 10) throw new Error(`${lines.length} records`);
  return `${lines.length} records, sha256 ${digest(lines.sort().join('\n'))}`;
}

function withoutTimes(line: string): string {
  const { timestamp: _made, value, ...record } = JSON.parse(line);
  const { record_time: _evidence, ...row } = value;
  return JSON.stringify({ ...record, value: row });
}

function doctorRow(on: Runtime, options: RunOptions, check: string): { readonly detail: string } {
  const { checks } = JSON.parse(succeed(on, ['doctor', '-o', 'json'], options));
  const row = checks.find((each: { check: string }) => each.check === check);
  if (row === undefined) throw new Error(`doctor has no row ${check}`);
  return row;
}
