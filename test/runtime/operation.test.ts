import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, test } from 'node:test';
import { shownMembers } from '../../src/observe/shownMembers.ts';
import type { MemberStatus } from '../../src/observe/status.ts';
import { encodeStatus, statusKey } from '../../src/observe/statusRecord.ts';
import { StatusReader } from '../../src/runtime/status/reader.ts';
import { ensureOperationTopics, statusTopic } from '../../src/runtime/topics/operationTopics.ts';
import type { CliRun } from '../helpers/cli.ts';
import { statusOf } from '../helpers/status.ts';
import { append, readTopic, startWorld, type World } from '../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function fill(topic: string, from: number, to: number, partitions = 2): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions }]);
  const producer = await world.client.createProducer();
  for (let i = from; i < to; i++) {
    const value = i % 50 === 49 ? 'bad' : { ts: START_MS + i * 1000, value: i % 7 };
    append(producer, topic, { partition: i % partitions, key: `k${i % partitions}`, value });
  }
  await producer.close();
}

/** A run in the background. */
function start(
  topic: string,
  ...more: string[]
): { ended: Promise<CliRun>; signals: EventEmitter; stderr: () => string } {
  const signals = new EventEmitter();
  let stderr = '';
  const flags = ['--topic', topic, '--time', 'ts', '--window', '1m', '--max-ahead', 'off', '--commit-every', '20ms'];
  const onError = (text: string) => {
    stderr = text;
  };
  const ended = world.run(['run', ...flags, '--status-every', '20ms', '-o', 'json', ...more], { signals, onError });
  return { ended, signals, stderr: () => stderr };
}

/** Reads the status topic until it tells this. */
async function until(
  pipeline: string,
  isSo: (members: readonly MemberStatus[]) => boolean,
): Promise<readonly MemberStatus[]> {
  for (;;) {
    const reader = await StatusReader.open(world.client, pipeline);
    if (reader === undefined) continue;
    try {
      for (;;) {
        const members = await reader.read();
        if (isSo(members)) return members;
        await reader.poll(50);
      }
    } finally {
      await reader.close();
    }
  }
}

const records = (members: readonly MemberStatus[]) => members.reduce((sum, { totals }) => sum + totals.records, 0);
const control = (...argv: string[]) => world.run(['control', ...argv]);

test('a member tells what it does, and is gone from the topic after an orderly end', async () => {
  await fill('told', 0, 400);
  const run = start('told');
  const [status] = await until(
    'told',
    (members) => records(members) === 400 && members[0]!.partitions.every(({ committed }) => committed === 200),
  );
  assert.equal(status!.state, 'running');
  assert.deepEqual(
    status!.partitions.map(({ topic, partition, position, committed, end, lag, series, deadLetters, openWindows }) => {
      return [topic, partition, position, committed, end, lag, series, deadLetters, openWindows];
    }),
    [
      ['told', 0, 200, 200, 200, 0, 1, 0, 1],
      ['told', 1, 200, 200, 200, 0, 1, 8, 1],
    ],
  );
  assert.equal(status!.partitions[0]!.watermark, START_MS + 398_000 - 5000);
  assert.deepEqual([status!.totals.deadLetters, status!.restarts, status!.error], [8, 0, null]);
  assert.ok(status!.commitMs.count > 0 && status!.totals.commits > 0);
  const shown = await control('status', 'told');
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /running/);
  assert.match(shown.stdout, /told\/1 .* 200 +200 +0 /);
  run.signals.emit('SIGTERM');
  assert.equal((await run.ended).code, 0, run.stderr());
  const gone = await control('status', 'told');
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /ANM_NOT_RUNNING.*pipeline told has no live member/);
});

test('pause holds every partition, resume goes on where it was, stop ends the run', async () => {
  await fill('held', 0, 100);
  const run = start('held');
  await until('held', (members) => records(members) === 100);
  const paused = await control('pause', 'held', '-o', 'json');
  assert.equal(paused.code, 0, paused.stderr);
  const { members } = JSON.parse(paused.stdout) as { members: { offsets: unknown[]; error: unknown }[] };
  assert.deepEqual(members[0]!.offsets, [
    { topic: 'held', partition: 0, offset: 50 },
    { topic: 'held', partition: 1, offset: 50 },
  ]);
  await fill('held', 100, 200);
  // A heartbeat is a status without a change: by then the records would have been seen.
  const [first] = await until('held', ([status]) => status?.state === 'paused');
  const [later] = await until('held', ([status]) => status!.atMs > first!.atMs);
  assert.deepEqual([later!.state, later!.totals.records], ['paused', 100]);
  // It fetches nothing, and still tells how far it is behind.
  await until('held', ([status]) => status!.partitions.every(({ lag }) => lag === 50));
  const resumed = await control('resume', 'held');
  assert.equal(resumed.code, 0, resumed.stderr);
  await until('held', (each) => records(each) === 200);
  const stopped = await control('stop', 'held');
  assert.equal(stopped.code, 0, stopped.stderr);
  const { code, stdout, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
  const summary = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual([summary['ended'], summary['records']], ['stopped', 200]);
});

test('who joins a paused pipeline starts paused, as does the run after it, until it is resumed', async () => {
  await fill('joined', 0, 100);
  const former = start('joined');
  await until('joined', (members) => records(members) === 100);
  assert.equal((await control('pause', 'joined')).code, 0);
  await fill('joined', 100, 200);
  const partitions = (members: readonly MemberStatus[]) => members.map((each) => each.partitions.length);
  const arePaused = (members: readonly MemberStatus[]) => members.every(({ state }) => state === 'paused');
  const joiner = start('joined');
  const both = await until('joined', (members) => arePaused(members) && partitions(members).join() === '1,1');
  assert.equal(records(both), 100, 'the joiner has read');
  // Its state comes back up to the commit all the same.
  await until('joined', (members) => members.every(({ partitions: [at] }) => at?.position === 50 && at.lag === 50));
  for (const { signals, ended } of [former, joiner]) {
    signals.emit('SIGTERM');
    assert.equal((await ended).code, 0);
  }
  assert.match(
    joiner.stderr(),
    /starts paused, as the pipeline is since \S+ by \S+: anomaly control resume joined lets/,
  );
  // Who runs it to its end means to.
  const bounded = await start('joined', '--until', 'end').ended;
  assert.equal(bounded.code, 0, bounded.stderr);
  assert.match(bounded.stderr, /runs to the end all the same, though joined is paused since/);
  assert.equal((JSON.parse(bounded.stdout) as Record<string, unknown>)['records'], 100);
  await fill('joined', 200, 300);
  const next = start('joined');
  const [alone] = await until('joined', (members) => arePaused(members) && partitions(members).join() === '2');
  assert.equal(alone!.totals.records, 0);
  assert.equal((await control('resume', 'joined')).code, 0);
  const [done] = await until('joined', ([status]) => status!.partitions.every(({ committed }) => committed === 150));
  assert.deepEqual([done!.state, done!.totals.records], ['running', 100]);
  next.signals.emit('SIGTERM');
  assert.equal((await next.ended).code, 0, next.stderr());
  const after = start('joined');
  await until('joined', (members) => partitions(members).join() === '2' && members[0]!.state === 'running');
  after.signals.emit('SIGTERM');
  assert.equal((await after.ended).code, 0, after.stderr());
});

test('a command for a pipeline that nobody runs says so', async () => {
  const never = await control('pause', 'nobody');
  assert.equal(never.code, 1);
  assert.match(never.stderr, /ANM_NOT_RUNNING.*there is no topic nobody.status/);
  await ensureOperationTopics(world.client.admin, 'dead');
  await put('dead', statusOf({ pipeline: 'dead', group: 'dead', atMs: Date.now() - 60_000 }));
  const dead = await control('stop', 'dead');
  assert.equal(dead.code, 1);
  assert.match(dead.stderr, /ANM_NOT_RUNNING.*no live member/);
});

test('a member that does not answer is named, with the flag that waits longer', async () => {
  await ensureOperationTopics(world.client.admin, 'mute');
  await put('mute', statusOf({ pipeline: 'mute', group: 'mute', member: 'm1', host: 'box', atMs: Date.now() }));
  const { code, stderr } = await control('pause', 'mute', '--wait', '300ms');
  assert.equal(code, 3);
  assert.match(stderr, /ANM_TIMEOUT.*m1 on box carried out pause.*--wait \(300 ms\)/);
});

test('a member that lives with another definition refuses the start, by name and both hashes; a dead one does not', async () => {
  await fill('odd', 0, 20);
  await ensureOperationTopics(world.client.admin, 'odd');
  await put(
    'odd',
    statusOf({ pipeline: 'odd', group: 'odd', member: 'm1', host: 'box', pid: 77, atMs: Date.now() - 10_001 }),
  );
  const fine = start('odd', '--until', 'end');
  assert.equal((await fine.ended).code, 0, fine.stderr());
  // It speaks again and again: it lives.
  const other = statusOf({ pipeline: 'odd', group: 'odd', member: 'm2', host: 'box', pid: 78, definition: 'theirs' });
  let refused: CliRun | undefined;
  const run = start('odd', '--until', 'end');
  void run.ended.then((each) => {
    refused = each;
  });
  while (refused === undefined) await put('odd', { ...other, atMs: Date.now() });
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /ANM_DEFINITION_MISMATCH.*group odd as member m2 on box \(pid 78\) runs definition theirs, and this one is [0-9a-f]{16}/,
  );
});

test('what serves metrics: Prometheus text from the status, liveness and readiness', async () => {
  await fill('scraped', 0, 300);
  const run = start('scraped', '--metrics', '127.0.0.1:0');
  await until(
    'scraped',
    (members) => records(members) === 300 && members[0]!.partitions.every(({ committed }) => committed === 150),
  );
  const url = /metrics on (http:\S+)\/metrics/.exec(run.stderr())![1]!;
  const answer = await fetch(`${url}/metrics`);
  assert.match(answer.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/);
  const samples = parseMetrics(await answer.text());
  const value = (name: string, labels: Record<string, string> = {}) => {
    const found = samples.filter(
      (each) => each.name === name && Object.entries(labels).every(([k, v]) => each.labels[k] === v),
    );
    assert.equal(found.length, 1, `${name} ${JSON.stringify(labels)}: ${found.length} samples`);
    return found[0]!.value;
  };
  assert.equal(value('anomaly_records_in_total'), 300);
  assert.equal(value('anomaly_dead_letters_total'), 6);
  assert.equal(value('anomaly_lag_records', { topic: 'scraped', partition: '1' }), 0);
  assert.equal(value('anomaly_lag_seconds', { partition: '1' }), 0);
  assert.equal(value('anomaly_committed_offset', { partition: '0' }), 150);
  assert.equal(value('anomaly_member_state', { state: 'running' }), 1);
  assert.equal(value('anomaly_member_state', { state: 'failed' }), 0);
  assert.ok(value('anomaly_watermark_delay_seconds', { partition: '0' }) > 0);
  assert.equal(
    value('anomaly_commit_duration_seconds_bucket', { le: '+Inf' }),
    value('anomaly_commit_duration_seconds_count'),
  );
  assert.ok(value('process_resident_memory_bytes') > 1e6);
  const [live, ready, other] = await Promise.all(['livez', 'readyz', 'x'].map((path) => fetch(`${url}/${path}`)));
  assert.deepEqual([live!.status, ready!.status, other!.status], [200, 200, 404]);
  run.signals.emit('SIGTERM');
  assert.equal((await run.ended).code, 0);
  await assert.rejects(fetch(`${url}/livez`));
});

test('an address that cannot be served is refused at the start', async () => {
  await fill('taken', 0, 10);
  const { port } = new URL(`http://${world.env['ANOMALY_BROKERS']}`);
  const { code, stderr } = await start('taken', '--metrics', `127.0.0.1:${port}`).ended;
  assert.equal(code, 1);
  assert.match(stderr, /ANM_PORT_IN_USE.*cannot serve metrics on 127/);
});

test('status off leaves no topics', async () => {
  await fill('quiet', 0, 10);
  const { code, stderr } = await start('quiet', '--until', 'end', '--status-every', 'off').ended;
  assert.equal(code, 0, stderr);
  const names = (await world.client.admin.topics()).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => /^quiet\.(status|control)/.test(name)),
    [],
  );
});

async function put(pipeline: string, status: MemberStatus): Promise<void> {
  const producer = await world.client.createProducer();
  const [key, value] = [new TextEncoder().encode(statusKey(status)), encodeStatus(status)];
  producer.append(statusTopic(pipeline), 0, status.atMs, key, 0, key.length, value, 0, value.length);
  await producer.close();
}

interface Sample {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** Prometheus' text format, strictly: a line that is none is an error. */
function parseMetrics(text: string): Sample[] {
  assert.ok(text.endsWith('\n'));
  const samples: Sample[] = [];
  for (const line of text.split('\n').filter(Boolean)) {
    if (/^# (HELP|TYPE) [a-z_]+ .+$/.test(line)) continue;
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(match, line);
    const labels = Object.fromEntries(
      [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k, v]) => [k, v]),
    );
    samples.push({ name: match[1]!, labels, value: Number(match[3]) });
  }
  return samples;
}

for (const guarantee of ['at-least-once', 'exactly-once']) {
  test(`${guarantee}: a savepoint is answered when it counts, and a command is in the journal with its offset`, async () => {
    const topic = `saved-${guarantee}`;
    await fill(topic, 0, 100);
    const run = start(topic, '--guarantee', guarantee);
    await until(topic, (members) => records(members) === 100 && members[0]!.state === 'running');
    const saved = await control('savepoint', topic, 'before-upgrade', '-o', 'json');
    assert.equal(saved.code, 0, saved.stderr + run.stderr());
    const { id, members } = JSON.parse(saved.stdout) as { id: string; members: { result: string }[] };
    const again = await world.run(['checkpoint', 'create', topic, '--name', 'before-upgrade']);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /ANM_CONTROL.*there is one of that name/);
    const stopped = await control('stop', topic, '--savepoint', 'at-the-end');
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.equal((await run.ended).code, 0);
    const journal = (await readTopic(world, `${topic}.journal`)).map((rows) =>
      rows.map(({ value }) => value as Record<string, unknown>),
    );
    for (const entries of journal) {
      const commands = entries.filter(({ type }) => type === 'control');
      assert.deepEqual(
        commands.map(({ command, offset }) => [command, offset]),
        [
          ['savepoint before-upgrade', 50],
          ['savepoint before-upgrade', 50],
          ['stop at-the-end', 50],
        ],
      );
      assert.equal(commands[0]!['id'], id);
      const named = entries.filter(({ type, savepoint }) => type === 'snapshot' && savepoint !== undefined);
      assert.deepEqual(
        named.map(({ savepoint, offset }) => [savepoint, offset]),
        [
          ['before-upgrade', 50],
          ['at-the-end', 50],
        ],
      );
      assert.equal(named[0]!['checkpoint'], members[0]!.result);
    }
  });
}

test('of starts that failed the status shows the last of each place, and none before what lives there', async () => {
  const shown = (members: readonly MemberStatus[]) => shownMembers(members, 20_000, 10_000).map(({ member }) => member);
  const failed = (member: string, atMs: number, host = 'h') => statusOf({ member, host, atMs, state: 'failed' });
  const live = (member: string, startedMs: number) => statusOf({ member, startedMs, atMs: 19_000 });
  const starts = [failed('f1', 1000), failed('f2', 3000), failed('f3', 2000)];
  assert.deepEqual(shown(starts), ['f2']);
  assert.deepEqual(shown([...starts, live('m', 4000)]), ['m']);
  assert.deepEqual(shown([...starts, live('m', 2500)]), ['f2', 'm'], 'one of two failed while the other lives');
  assert.deepEqual(shown([failed('g', 3000, 'other'), live('m', 2500), live('n', 5000)]), ['g', 'm', 'n']);
  assert.deepEqual(shown([failed('g', 3000, 'other'), live('m', 4000)]), ['m']);

  await ensureOperationTopics(world.client.admin, 'piled');
  const message = `no room at all ${'x'.repeat(100)}\n  and more`;
  const at = { pipeline: 'piled', group: 'piled', error: { code: 'ANM_STORE_FULL', message } };
  await put('piled', statusOf({ ...at, member: 'f1', state: 'failed', atMs: Date.now() - 2000 }));
  await put('piled', statusOf({ ...at, member: 'f2', state: 'failed', atMs: Date.now() - 1000 }));
  await put('piled', statusOf({ ...at, member: 'g', host: 'silent', error: null, atMs: Date.now() - 60_000 }));
  const text = (await control('status', 'piled')).stdout;
  assert.match(text, /f2 .*failed .*ANM_STORE_FULL no room at all x+\.\.\.\s*\n/);
  assert.ok(!text.includes('f1') && !text.includes('and more'), text);
  const wide = (await control('status', 'piled', '-o', 'wide')).stdout;
  assert.ok(wide.includes('f1') && wide.includes('and more'), wide);
  const { members } = JSON.parse((await control('status', 'piled', '-o', 'json')).stdout);
  assert.deepEqual(
    members.map((each: Record<string, unknown>) => [each['member'], each['state'], each['last_state'], each['live']]),
    [
      ['f1', 'failed', undefined, false],
      ['f2', 'failed', undefined, false],
      ['g', 'gone', 'running', false],
    ],
  );
});

test('a name that no store takes is refused before anything is sent', async () => {
  for (const name of ['../x', 'latest', '@-1h']) {
    const { code, stderr } = await control('savepoint', 'told', name);
    assert.equal(code, 2);
    assert.ok(stderr.includes(`ANM_USAGE`) && stderr.includes(`cannot name a savepoint "${name}"`), stderr);
  }
});

test('a savepoint that comes before the group has given its partitions waits for them', async () => {
  await fill('early', 0, 100);
  world.broker.faults.inject({ api: 'SyncGroup', delayMs: 1500 });
  const run = start('early');
  await until('early', ([status]) => status?.state === 'starting');
  const saved = await control('savepoint', 'early', 'first', '-o', 'json');
  assert.equal(saved.code, 0, saved.stderr);
  const { members } = JSON.parse(saved.stdout) as { members: { offsets: { partition: number }[]; result: string }[] };
  assert.deepEqual(
    members.map(({ offsets }) => offsets.map(({ partition }) => partition)),
    [[0, 1]],
  );
  assert.match(members[0]!.result, /^[0-9a-f-]{36}$/);
  run.signals.emit('SIGTERM');
  assert.equal((await run.ended).code, 0, run.stderr());
});
