import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, test } from 'node:test';
import type { latencyFigures } from '../../src/observe/latencyFigures.ts';
import { append, readTopic, startWorld, type World } from '../helpers/world.ts';

type Figures = NonNullable<ReturnType<typeof latencyFigures>>;

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Readings of one series stamped `ageMs` ago, each fiftieth far off; the broker's clock stamps those of LogAppendTime. */
async function fill(topic: string, type: 'CreateTime' | 'LogAppendTime', ageMs: number): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: 1, configs: { 'message.timestamp.type': type } }]);
  const producer = await world.client.createProducer();
  const from = Date.now() - ageMs;
  // Event times begin with a window.
  const minute = Math.floor(from / 60_000) * 60_000;
  for (let i = 0; i < 400; i++) {
    const value = (i % 7) / 10 + (i % 50 === 49 ? 40 : 0);
    append(producer, topic, { partition: 0, key: 'a', value: { ts: minute + i * 1000, value }, timestamp: from });
  }
  await producer.close();
}

async function run(topic: string, guarantee: string): Promise<{ alerts: number; latency: Figures; text: string }> {
  const flags = ['--topic', topic, '--time', 'ts', '--window', '1m', '--detector', 'rolling-z', '--max-ahead', 'off'];
  const argv = ['run', ...flags, '--guarantee', guarantee, '--until', 'end'];
  const { code, stdout, stderr } = await world.run([...argv, '-o', 'json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

for (const guarantee of ['at-least-once', 'exactly-once']) {
  test(`${guarantee}: with LogAppendTime an alert counts from the append, whatever the producer stamped`, async () => {
    const topic = `append-${guarantee}`;
    await fill(topic, 'LogAppendTime', 3_600_000);
    const { alerts, latency } = await run(topic, guarantee);
    assert.ok(alerts >= 5, `${alerts} alerts`);
    assert.equal(latency.from, 'append');
    assert.equal(latency.to_alert.count, alerts);
    assert.equal(latency.unknown_stamps, 0);
    const { clock_skew_ms: skew, clock_skew_error_ms: error } = latency;
    assert.ok(Math.abs(skew!) <= error!, `the same clock is off by ${skew} ± ${error}`);
    assert.ok(latency.to_alert.max_ms! < 60_000, `${latency.to_alert.max_ms} ms: not from the stamp of an hour ago`);
    const hops = Object.keys(latency.hops);
    const commit = guarantee === 'exactly-once' ? ['commit'] : [];
    assert.deepEqual(hops, ['broker', 'fetch_wait', 'decode', 'score', 'produce', ...commit]);
    // The parts of an alert are the whole: no percentile of the whole is below the largest that each alert passed.
    const floor = (latency.hops['produce']!.p50_ms ?? 0) / 2;
    assert.ok(latency.to_alert.p50_ms! >= floor, `${latency.to_alert.p50_ms} of ${floor}`);
  });

  test(`${guarantee}: with CreateTime it counts from the stamp, and the broker is no hop of its own`, async () => {
    const topic = `create-${guarantee}`;
    await fill(topic, 'CreateTime', 60_000);
    const { alerts, latency } = await run(topic, guarantee);
    assert.equal(latency.from, 'create');
    assert.equal(latency.to_alert.count, alerts);
    assert.ok(latency.to_alert.p50_ms! >= 59_000, `${latency.to_alert.p50_ms} ms`);
    assert.equal(latency.hops['broker'], undefined);
    assert.ok(latency.hops['producer_wait']!.p50_ms! >= 59_000, 'the stamp is a minute old');
    assert.equal(latency.budget.broken_at, 'p95');
    assert.equal(latency.budget.hop, 'producer_wait');
    assert.match(latency.budget.text, /by producer and broker/);
  });
}

test('a stamp of long ago is no latency: it may be the time of the event', async () => {
  await fill('old', 'CreateTime', 86_400_000);
  const { alerts, latency } = await run('old', 'at-least-once');
  assert.ok(alerts >= 5, `${alerts} alerts`);
  assert.deepEqual([latency.to_alert.count, latency.unknown_stamps], [0, alerts]);
  assert.equal(latency.to_alert.p99_ms, null);
  assert.equal(latency.hops['producer_wait'], undefined);
  assert.ok(latency.hops['fetch_wait']!.count > 0, 'what passed here is known all the same');
});

test('a window waited for its watermark, in event time: until the first record beyond it and the lateness', async () => {
  await fill('waits', 'CreateTime', 0);
  const { latency } = await run('waits', 'at-least-once');
  const windows = (await readTopic(world, 'waits.windows')).flat().length;
  // The last one is closed by the end, no record.
  assert.equal(latency.window_wait.count, windows - 1);
  // out_of_orderness is 5 s, and readings come every second.
  assert.ok(latency.window_wait.p50_ms! > 4900 && latency.window_wait.p50_ms! < 6200, `${latency.window_wait.p50_ms}`);
});

test('what is run again after a restart is no latency', async () => {
  await fill('again', 'LogAppendTime', 0);
  const first = await run('again', 'exactly-once');
  const second = await run('again', 'exactly-once');
  assert.ok(first.latency.to_alert.count > 0, 'alerts came');
  assert.equal(second.alerts, 0);
  assert.equal(second.latency?.to_alert.count ?? 0, 0);
});

test('the summary has the budget as one line', async () => {
  await fill('line', 'LogAppendTime', 0);
  const flags = ['--topic', 'line', '--time', 'ts', '--detector', 'rolling-z', '--max-ahead', 'off'];
  const { stdout } = await world.run(['run', ...flags, '--until', 'end']);
  assert.match(stdout, /\n {2}to alert {6}p95 [\d.]+ m?s, p99 [\d.]+ m?s, .*100 ms/);
});

test('control status has the budget of the members that live, and status the hops over the record', async () => {
  await fill('lives', 'LogAppendTime', 0);
  const signals = new EventEmitter();
  const flags = ['--topic', 'lives', '--time', 'ts', '--detector', 'rolling-z', '--max-ahead', 'off'];
  const ended = world.run(['run', ...flags, '--status-every', '20ms'], { signals });
  let shown = '';
  while (!/to alert: p95 [\d.]+ m?s/.test(shown)) shown = (await world.run(['control', 'status', 'lives'])).stdout;
  const { stdout } = await world.run(['control', 'status', 'lives', '-o', 'json']);
  const [member] = (JSON.parse(stdout) as { members: { latency: { to_alert: { count: number } } }[] }).members;
  assert.ok(member!.latency.to_alert.count >= 5, stdout);
  signals.emit('SIGTERM');
  assert.equal((await ended).code, 0);
});
