import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { parse } from 'yaml';
import { startAdmin } from '../../src/broker/admin.ts';
import { startBroker } from '../../src/broker/broker.ts';
import { commit, lagWorld, ONE_LOOK, produce } from '../helpers/lagWorld.ts';

test('lag: numbers where they are known, reasons where they are not, totals, and the check', async (t) => {
  const { run } = await lagWorld(t);
  const { code, stdout } = await run(['lag', 'pumps', '-o', 'json', ...ONE_LOOK]);
  assert.equal(code, 0);
  const { groups, partitions } = JSON.parse(stdout);
  const [first, second] = partitions;
  const { group, topic, partition, committed, end, lag, reason } = first;
  assert.deepEqual(
    { group, topic, partition, committed, end, lag, reason },
    { group: 'pumps', topic: 'readings', partition: 0, committed: 4, end: 15, lag: 11, reason: null },
  );
  assert.deepEqual(
    [first.start, first.lag_ms, first.verdict, first.in_rate, first.deleted_records],
    [0, null, null, null, 0],
  );
  assert.deepEqual(first.reasons, {
    lag_ms: 'time needs 2 looks; --exact reads the record',
    verdict: 'the verdict needs 10 commits or 100 s of watching, and has 1',
    rates: 'rates need 2 looks',
    drain_ms: 'rates need 2 looks',
  });
  assert.deepEqual([second.committed, second.end, second.lag, second.reason], [null, 0, null, 'nothing committed']);
  assert.deepEqual([groups[0].lag, groups[0].unknown, groups[0].verdict], [11, 1, null]);
  const text = (await run(['lag', ...ONE_LOOK])).stdout;
  assert.match(
    text,
    /^pumps +readings +0 +4 +15 +11 +- +- +- +- +- +- +time needs 2 looks; --exact reads the record$/m,
  );
  assert.match(text, /^pumps +readings +1 +- +0 +- +- +- .* nothing committed$/m);
  const above = await run(['lag', 'pumps', '--max-lag', '10', ...ONE_LOOK]);
  assert.equal(above.code, 6);
  assert.match(above.stderr, /pumps is 11 behind/);
  const unknown = await run(['lag', 'pumps', '--max-lag', '11', '-o', 'json', ...ONE_LOOK]);
  assert.equal(unknown.code, 6);
  assert.equal(JSON.parse(unknown.stderr).error.code, 'ANM_CHECK_FAILED');
  assert.equal(JSON.parse(unknown.stdout).groups.length, 1);
});

test('lag: within the limit, of one topic, of a group that is not there', async (t) => {
  const { run, client } = await lagWorld(t);
  await commit(client, 'pumps', 'readings', [4, 0]);
  assert.equal((await run(['lag', '--max-lag', '11', ...ONE_LOOK])).code, 0);
  const other = await run(['lag', '--topic', 'other', '--summary', '-o', 'ndjson', ...ONE_LOOK]);
  assert.equal(JSON.parse(other.stdout).partitions, 0);
  assert.match(
    (await run(['lag', '--topic', 'read*', '--summary', '-o', 'ndjson', ...ONE_LOOK])).stdout,
    /"partitions":2/,
  );
  const missing = await run(['lag', 'pmups']);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /no such group[\s\S]*it has pumps/);
});

test('lag: looks give rates and time; a group that catches up is OK', async (t) => {
  const { run, client } = await lagWorld(t);
  await commit(client, 'pumps', 'readings', [4, 0]);
  const signals = new EventEmitter();
  let isBegun = false;
  let row: Record<string, number> = {};
  const { code } = await run(['lag', 'pumps', '-o', 'json', '--watch', '300ms'], {
    signals,
    onOutput: (text) => {
      row = JSON.parse(text.trimEnd().split('\n').at(-1)!).partitions[0];
      if (row['committed'] === 14) signals.emit('SIGINT');
      if (isBegun) return;
      isBegun = true;
      void produce(client, 'readings', 0, 5).then(() => commit(client, 'pumps', 'readings', [14, 0]));
    },
  });
  assert.equal(code, 0);
  assert.deepEqual([row['end'], row['lag'], row['verdict'], row['is_stalled']], [20, 6, 'OK', false]);
  const [inRate, outRate] = [row['in_rate']!, row['out_rate']!];
  assert.ok(inRate > 0 && inRate < 17, `${inRate} records a second came`);
  assert.ok(Math.abs(outRate / inRate - 2) < 0.01, `${outRate} out, ${inRate} in`);
  assert.ok(Math.abs(row['drain_ms']! - (1000 * 6) / (outRate - inRate)) < 2, `drains in ${row['drain_ms']} ms`);
  assert.ok(row['lag_ms']! > 0, `${row['lag_ms']} ms behind`);
  assert.equal(row['is_extrapolated'], true);
});

test('lag: one run looks twice, as often as --looks says', async (t) => {
  const { run } = await lagWorld(t);
  const twice = JSON.parse((await run(['lag', 'pumps', '-o', 'json', '--every', '5ms'])).stdout);
  assert.deepEqual(
    [twice.partitions[0].in_rate, twice.partitions[0].out_rate, twice.partitions[0].is_stalled],
    [0, 0, true],
  );
  assert.equal(
    twice.partitions[0].reasons.lag_ms,
    'the log did not grow while it was watched; --exact reads the record',
  );
  const five = JSON.parse((await run(['lag', 'pumps', '-o', 'json', '--looks', '5', '--every', '5ms'])).stdout);
  assert.deepEqual(five.partitions[0].trend, [11, 11, 11, 11, 11]);
});

test('lag --exact reads the record at the committed offset, for its time', async (t) => {
  const { run, client } = await lagWorld(t);
  await commit(client, 'pumps', 'readings', [4, 0]);
  // Another group at another offset of the same partition, and one below what retention left.
  await commit(client, 'late', 'readings', [1]);
  await client.admin.deleteRecords([{ topic: 'readings', partition: 0, offset: 3 }]);
  const { stdout } = await run(['lag', '--exact', '-o', 'json', ...ONE_LOOK], { now: () => 1_700_000_060_000 });
  const rows = JSON.parse(stdout).partitions;
  const exact = (group: string, partition: number) =>
    rows.find((row: { group: string; partition: number }) => row.group === group && row.partition === partition);
  assert.equal(exact('pumps', 0).exact_lag_ms, 56_000);
  assert.equal(exact('pumps', 1).exact_lag_ms, 0);
  assert.equal(exact('late', 0).exact_lag_ms, 57_000);
  assert.equal(exact('late', 0).deleted_records, 2);
  assert.equal(exact('late', 0).reason, '2 records were deleted before they were read');
});

test('lag: limits on time and verdict; what is unknown passes none', async (t) => {
  const { run, client } = await lagWorld(t);
  await commit(client, 'pumps', 'readings', [4, 0]);
  const now = () => 1_700_000_060_000;
  const time = await run(['lag', 'pumps', '--max-lag-time', '55s', ...ONE_LOOK], { now });
  assert.equal(time.code, 6);
  assert.match(time.stderr, /pumps is 56\.0 s behind, above 55\.0 s/);
  assert.equal((await run(['lag', 'pumps', '--max-lag-time', '56s', ...ONE_LOOK], { now })).code, 0);
  const verdict = await run(['lag', 'pumps', '--max-verdict', 'WARN', ...ONE_LOOK]);
  assert.equal(verdict.code, 6);
  assert.match(verdict.stderr, /pumps has no verdict \(1 of 2 partitions: the verdict needs 10 commits/);
  await commit(client, 'pumps', 'readings', [15, 0]);
  assert.equal((await run(['lag', 'pumps', '--max-verdict', 'OK', '--max-lag', '0', ...ONE_LOOK])).code, 0);
  for (const argv of [
    ['--max-lag-time', '-1s'],
    ['--max-lag', '-1'],
    ['--looks', '0'],
    ['--every', '0'],
    ['--watch', '--looks', '3'],
    ['(', '-r'],
  ]) {
    assert.equal((await run(['lag', ...argv])).code, 2, argv.join(' '));
  }
});

test('lag: groups by pattern and by regular expression', async (t) => {
  const { run, client } = await lagWorld(t);
  for (const name of ['pump-a', 'pump-b', 'mill']) await commit(client, name, 'readings', [1]);
  const names = async (...argv: string[]) => {
    const { stdout } = await run(['lag', ...argv, '--summary', '-o', 'ndjson', ...ONE_LOOK]);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).group);
  };
  assert.deepEqual(await names('pump-*'), ['pump-a', 'pump-b']);
  assert.deepEqual(await names('mill', 'pump-?'), ['mill', 'pump-a', 'pump-b']);
  assert.deepEqual(await names('-r', 'pump.+'), ['pump-a', 'pump-b', 'pumps']);
});

test('lag --members: what each member has to do, and who holds a partition', async (t) => {
  const { run, client } = await lagWorld(t);
  const consumer = await client.createConsumer({ groupId: 'pumps' });
  t.after(() => consumer.close());
  let held = 0;
  await consumer.subscribe(['readings'], 'earliest', {
    onAssigned: async (partitions) => {
      held = partitions.length;
      return undefined;
    },
    onRevoked: async () => {},
  });
  while (held === 0) await consumer.poll(20);
  const { stdout } = await run(['lag', 'pumps', '--members', '-o', 'json', ...ONE_LOOK]);
  const { members, partitions, groups } = JSON.parse(stdout);
  assert.equal(members.length, 1);
  assert.deepEqual([members[0].partitions, members[0].lag_records, members[0].share], [2, 11, 1]);
  assert.equal(partitions[0].member_id, members[0].member_id);
  assert.deepEqual([groups[0].members, groups[0].state], [1, 'Stable']);
  assert.match((await run(['lag', 'pumps', '--members', ...ONE_LOOK])).stdout, /^GROUP +CLIENT +HOST +PARTITIONS/m);
});

test('lag in every format, the same numbers', async (t) => {
  const { run } = await lagWorld(t);
  const yaml = await run(['lag', 'pumps', '-o', 'yaml', ...ONE_LOOK]);
  const { groups, partitions } = parse(yaml.stdout);
  assert.deepEqual([groups[0].lag, partitions[0].lag, partitions[1].lag], [11, 11, null]);
  const lines = (await run(['lag', 'pumps', '-o', 'ndjson', ...ONE_LOOK])).stdout.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).lag),
    [11, null],
  );
  const wide = (await run(['lag', 'pumps', '-o', 'wide', ...ONE_LOOK])).stdout;
  assert.match(wide, /^GROUP +TOPIC +PARTITION +START .* CLIENT +MEMBER +HOST +REASON$/m);
  assert.match(wide, / SKEW +UNKNOWN +REASON$/m);
});

test("lag --cross-check: Redpanda's own gauges, and the command that turns them on", async (t) => {
  const { run, broker } = await lagWorld(t);
  const admin = await startAdmin({ broker, port: 0 });
  let isClosed = false;
  t.after(() => (isClosed ? undefined : admin.close()));
  const argv = ['lag', 'pumps', '-X', `admin.urls=${admin.url}`, '-o', 'json', ...ONE_LOOK];
  const off = await run(argv);
  const command = `rpk cluster config set enable_consumer_group_metrics '["group","partition","consumer_lag"]'`;
  assert.equal(JSON.parse(off.stdout).cross_check.status, 'off');
  assert.equal(JSON.parse(off.stdout).cross_check.command, command);
  assert.ok(off.stderr.includes(command), off.stderr);
  const body = JSON.stringify({ upsert: { enable_consumer_group_metrics: ['group', 'partition', 'consumer_lag'] } });
  assert.equal((await fetch(`${admin.url}/v1/cluster_config`, { method: 'PUT', body })).status, 200);
  const on = JSON.parse((await run(argv)).stdout);
  assert.deepEqual(on.groups[0].second_opinion, { status: 'agrees', sum: 11, max: 11, note: null });
  const text = (await run(['lag', 'pumps', '-X', `admin.urls=${admin.url}`, ...ONE_LOOK])).stdout;
  assert.match(text, /REDPANDA SAYS/);
  const other = await startBroker({ port: 0 });
  t.after(() => other.close());
  const theirs = await startAdmin({ broker: other, port: 0 });
  t.after(() => theirs.close());
  const foreign = JSON.parse((await run([...argv, '-X', `admin.urls=${theirs.url}`])).stdout).cross_check;
  assert.equal(foreign.status, 'unreachable');
  assert.match(foreign.note, /is the Admin API of another cluster: set admin\.urls/);
  await admin.close();
  isClosed = true;
  const away = await run(argv);
  assert.equal(away.code, 0);
  assert.equal(JSON.parse(away.stdout).cross_check.status, 'unreachable');
});
