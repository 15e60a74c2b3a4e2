import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, test } from 'node:test';
import type { Incident } from '../../../src/alerts/stage/incident.ts';
import type { IncidentRecord } from '../../../src/alerts/stage/outbox.ts';
import type { KafkaClient } from '../../../src/clients/client.ts';
import { pause } from '../../../src/commands/timers.ts';
import { AlertStage } from '../../../src/runtime/alerts/alertStage.ts';
import { readOutbox } from '../../../src/runtime/alerts/outboxReader.ts';
import { append, startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const NEVER = new AbortController().signal;

/** An alert of the moment, as a pipeline with JSON sinks writes it. */
async function put(pipeline: string, series: string, changes: Record<string, unknown> = {}): Promise<void> {
  const topic = `${pipeline}.anomalies`;
  await world.client.admin.createTopics([{ name: topic, partitions: 2 }]);
  const producer = await world.client.createProducer();
  const now = Date.now();
  const value = {
    ...{
      id: `kpi@value/${series}/${now}/1`,
      series,
      field: 'value',
      rule: 'kpi@value',
      start: now,
      end: changes['start'] ?? now,
      value: 9,
    },
    ...{
      score: 3,
      threshold: 2.5,
      expected: 5,
      lower: 4,
      upper: 6,
      parts: [],
      record_time: now,
      state: null,
      ...changes,
    },
  };
  append(producer, topic, { partition: series.length % 2, key: series, value, timestamp: now });
  await producer.flush();
  await producer.close();
}

async function incidentsOf(pipeline: string): Promise<IncidentRecord[]> {
  const records = (await readOutbox(world.client, pipeline, NEVER)).map(({ record }) => record);
  return records.filter((record) => record?.type === 'incident') as IncidentRecord[];
}

const isOver = ({ notification }: IncidentRecord) => notification.status === 'resolved';

/** Incidents once there are so many. */
async function untilSo(pipeline: string, isSo: (all: IncidentRecord[]) => boolean): Promise<IncidentRecord[]> {
  for (;;) {
    const all = await incidentsOf(pipeline);
    if (isSo(all)) return all;
  }
}

/** `alerts run` until it is stopped. */
async function started(pipeline: string, ...more: string[]): Promise<{ stop: () => Promise<string> }> {
  await AlertStage.prepare({ client: world.client, config: { pipeline } as never });
  const signals = new EventEmitter();
  const ended = world.run(['alerts', 'run', pipeline, ...more], { signals });
  const stop = async () => {
    signals.emit('SIGTERM');
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    return stderr;
  };
  return { stop };
}

test('an alert becomes an incident once, whoever has the stage, and a stop loses nothing', async () => {
  await put('p1', 'pump-1', { start: Date.now() - 7_200_000 });
  const first = await started('p1');
  await untilSo('p1', (all) => all.length === 1);
  const standby = await started('p1');
  await put('p1', 'pump-22', { start: Date.now() - 3_600_000 });
  await untilSo('p1', (all) => all.length === 2);
  await first.stop();
  await put('p1', 'pump-3');
  const all = await untilSo('p1', (found) => found.length === 3 && found.filter(isOver).length === 2);
  assert.match(await standby.stop(), /alert stage of p1: reads p1\.anomalies, \d incidents? (is|are) open/);
  assert.deepEqual(
    all.map(({ notification: { series, revision, status } }) => [series, revision, status]),
    [
      [['pump-1'], 2, 'resolved'],
      [['pump-22'], 2, 'resolved'],
      [['pump-3'], 1, 'open'],
    ].map(([series, revision, status]) => [series, revision, status]),
  );
});

test('neither the order of partitions nor an alert from the future ends what lasts', async () => {
  const now = Date.now();
  // The one of pump-22 is in the other partition.
  for (let minute = 45; minute >= 20; minute -= 5) await put('p5', 'pump-22', { start: now - minute * 60_000 });
  await put('p5', 'pump-1', { start: now - 60_000 });
  await put('p5', 'pump-3', { start: Date.UTC(2036, 0, 1), record_time: Date.UTC(2036, 0, 1) });
  const stage = await started('p5');
  const all = await untilSo('p5', (found) => found.length === 2 && found.some(isOver));
  await stage.stop();
  assert.deepEqual(all.map(({ notification: { series, revision, status } }) => [series, revision, status]).sort(), [
    [['pump-1', 'pump-3'], 1, 'open'],
    [['pump-22'], 2, 'resolved'],
  ]);
});

test('an old alert is kept and not told; review sends it after all', async () => {
  const recordMs = Date.now() - 3_600_000;
  await put('p2', 'pump', { record_time: recordMs });
  const stage = await started('p2');
  const [old] = await untilSo('p2', (all) => all.length === 1);
  assert.deepEqual([old!.isTold, (old!.state as Incident).outcome], [false, 'too_old']);
  const listed = await world.run(['alerts', 'review', '--pipeline', 'p2', '-o', 'json']);
  assert.equal(JSON.parse(listed.stdout).held[0].outcome, 'too_old', listed.stderr);
  const turned = await world.run([
    'alerts',
    'review',
    old!.notification.id,
    '--deliver',
    '--pipeline',
    'p2',
    '-o',
    'json',
  ]);
  assert.equal(turned.code, 0, turned.stderr);
  assert.equal(JSON.parse(turned.stdout).taken, true);
  const [told] = await incidentsOf('p2');
  assert.deepEqual([told!.isTold, told!.notification.revision], [true, 1]);
  await stage.stop();
  const shown = await world.run(['alerts', 'review', old!.notification.id, '--pipeline', 'p2']);
  assert.match(shown.stdout, /deliver by /);
  const incidents = await world.run(['alerts', 'incidents', '--pipeline', 'p2', '-o', 'json']);
  assert.equal(JSON.parse(incidents.stdout).incidents.length, 1);
  const unknown = await world.run(['alerts', 'review', 'none', '--pipeline', 'p2']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /ANM_ALERT_UNKNOWN.*there is no incident none/);
});

test('a silence holds before the first alert of a start, is listed, and lets go when it is removed', async () => {
  const silence = (...args: string[]) => world.run(['alerts', 'silence', ...args, '--pipeline', 'p3']);
  const added = await silence('add', 'series=~pump-.*', '--for', '1h', '--comment', 'bearings');
  assert.equal(added.code, 0, added.stderr);
  const id = added.stdout.trim();
  await put('p3', 'pump-1', { state: 'open' });
  await put('p3', 'fan', { state: 'open', start: Date.now() - 1_200_000 });
  const stage = await started('p3');
  const both = await untilSo('p3', (all) => all.length === 2);
  assert.deepEqual(both.map(({ isTold }) => isTold).sort(), [false, true]);
  const listed = await silence('ls', '-o', 'json');
  assert.deepEqual(
    JSON.parse(listed.stdout).silences.map((each: { id: string; state: string; comment: string }) => [
      each.id,
      each.state,
      each.comment,
    ]),
    [[id, 'active', 'bearings']],
  );
  assert.equal((await silence('rm', id)).code, 0);
  await untilSo('p3', (all) => all.every(({ isTold }) => isTold));
  await stage.stop();
  assert.equal((await silence('rm', id)).code, 2, 'it is gone');
  const wrong = await silence('add', 'pump=1');
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /pump is nothing to match by: series, rule, pipeline, severity, kind/);
});

test('user traffic is read from the windows, raises the severity and stands in the reasons', async () => {
  const [topic, now] = ['p4.windows', Date.now()];
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const producer = await world.client.createProducer();
  for (let i = 0; i < 40; i++) {
    const start = now - (40 - i) * 60_000;
    for (const [series, sign] of [
      ['pump', 1],
      ['checkout', -2],
    ] as const) {
      const mean = sign * ((i * 37) % 11);
      const value = { series, window: 'w1m', field: 'value', start, end: start + 60_000, count: 9, mean };
      append(producer, topic, { partition: 0, key: series, value, timestamp: now });
    }
  }
  await producer.flush();
  await producer.close();
  await put('p4', 'pump');
  await put('p4', 'fan', { start: now - 3_600_000 });
  const stage = await started('p4', '-X', 'alerts.kpis=check*');
  const all = await untilSo('p4', (found) => found.length === 2);
  await stage.stop();
  const [pump, fan] = ['pump', 'fan'].map((name) => all.find(({ notification }) => notification.series[0] === name)!);
  assert.equal(pump!.notification.severity, 'error');
  assert.match(pump!.notification.reasons.join('\n'), /pump moves with user traffic \(checkout, correlation -1\.00/);
  assert.equal(fan!.notification.severity, 'warning');
  assert.match(fan!.notification.reasons.join('\n'), /user traffic is not known: there are no windows of fan/);
});

test('without an outbox the commands say how to get one', async () => {
  const run = await world.run(['alerts', 'incidents', '--pipeline', 'nobody']);
  assert.notEqual(run.code, 0);
  assert.match(run.stderr, /ANM_TOPIC_MISSING.*nobody\.outbox/);
});

/** A stage by itself on the world's client, `changes` beside; what it said of its failures, and how long it waited after each. */
function staged(pipeline: string, changes: Partial<KafkaClient>, most: number) {
  const { client } = world;
  const stop = new AbortController();
  const failures: [level: string, waitedMs: number][] = [];
  let level = '';
  let waits: () => void = () => {};
  const isWaiting = new Promise<void>((resolve) => {
    waits = resolve;
  });
  const say = (of: string) => (text: string) => {
    if (text.includes('tries again')) level = of;
    else if (text.includes('waits for topic')) waits();
  };
  const logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const whole: KafkaClient = {
    kind: client.kind,
    admin: client.admin,
    createProducer: (options) => client.createProducer(options),
    createTransactionalProducer: (options) => client.createTransactionalProducer(options),
    createConsumer: (options) => client.createConsumer(options),
    close: () => client.close(),
    ...changes,
  };
  const config = { pipeline, transactionTimeoutMs: 60_000, sinks: { anomalies: `${pipeline}.anomalies` }, score: {} };
  const stage = new AlertStage({
    ...{ client: whole, registry: undefined, config: { ...config, alerts: {} } as never, now: Date.now, logger },
    signal: stop.signal,
    pause: async (timeMs, signal) => {
      if (timeMs < 500) return await pause(timeMs, signal);
      failures.push([level, timeMs]);
      if (failures.length === most) stop.abort();
    },
  });
  return { running: stage.run(), stop: () => stop.abort(), isWaiting, failures };
}

test('a failure is said once and tried again ever later, until the stage is at work or stands by', async () => {
  await AlertStage.prepare({ client: world.client, config: { pipeline: 'p6' } as never });
  const owner = staged('p6', {}, 1);
  await owner.isWaiting;
  let toFail = 3;
  const standby = staged(
    'p6',
    {
      createConsumer: async (options) => {
        if (toFail-- > 0) throw new Error('the brokers are away');
        const consumer = await world.client.createConsumer(options);
        const poll = consumer.poll.bind(consumer);
        let polls = 0;
        consumer.poll = async (timeoutMs) => {
          if (polls === 2) throw new Error('the brokers are away');
          const batch = await poll(timeoutMs);
          if (consumer.membership() !== undefined) polls++;
          return batch;
        };
        return consumer;
      },
    },
    4,
  );
  await standby.running;
  owner.stop();
  await owner.running;
  assert.deepEqual(standby.failures, [
    ['error', 500],
    ['debug', 1000],
    ['debug', 2000],
    ['error', 500],
  ]);
  // Who is given the stage, and fails with it each time, does not stand by.
  await put('p7', 'pump');
  await AlertStage.prepare({ client: world.client, config: { pipeline: 'p7' } as never });
  const createTransactionalProducer = () => Promise.reject(new Error('no transactions'));
  const failing = staged('p7', { createTransactionalProducer }, 3);
  await failing.running;
  assert.deepEqual(failing.failures, [
    ['error', 500],
    ['debug', 1000],
    ['debug', 2000],
  ]);
});
