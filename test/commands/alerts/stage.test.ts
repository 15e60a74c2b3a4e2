import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { IncidentRecord } from '../../../src/alerts/stage/outbox.ts';
import { readOutbox } from '../../../src/runtime/alerts/outboxReader.ts';
import { StatusReader } from '../../../src/runtime/status/reader.ts';
import { HttpReceiver } from '../../helpers/httpReceiver.ts';
import { append, send, startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const NEVER = new AbortController().signal;
const CALM = 600;

/** A value a second up to now: calm, then eight that are far off, then calm again. */
async function fill(topic: string): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const producer = await world.client.createProducer();
  const start = Date.now() - (CALM + 80) * 1000;
  for (let i = 0; i < CALM + 70; i++) {
    const ts = start + i * 1000;
    const usual = 50 + ((i * 7919) % 100) / 50;
    const value = i >= CALM && i < CALM + 8 ? 500 : usual;
    append(producer, topic, { partition: 0, key: 'pump', value: { ts, value }, timestamp: ts });
  }
  await producer.flush();
  await producer.close();
}

async function incidentsOf(pipeline: string): Promise<IncidentRecord[]> {
  const records = (await readOutbox(world.client, pipeline, NEVER)).map(({ record }) => record);
  return records.filter((record) => record?.type === 'incident') as IncidentRecord[];
}

for (const guarantee of ['at-least-once', 'exactly-once']) {
  test(`a run has the stage beside it: an incident opens, ends where its hysteresis does, and is told (${guarantee})`, async () => {
    const topic = `pumps-${guarantee}`;
    await fill(topic);
    const signals = new EventEmitter();
    const ended = world.run(
      [
        ...['run', '--topic', topic, '--time', 'ts', '--detector', 'mad-z', '--guarantee', guarantee],
        ...['--commit-every', '50ms', '--status-every', '50ms', '-o', 'json'],
        ...['-X', 'alerts.sinks=stdout', '-X', 'alerts.group_within=0s', '-X', 'time.out_of_orderness=0s'],
      ],
      { signals },
    );
    for (;;) {
      const outbox = (await world.client.admin.topics([`${topic}.outbox`])).length > 0;
      if (outbox && (await incidentsOf(topic)).some(({ notification }) => notification.status === 'resolved')) break;
    }
    const reader = (await StatusReader.open(world.client, topic))!;
    for (;;) {
      const [status] = await reader.read();
      if (status?.alerts?.sinks[0]?.outcomes['delivered'] === 2) {
        const { totals, latency, seriesGroups } = status;
        assert.ok(latency!.toAlert.count <= totals.alerts, `${latency!.toAlert.count} ways of ${totals.alerts} alerts`);
        assert.deepEqual(
          seriesGroups!.map(({ alerts }) => alerts),
          [totals.alerts],
        );
        break;
      }
      await reader.poll(50);
    }
    await reader.close();
    signals.emit('SIGINT');
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 0, stderr);
    const [incident, ...more] = await incidentsOf(topic);
    assert.deepEqual(more, []);
    const { startedMs, endedMs, series, revision } = incident!.notification;
    assert.deepEqual([series, revision], [['pump'], 2]);
    assert.ok(endedMs! - startedMs >= 8000 && endedMs! - startedMs < 30_000, `it lasted ${endedMs! - startedMs} ms`);
    const lines = stdout.split('\n').filter((line) => line.startsWith('{"'));
    const told = lines.map((line) => JSON.parse(line)).filter(({ id }) => id === incident!.notification.id);
    assert.deepEqual(
      told.map(({ status }) => status),
      ['open', 'resolved'],
    );
    const shown = await world.run(['alerts', 'incidents', '--pipeline', topic, '-o', 'json']);
    const [{ outcome, sinks }] = JSON.parse(shown.stdout).incidents;
    assert.deepEqual(
      [outcome, sinks[0].name, sinks[0].outcome, sinks[0].revision],
      ['delivered', 'stdout', 'delivered', 2],
    );
    const listed = await world.run(['alerts', 'ls', '--pipeline', topic, '--since', '1h', '-o', 'json']);
    const alerts = JSON.parse(listed.stdout).alerts as { state: string }[];
    assert.ok(alerts.length > 0 && alerts.every(({ state }) => state === 'open'), 'an end is no alert');
  });
}

test('an incident whose webhook hangs is not delivered: it waits, or fails, and says where', async () => {
  const requests: ServerResponse[] = [];
  const server = createServer((_, response) => requests.push(response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const topic = 'pumps-hung';
  await fill(topic);
  const signals = new EventEmitter();
  const ended = world.run(
    [
      ...['run', '--topic', topic, '--time', 'ts', '--detector', 'mad-z', '--status-every', '50ms', '-o', 'json'],
      ...['-X', `alerts.sinks=webhook=http://127.0.0.1:${port}/hook`, '-X', 'time.out_of_orderness=0s'],
    ],
    { signals },
  );
  const incidents = async (...more: string[]) => world.run(['alerts', 'incidents', '--pipeline', topic, ...more]);
  try {
    for (;;)
      if (requests.length > 0) break;
      else await new Promise((done) => setImmediate(done));
    const waits = JSON.parse((await incidents('-o', 'json')).stdout).incidents;
    const { outcome, sinks } = waits.at(-1);
    assert.deepEqual([outcome, sinks[0].name, sinks[0].outcome], ['waiting', 'webhook', 'waiting']);
    for (const response of requests) response.destroy();
    let text = '';
    while (!/failing: webhook/.test(text)) text = (await incidents()).stdout;
    assert.doesNotMatch(text, /delivered/);
  } finally {
    server.closeAllConnections();
    server.close();
    signals.emit('SIGINT');
    await ended;
  }
});

test('a secret that cannot be read at a takeover keeps nobody else from being told, and is read again', async () => {
  const receiver = new HttpReceiver();
  await receiver.listen();
  const cwd = join(world.dir, 'secret');
  mkdirSync(cwd);
  const secret = join(cwd, 'hook.url');
  writeFileSync(secret, receiver.url('/hook'));
  writeFileSync(
    join(cwd, 'anomaly.yaml'),
    ['alerts:', '  sinks:', '    - {type: webhook, url: "file:hook.url"}', '    - {type: stdout}', ''].join('\n'),
  );
  const signals = new EventEmitter();
  let [stdout, stderr] = ['', ''];
  const ended = world.run(['alerts', 'run', 'late'], {
    ...{ cwd, signals },
    onOutput: (text) => {
      stdout = text;
    },
    onError: (text) => {
      stderr = text;
    },
  });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise((done) => setImmediate(done));
  };
  // It has looked at its sinks, and has nothing to take over before there are alerts.
  await until(() => /group late\.alerts/.test(stderr));
  rmSync(secret);
  const now = Date.now();
  const value = {
    ...{ id: 'kpi@value/pump/1', series: 'pump', field: 'value', rule: 'kpi@value', start: now, end: now, value: 9 },
    ...{ score: 3, threshold: 2.5, expected: 5, lower: 4, upper: 6, parts: [], record_time: now, state: null },
  };
  await send(world.client, 'late.anomalies', 1, [{ partition: 0, key: 'pump', value, timestamp: now }]);
  await until(() => stdout.includes('"open"'));
  assert.match(stderr, /alert sink webhook cannot be opened.*: url of alert sink webhook names the file hook\.url/);
  assert.equal(receiver.received.length, 0);
  writeFileSync(secret, receiver.url('/hook'));
  await until(() => receiver.received.length > 0);
  assert.equal(JSON.parse(receiver.received[0]!.body).series[0], 'pump');
  signals.emit('SIGTERM');
  const { code } = await ended;
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /tries again/, 'the stage itself did not fail');
  await receiver.close();
});
