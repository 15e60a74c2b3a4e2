import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CommandContext } from '../../src/commands/command.ts';
import { openScreenLog } from '../../src/commands/tui/log.ts';
import { tui } from '../../src/commands/tui.ts';
import { PANEL_IDS } from '../../src/observe/watch/panelIds.ts';
import { runCli } from '../helpers/cli.ts';
import { append, startWorld, type World } from '../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 1);
const ESCAPE = '\u001b';
let world: World;
let stop: () => Promise<void>;

interface Shown {
  readonly totals: { readonly records: number };
  readonly partitions: readonly { readonly committed: number | null }[];
}

/** A pipeline that runs, has had an anomaly, and has committed all that there is. */
before(async () => {
  world = await startWorld();
  await world.client.admin.createTopics([{ name: 'pump', partitions: 2 }]);
  const producer = await world.client.createProducer();
  for (let i = 0; i < 2000; i++) {
    const value = { ts: START_MS + i * 1000, value: i % 400 === 399 ? 1000 : 20 + (i % 7) };
    append(producer, 'pump', { partition: i % 2, key: `k${i % 4}`, value, timestamp: Date.now() });
  }
  await producer.close();
  const signals = new EventEmitter();
  const flags = ['--topic', 'pump', '--time', 'ts', '--window', '1m', '--detector', 'kpi', '--max-ahead', 'off'];
  const ended = world.run(['run', ...flags, '--status-every', '100ms'], { signals });
  stop = async () => {
    signals.emit('SIGTERM');
    await ended;
  };
  for (;;) {
    const { stdout } = await world.run(['control', 'status', 'pump', '-o', 'json']);
    const { members } = JSON.parse(stdout || '{"members":[]}') as { members: Shown[] };
    const isCommitted = members[0]?.partitions.every(({ committed }) => committed === 1000);
    if (members[0]?.totals.records === 2000 && isCommitted) return;
  }
});
after(async () => {
  await stop();
  await world.close();
});

interface Look {
  readonly schema_version: number;
  readonly connection: { readonly state: string };
  readonly pipelines: readonly { readonly name: string; readonly state: string; readonly stages: readonly unknown[] }[];
  readonly lag: readonly { readonly group: string; readonly lag_records: number | null }[];
}

test('-o json: what the panels show, a look a line, as many as were asked for', async () => {
  const { code, stdout, stderr } = await world.run(['tui', '-o', 'json', '-n', '2', '--interval', '250ms']);
  assert.equal(code, 0, stderr);
  assert.ok(!(stdout + stderr).includes(ESCAPE), 'no escape bytes');
  const looks = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Look);
  assert.equal(looks.length, 2);
  const { schema_version: version, connection, pipelines, lag } = looks[1]!;
  assert.deepEqual([version, connection.state], [1, 'connected']);
  assert.deepEqual(
    pipelines.map(({ name, state }) => [name, state]),
    [['pump', 'running']],
  );
  assert.ok(pipelines[0]!.stages.length > 4, 'it has stages');
  assert.deepEqual(
    lag.filter(({ group }) => group === 'pump').map((row) => row.lag_records),
    [0, 0],
  );
});

test('lines where there is no terminal, with the reason; one pipeline and one group alone', async () => {
  const { code, stdout, stderr } = await world.run(['tui', 'pump', '--group', 'pump', '-n', '1'], {
    env: { NO_COLOR: '1' },
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /a summary in words every 5 s, as stdout is no terminal/);
  assert.match(stdout, /pump/);
  assert.match(stdout, /running/);
  assert.ok(!(stdout + stderr).includes(ESCAPE), 'no escape bytes');
  const none = await world.run(['tui', 'other', '-n', '1', '-q']);
  assert.equal(none.code, 0);
  assert.equal(none.stderr, '');
  assert.doesNotMatch(none.stdout, /pipeline pump/);
});

for (const [what, flags, env, reason] of [
  ['--accessible', ['--accessible'], {}, '--accessible'],
  ['ANOMALY_ACCESSIBLE', [], { ANOMALY_ACCESSIBLE: '1' }, 'ANOMALY_ACCESSIBLE is set'],
  ['a screen reader', [], { INK_SCREEN_READER: 'true' }, 'INK_SCREEN_READER is true'],
  ['a dumb terminal', [], { TERM: 'dumb' }, 'a terminal of type dumb'],
  ['a CI', [], { CI: 'true' }, 'CI is set'],
] as const) {
  test(`${what} gets lines in a terminal, too`, async () => {
    const options = { env, terminal: true };
    const { code, stdout, stderr } = await world.run(['tui', ...flags, '-n', '1', '--color', 'never'], options);
    assert.equal(code, 0, stderr);
    assert.ok(stderr.includes(reason), stderr);
    assert.ok(!(stdout + stderr).includes(ESCAPE), 'no escape bytes');
  });
}

test('without a broker it ends by itself with exit code 3, and says why once', async () => {
  for (const format of ['text', 'json']) {
    const argv = ['tui', '--brokers', '127.0.0.1:1', '-o', format];
    const { code, stdout, stderr } = await runCli(argv, { env: { NO_COLOR: '1' } });
    assert.equal(code, 3, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /ANM_BROKER_UNREACHABLE/);
    assert.doesNotMatch(stderr, /warning/);
    assert.ok(!stderr.includes(ESCAPE), 'no escape bytes');
  }
});

test('a signal ends the lines', async () => {
  const signals = new EventEmitter();
  const onOutput = () => signals.emit('SIGINT');
  const { code } = await world.run(['tui', '-o', 'ndjson'], { signals, onOutput });
  assert.equal(code, 130);
});

test('options that make no sense are refused', async () => {
  for (const [argv, message] of [
    [['tui', '--interval', '1ms'], /--interval wants at least 250ms/],
    [['tui', '-n', '0'], /--num wants at least 1/],
    [['tui', '--panel', 'nonsense'], /--panel/],
  ] as const) {
    const { code, stderr } = await world.run(argv);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});

test('run --tui without a terminal runs without a screen, and says so', async () => {
  const flags = ['--topic', 'pump', '--time', 'ts', '--window', '1m', '--max-ahead', 'off', '--pipeline', 'bare'];
  const sinks = ['windows', 'late', 'dead_letters'].flatMap((sink) => ['-X', `sinks.${sink}=bare.${sink}`]);
  const { code, stdout, stderr } = await world.run(['run', '--tui', ...flags, ...sinks, '--until', 'end']);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /runs without --tui as stdout is no terminal/);
  assert.match(stdout, /records +2,000/);
});

test('the panels of --panel are those of the screen', () => {
  const option = tui.options!.find(({ flags }) => flags.startsWith('--panel'));
  assert.deepEqual(option!.choices, PANEL_IDS);
});

test('the log of a screen is a file of JSON lines, without secrets, and its last lines are in the panel', async () => {
  const env = { XDG_STATE_HOME: join(world.dir, 'logs') };
  const settings = { string: () => 'info' };
  const log = openScreenLog({ env, now: () => 1000, settings, flags: {} } as unknown as CommandContext);
  log.logger.info('first', { password: 'hunter2' });
  for (let i = 0; i < 2500; i++) log.logger.warn(`line ${i}`);
  log.logger.debug('not asked for');
  await log.close();
  assert.equal(log.path, join(env.XDG_STATE_HOME, 'anomaly', 'anomaly.log'));
  const lines = readFileSync(log.path!, 'utf8').trim().split('\n');
  assert.equal(lines.length, 2501);
  assert.deepEqual(JSON.parse(lines[0]!), { level: 30, time: 1000, msg: 'first', password: '********' });
  const kept = log.lines();
  assert.deepEqual([kept.length, kept.at(-1)!.text], [1000, 'line 2499']);
});

test('a log that can be written nowhere is said in the panel', async () => {
  const file = join(world.dir, 'file');
  const env = { XDG_STATE_HOME: join(file, 'below') };
  writeFileSync(file, '');
  const settings = { string: () => 'info' };
  const log = openScreenLog({ env, now: () => 1000, settings, flags: {} } as unknown as CommandContext);
  assert.equal(log.path, null);
  assert.match(log.lines()[0]!.text, /the log is kept in no file/);
  await log.close();
});
