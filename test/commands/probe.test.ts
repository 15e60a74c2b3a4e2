import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startBroker } from '../../src/broker/broker.ts';
import { portToComeBackTo } from '../helpers/ports.ts';
import { startWorld, type World } from '../helpers/world.ts';

interface Spread {
  readonly count: number;
  readonly p99_ms: number | null;
}

interface Summary {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly ack: Spread;
  readonly roundtrip: Spread;
  readonly commit: Spread;
  readonly brokers: readonly { clock_skew_ms: number | null; clock_skew_error_ms: number | null }[];
  readonly clock_skew_problem: string | null;
}

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const FAST = ['--interval', '5ms', '--count', '20'];
const probe = (...argv: string[]) => world.run(['probe', ...argv]);

test('probes come back, and the topic, the skew of a clock that is ours and commits are as they should be', async () => {
  const { code, stdout, stderr } = await probe(...FAST, '--group', 'prober', '-o', 'json');
  assert.equal(code, 0, stderr);
  const summary = JSON.parse(stdout) as Summary;
  assert.deepEqual([summary.sent, summary.received, summary.lost, summary.duplicates], [20, 20, 0, 0]);
  assert.deepEqual([summary.ack.count, summary.roundtrip.count], [20, 20]);
  assert.ok(summary.ack.p99_ms! > 0 && summary.ack.p99_ms! <= summary.roundtrip.p99_ms! * 20, 'both were measured');
  assert.ok(summary.commit.count > 0, 'commits were timed');
  const { clock_skew_ms: skew, clock_skew_error_ms: error } = summary.brokers[0]!;
  assert.ok(Math.abs(skew!) <= error!, `${skew} ± ${error}: it is the same clock`);
  const configs = await world.client.admin.topicConfigs('anomaly.probe');
  assert.equal(configs.get('message.timestamp.type'), 'LogAppendTime');
  assert.equal(configs.get('retention.ms'), '600000');
  const [committed] = await world.client.admin.groupOffsets('prober');
  // The record that opens the connection is before the probes.
  assert.ok(committed!.offset > 1 && committed!.offset <= 21, `committed ${committed!.offset}`);
});

test('a line a probe, then the summary; another run’s probes are none of ours', async () => {
  const { code, stdout } = await probe(...FAST, '-o', 'ndjson');
  assert.equal(code, 0);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; outcome?: string; sent?: number });
  assert.deepEqual([rows.filter(({ type }) => type === 'probe').length, rows.at(-1)!.type], [20, 'summary']);
  assert.equal(rows.at(-1)!.sent, 20);
  const text = await probe('--interval', '5ms', '--count', '2');
  assert.match(text.stdout, /^1 {2}broker \d+ {2}ack [\d.]+ ms {2}round trip [\d.]+ ms$/m);
  assert.match(text.stdout, /2 sent, 2 back, 0 lost/);
  assert.match(text.stdout, /clock +broker \d+ is [+-][\d.]+ ms ± [\d.]+ ms/);
});

test('a topic with the producer’s stamps tells no clock, and says so', async () => {
  await world.client.admin.createTopics([{ name: 'own', partitions: 3 }]);
  const { code, stdout } = await probe('--topic', 'own', '--interval', '5ms', '--count', '2', '-o', 'json');
  assert.equal(code, 0);
  const summary = JSON.parse(stdout) as Summary;
  assert.equal(summary.sent, 6);
  assert.equal(summary.brokers[0]!.clock_skew_ms, null);
  assert.match(summary.clock_skew_problem!, /own has the producer/);
});

test('one that is not back within its time is lost: exit 6', async () => {
  world.broker.faults.inject({ api: 'Fetch', delayMs: 300, count: 4 });
  const argv = ['--interval', '1ms', '--count', '3', '--roundtrip-sla', '100ms', '-o', 'json'];
  const { code, stdout, stderr } = await probe(...argv);
  assert.equal(code, 6);
  const { sent, lost, received } = JSON.parse(stdout) as Summary;
  assert.deepEqual([sent, lost + received], [3, 3]);
  assert.ok(lost > 0, `${lost} lost`);
  assert.match(stderr, /ANM_CHECK_FAILED.*probes: \d lost/);
});

test('one that the broker acknowledges too late misses its SLA: exit 6', async () => {
  world.broker.faults.inject({ api: 'Produce', delayMs: 200, count: 1 });
  const { code, stderr } = await probe('--interval', '1ms', '--count', '1', '--ack-sla', '50ms');
  assert.equal(code, 6);
  assert.match(stderr, /1 acknowledged too late/);
});

test('^C ends a watch with what is known', async () => {
  const signals = new EventEmitter();
  let seen = 0;
  const ended = world.run(['probe', '--watch', '--interval', '5ms', '-o', 'ndjson'], {
    signals,
    onOutput: () => {
      seen++;
      if (seen === 5) signals.emit('SIGINT');
    },
  });
  const { code, stdout } = await ended;
  assert.equal(code, 0);
  assert.match(stdout.trim().split('\n').at(-1)!, /"type":"summary"/);
});

test('a broker that goes away costs probes, not the probing: those after it is back come back, and all are counted', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-probe-'));
  const port = await portToComeBackTo();
  let broker = await startBroker({ port, data: dir });
  const { address } = broker;
  const signals = new EventEmitter();
  let changing: Promise<unknown> | undefined;
  let stage: 'before' | 'away' | 'back' | 'over' = 'before';
  let backFrom = 0;
  const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;
  const onOutput = (text: string): void => {
    const bad = count(text, /"outcome":"(failed|lost)"/g);
    if (stage === 'before' && count(text, /"outcome":"ok"/g) >= 3) {
      stage = 'away';
      changing = broker.close();
    } else if (stage === 'away' && bad >= 10) {
      stage = 'back';
      backFrom = text.length;
      changing = changing!.then(async () => {
        broker = await startBroker({ port, data: dir });
      });
    } else if (stage === 'back' && count(text.slice(backFrom), /"outcome":"ok"/g) >= 3) {
      stage = 'over';
      signals.emit('SIGINT');
    }
  };
  const limits = ['--interval', '50ms', '--roundtrip-sla', '400ms', '-X', 'retry_timeout=1s'];
  const argv = ['probe', '--watch', ...limits, '-o', 'ndjson', '--brokers', address];
  const { code, stdout, stderr } = await world.run(argv, { signals, onOutput });
  await changing;
  await broker.close();
  rmSync(dir, { recursive: true, force: true });
  assert.equal(code, 6, stderr);
  assert.match(stderr, /ANM_CHECK_FAILED/);
  const summary = JSON.parse(stdout.trim().split('\n').at(-1)!) as Summary & { failed: number };
  assert.ok(summary.received >= 6, `${summary.received} came back`);
  assert.ok(summary.lost + summary.failed >= 10, 'what was sent meanwhile is counted');
});

test('what makes no sense is refused', async () => {
  for (const argv of [
    ['--count', '0'],
    ['--interval', '0'],
    ['--watch', '--count', '3'],
    ['--ack-sla', '-1s'],
  ]) {
    const { code, stderr } = await probe(...argv);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /ANM_USAGE/);
  }
});
