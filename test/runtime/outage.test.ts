import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startBroker } from '../../src/broker/broker.ts';
import { connect } from '../../src/clients/connect.ts';
import { type JsonRecord, send, startWorld, type World } from '../helpers/world.ts';

const data = mkdtempSync(join(tmpdir(), 'anomaly-outage-'));
let world: World;
before(async () => {
  world = await startWorld({ data });
});
after(async () => {
  await world.close();
  rmSync(data, { recursive: true, force: true });
});

const records = (count: number): JsonRecord[] =>
  Array.from({ length: count }, (_, i) => ({ partition: i % 2, key: `k${i % 2}`, value: { value: i % 7 } }));

/** A run in the background that serves its state. */
function start(world: World, pipeline: string, ...more: string[]) {
  const signals = new EventEmitter();
  let stderr = '';
  const flags = ['--pipeline', pipeline, '--topic', 'values', '--field', 'value', '--detector', 'kpi'];
  const ended = world.run(['run', ...flags, '--metrics', '127.0.0.1:0', '-o', 'json', ...more], {
    signals,
    onError: (text) => {
      stderr = text;
    },
  });
  /** Asks again and again until the answer is so, and returns it with its status before it. */
  const until = async (path: string, isSo: (answer: string) => boolean): Promise<string> => {
    let answer = '';
    while (!isSo(answer)) {
      const url = /metrics on (\S+)\/metrics/.exec(stderr)?.[1];
      const response = url === undefined ? undefined : await fetch(`${url}${path}`);
      answer = response === undefined ? '' : `${response.status} ${await response.text()}`;
      await delay(20);
    }
    return answer;
  };
  return { pipeline, ended, signals, stderr: () => stderr, until };
}

/** A member's line of /readyz, in whatever state it was caught. */
const AWAY = / \S+: no answer from the cluster since \S+Z \(127\.0\.0\.1:\d+: .+\)$/;

const away = (metrics: string): number[] =>
  [...metrics.matchAll(/^anomaly_cluster_away_seconds\{.*\} (\S+)$/gm)].map(([, value]) => Number(value));

test('a broker that is away is said once, makes nobody ready and is measured; that it is back is said with the lag', async (t) => {
  await send(world.client, 'values', 2, records(100));
  const runs = [start(world, 'one'), start(world, 'pool', '--workers', '2')];
  for (const { until } of runs) {
    await until('/readyz', (answer) => answer.startsWith('200'));
    const found = away(await until('/metrics', (answer) => answer.includes('anomaly_records_in_total')));
    assert.ok(found.length > 0 && found.every((each) => each === 0), `${found}`);
  }
  const { address } = world.broker;
  await world.broker.close();
  for (const { until, stderr } of runs) {
    // The members of a pool notice it each at its time, a line each.
    const said = await until('/readyz', (answer) =>
      answer
        .trimEnd()
        .split('\n')
        .every((line) => AWAY.test(line)),
    );
    assert.match(said, /^503 /);
    assert.ok(said.includes(address), said);
    assert.match(await until('/livez', (answer) => answer !== ''), /^200 /, 'another start would not bring it back');
    const found = away(await until('/metrics', (answer) => answer.startsWith('200')));
    assert.ok(
      found.some((each) => each >= 3),
      `${found}`,
    );
    while (!stderr().includes('no answer from the cluster')) await delay(20);
  }
  const next = await startBroker({ port: Number(address.split(':')[1]), data });
  t.after(() => next.close());
  const client = await connect({ brokers: [address], client: 'platformatic' });
  await send(client, 'values', 2, records(50));
  t.after(() => client.close());
  for (const { pipeline, until, stderr, signals, ended } of runs) {
    await until('/readyz', (answer) => answer.startsWith('200'));
    await until('/metrics', (answer) => away(answer).every((each) => each === 0));
    while (!stderr().includes('the cluster is back, away')) await delay(20);
    assert.match(stderr(), /the cluster is back, away for \d+ s: (no|\d+) records? behind\n/);
    assert.equal(stderr().split('no answer from the cluster').length, 2, stderr());
    assert.match(stderr(), /nothing is lost, and it goes on by itself when the cluster is back/);
    const committed = async () => (await client.admin.groupOffsets(pipeline)).map(({ offset }) => offset);
    while ((await committed()).join() !== '75,75') await delay(20);
    signals.emit('SIGTERM');
    const { code, stdout } = await ended;
    assert.equal(code, 0, stderr());
    // The broker that is back knows no member: what was read before it said so is not committed, and is read again.
    const { records: count } = JSON.parse(stdout) as { records: number };
    assert.ok(count >= 150, `${count} records: ${stderr()}`);
  }
});

test('a member that never had a record outlives an outage longer than retry_timeout', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'anomaly-outage-idle-'));
  const idle = await startWorld({ data: home });
  t.after(async () => {
    await idle.close();
    rmSync(home, { recursive: true, force: true });
  });
  await idle.client.admin.createTopics([{ name: 'values', partitions: 1 }]);
  const { until, stderr, signals, ended } = start(idle, 'idle', '-X', 'retry_timeout=2s', '-X', 'request_timeout=1s');
  await until('/readyz', (answer) => answer.startsWith('200'));
  const { address } = idle.broker;
  await idle.broker.close();
  let code: number | undefined;
  void ended.then((result) => {
    code = result.code;
  });
  while (!stderr().includes('starting again')) {
    assert.equal(code, undefined, stderr());
    await delay(20);
  }
  const next = await startBroker({ port: Number(address.split(':')[1]), data: home });
  t.after(() => next.close());
  await until('/readyz', (answer) => answer.startsWith('200'));
  signals.emit('SIGTERM');
  assert.equal((await ended).code, 0, stderr());
});
