import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, type TestContext, test } from 'node:test';
import { connect } from '../../src/clients/connect.ts';
import { portToComeBackTo } from '../helpers/ports.ts';
import { append } from '../helpers/world.ts';
import { killTheRest, startAnomaly } from '../invariants/helpers/child.ts';
import { killDevs, startDev } from '../invariants/helpers/dev.ts';
import { missingPty, PtyRun } from './helpers/pty.ts';

const START_MS = Date.UTC(2026, 0, 1);
const ENTER_SCREEN = '\u001b[?1049h';
const LEAVE_SCREEN = '\u001b[?1049l';
const FLAGS = ['--topic', 'pump', '--time', 'ts', '--window', '1m', '--detector', 'kpi', '--max-ahead', 'off'];

afterEach(() => {
  killTheRest();
  killDevs();
});

/** Skips with the reason where no terminal can be made, unless the environment says that there must be one. */
function needsPty(context: TestContext): boolean {
  const reason = missingPty();
  if (reason === null) return true;
  assert.notEqual(process.env['ANOMALY_REQUIRE_PTY'], '1', reason);
  context.skip(reason);
  return false;
}

/** `anomaly dev` on disk, and a topic with an anomaly. */
async function startCluster(dir: string, ...flags: string[]) {
  const dev = await startDev('--data', join(dir, 'broker'), ...flags);
  const brokers = `127.0.0.1:${dev.port}`;
  const client = await connect({ brokers: [brokers], client: 'platformatic' });
  await client.admin.createTopics([{ name: 'pump', partitions: 2 }]);
  const producer = await client.createProducer();
  for (let i = 0; i < 2000; i++) {
    const value = { ts: START_MS + i * 1000, value: i % 400 === 399 ? 1000 : 20 + (i % 7) };
    append(producer, 'pump', { partition: i % 2, key: `k${i % 4}`, value, timestamp: Date.now() });
  }
  await producer.close();
  await client.close();
  const env = { ANOMALY_BROKERS: brokers, ANOMALY_REGISTRY_URLS: dev.registryUrl, XDG_STATE_HOME: join(dir, 'state') };
  return { dev, env, world: { dir, env } };
}

function assertRestored({ raw }: PtyRun): void {
  assert.ok(raw.includes(ENTER_SCREEN), 'there was a screen');
  assert.ok(raw.lastIndexOf(LEAVE_SCREEN) > raw.lastIndexOf(ENTER_SCREEN), 'the screen was left');
  assert.ok(!raw.includes('\u001b[3J'), 'the scrollback was left alone');
}

test('anomaly tui over anomaly dev and a pipeline: it is seen, commanded, lost with its broker, and seen again', async (context) => {
  if (!needsPty(context)) return;
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-tui-'));
  const port = await portToComeBackTo();
  const ports = ['--port', String(port), '--registry-port', String(await portToComeBackTo(port + 1))];
  const { dev, env, world } = await startCluster(dir, ...ports);
  const pipeline = startAnomaly(world, ['run', ...FLAGS, '--status-every', '200ms']);
  const run = new PtyRun(['tui', 'pump'], 130, 40, env);
  let from = 0;
  /** Presses a key, and waits for what the screen writes then. */
  const press = async (key: string, pattern: RegExp) => {
    from = run.raw.length;
    run.type(key);
    await run.sees(pattern, from);
  };
  try {
    await run.sees(/pump[\s\S]*running/);
    await run.sees(/4 series/);
    await press('2', /pump[\s\S]*OK/);
    await press('5', /kpi@value/);
    await press('\r', /anomaly explain kpi@value[\s\S]*●/);
    await press('\u001b', /newest first/);
    await press('1', /source/);
    await press('h', /pause pump\? y\/N/);
    await press('y', /\(pump\): done/);
    await run.sees(/paused/, from);
    await press('h', /let pump go on\? y\/N/);
    await press('y', /\(pump\): done/);
    await press('c', /savepoint of pump, named/);
    await press('\r', /\(pump\): [\s\S]*pump\/0 at 1000/);
    from = run.raw.length;
    dev.child.kill('SIGTERM');
    await dev.ended;
    await run.sees(/lost/, from);
    from = run.raw.length;
    await startDev('--data', join(dir, 'broker'), ...ports);
    await run.sees(/connected/, from);
    run.type('q');
    assert.equal(await run.exit(), 0, run.raw.slice(-2000));
    assertRestored(run);
    const log = readFileSync(join(dir, 'state', 'anomaly', 'anomaly.log'), 'utf8')
      .trim()
      .split('\n');
    const said = log.map((line) => (JSON.parse(line) as { msg: string }).msg);
    assert.ok(
      said.some((text) => text.startsWith('the cluster is away')),
      said.join('\n'),
    );
    assert.ok(said.includes('the cluster is back'), said.join('\n'));
    pipeline.kill('SIGTERM');
    await pipeline.ended;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('run --tui: the pipeline on the screen, q drains it, and the summary is below', async (context) => {
  if (!needsPty(context)) return;
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-tui-'));
  const { env } = await startCluster(dir);
  try {
    const run = new PtyRun(['run', '--tui', ...FLAGS], 110, 30, env);
    await run.sees(/pump[\s\S]*running/);
    await run.sees(/4 series/);
    const from = run.raw.length;
    run.type('9');
    await run.sees(/created pump\.status, pump\.control/, from);
    run.type('q');
    assert.equal(await run.exit(), 0, run.raw.slice(-2000));
    assertRestored(run);
    const below = run.raw.slice(run.raw.lastIndexOf(LEAVE_SCREEN));
    assert.match(below, /pump: stopped: drained and committed/);
    assert.match(below, /records +2,000/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('run --tui that fails gives the terminal back, and says where its log is', async (context) => {
  if (!needsPty(context)) return;
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-tui-'));
  const { env } = await startCluster(dir);
  try {
    const run = new PtyRun(['run', '--tui', '--topic', 'nowhere', '--window', '1m'], 110, 30, env);
    assert.notEqual(await run.exit(), 0);
    assertRestored(run);
    const below = run.raw.slice(run.raw.lastIndexOf(LEAVE_SCREEN));
    assert.match(below, /the log of the run is .*anomaly\.log/);
    assert.match(below, /ANM_TOPIC_MISSING/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
