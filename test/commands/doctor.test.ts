import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { startAdmin } from '../../src/broker/admin.ts';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import type { HttpServer } from '../../src/broker/httpServer.ts';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import type { Finding } from '../../src/commands/doctor/check.ts';
import { CHECKS } from '../../src/commands/doctor/checks.ts';
import { adminOfAnother } from '../../src/commands/doctor/cluster.ts';
import { certificateWithKey } from '../helpers/certificates/files.ts';
import { type CliOptions, runCli } from '../helpers/cli.ts';
import { type JsonRecord, send, startWorld, type World } from '../helpers/world.ts';
import { BrokerTap } from '../invariants/helpers/brokerTap.ts';
import { modelPath } from '../models/fixtures.ts';

// Goal: each thing that can be wrong shows in the row that is about it, with what to do; what builds on it is skipped.

const NOW = Date.now();
let world: World;
let admin: HttpServer;
before(async () => {
  world = await startWorld({ autoCreate: false });
  admin = await startAdmin({ port: 0, broker: world.broker });
});
after(async () => {
  await admin.close();
  await world.close();
});

interface Report {
  readonly code: number;
  readonly checks: readonly Finding[];
  /** Rows of a check as 'status detail'. */
  rows(check: string): string[];
  row(check: string): Finding;
}

async function doctor(argv: readonly string[], options: CliOptions = {}): Promise<Report> {
  const env = { ANOMALY_ADMIN_URLS: admin.url, ...options.env };
  const { code, stdout, stderr } = await world.run(['doctor', '-o', 'json', '--deadline', '30s', ...argv], {
    ...options,
    env,
  });
  assert.ok(stdout.startsWith('{'), stderr);
  const { checks } = JSON.parse(stdout) as { checks: Finding[] };
  const of = (name: string) => checks.filter(({ check }) => check === name);
  return {
    code,
    checks,
    rows: (name) => of(name).map(({ status, detail }) => `${status} ${detail}`),
    row: (name) => {
      const [only, ...more] = of(name);
      assert.ok(only !== undefined && more.length === 0, `one row of ${name}: ${JSON.stringify(of(name))}`);
      return only;
    },
  };
}

function assertFails(report: Report, check: string, detail: RegExp, fix: RegExp): void {
  const row = report.checks.find((each) => each.check === check && each.status === 'fail');
  assert.ok(
    row !== undefined,
    `${check} fails: ${JSON.stringify(report.checks.filter((each) => each.check === check))}`,
  );
  assert.match(row.detail, detail);
  assert.match(row.fix!, fix);
  assert.equal(report.code, 6);
}

/** A source topic with records of now: by partition, a series and its value. */
async function source(name: string, partitions: number, records: readonly Partial<JsonRecord>[] = []): Promise<void> {
  const all =
    records.length > 0 ? records : [{}, { partition: partitions - 1, value: { sensor: 'b', ts: NOW, value: 2 } }];
  const whole = all.map((each) => {
    return { partition: 0, key: null, value: { sensor: 'a', ts: NOW, value: 1 }, timestamp: NOW, ...each };
  });
  await send(world.client, name, partitions, whole);
}

function pipeline(topic: string, ...more: string[]): string[] {
  const keys = [`source.topics=${topic}`, 'source.key=sensor', 'source.time=ts', 'windows=5m', 'score.detector=kpi'];
  return [...keys, ...more].flatMap((text) => ['-X', text]);
}

/** Lets the broker answer otherwise, from outside; returns how to stop that. */
function changeAnswer<T>(broker: Broker, api: string, change: (answer: T) => T): () => void {
  type Handle = (request: unknown, call: unknown) => T | Promise<T>;
  const { handlers } = broker as unknown as { handlers: Record<string, Handle> };
  const plain = handlers[api]!;
  handlers[api] = async (request, call) => change(await plain(request, call));
  return () => {
    handlers[api] = plain;
  };
}

test('all is well: a row of each check, in their order; warnings alone are exit 0; nothing is left behind', async () => {
  await source('well', 2);
  const before = (await world.client.admin.topics()).map(({ name }) => name);
  const report = await doctor(pipeline('well'));
  assert.equal(report.code, 0, JSON.stringify(report.checks.filter(({ status }) => status === 'fail')));
  const names = [...new Set(report.checks.map(({ check }) => check))];
  // There is neither a model nor an alert sink here.
  assert.deepEqual(
    names,
    CHECKS.map(({ name }) => name).filter((name) => name !== 'model' && name !== 'alert sinks'),
  );
  for (const { status, detail, fix } of report.checks) {
    assert.ok(detail.length > 0, 'a row says what was seen');
    assert.equal(fix === null, status === 'ok' || status === 'skip', `${status} ${detail}: ${fix}`);
  }
  assert.match(report.row('client').detail, /^platformatic: /);
  assert.match(report.row('source topics').detail, /well has 2 partitions, cleanup\.policy delete/);
  assert.match(report.row('records').detail, /the last 2 records of well can be read/);
  assert.match(report.row('sinks').detail, /will be created .*well\.windows.*--create-topics-only/);
  assert.match(report.row('group').detail, /group well has no members/);
  assert.match(report.row('clock').detail, /the clock of 127\.0\.0\.1:\d+ is [+-][\d.]+ ms ± \d+ ms off this one/);
  assert.equal(report.row('mode').status, 'warn', 'the embedded broker is one for development');
  assert.deepEqual(
    (await world.client.admin.topics()).map(({ name }) => name),
    before,
  );
});

test('without a pipeline the connection is looked at, and what is needed by one is left out', async () => {
  const report = await doctor([]);
  assert.equal(report.code, 0);
  assert.deepEqual(
    [...new Set(report.checks.map(({ check }) => check))],
    CHECKS.filter(({ ofPipeline }) => !ofPipeline).map(({ name }) => name),
  );
});

test('text has what to do on a line of its own; the exit code says whether something failed', async () => {
  const { stdout, code, stderr } = await world.run(['doctor', ...pipeline('gone')]);
  assert.equal(code, 6);
  assert.match(
    stdout,
    /^fail {2}source topics +source topic gone does not exist\n +try: rpk topic create gone -p 4, or anomaly produce FILE --topic gone$/m,
  );
  assert.match(stdout, /^skip {2}records +cannot be asked as source topics failed$/m);
  assert.match(stderr, /ANM_CHECK_FAILED.*1 of \d+ checks failed: source topics/);
});

test('a name that cannot be looked up; what needs it is skipped with that as the reason', async () => {
  const report = await doctor(['--brokers', 'no-such-host.invalid:9092']);
  assertFails(report, 'dns', /no-such-host\.invalid cannot be looked up/, /--brokers.*name server/);
  for (const check of ['tcp', 'tls', 'sasl', 'client', 'metadata', 'transactions']) {
    assert.deepEqual(report.rows(check), ['skip cannot be asked as dns failed']);
  }
});

test('a closed port; beside an open one it is a warning', async () => {
  const closed = await doctor(['--brokers', '127.0.0.1:1']);
  assertFails(closed, 'tcp', /127\.0\.0\.1:1 refuses connections: ECONNREFUSED/, /--brokers.*anomaly dev/);
  assert.deepEqual(closed.rows('metadata'), ['skip cannot be asked as tcp failed']);
  const half = await doctor(['--brokers', `127.0.0.1:1,${world.broker.address}`]);
  assert.equal(half.code, 0);
  assert.match(half.rows('tcp').join('\n'), /warn 127\.0\.0\.1:1 refuses[\s\S]*ok .*accepts/);
});

test('plain text to a port of TLS, TLS to one of plain text, an untrusted certificate, a port of something else', async (t) => {
  const secured = await startBroker({ tls: certificateWithKey('server') });
  t.after(() => secured.close());
  const plain = await doctor(['--brokers', secured.address]);
  assertFails(plain, 'tls', /in plain text as it speaks TLS/, /tls\.enabled=true/);
  assert.deepEqual(plain.rows('metadata'), ['skip cannot be asked as tls failed']);
  const encrypted = await doctor(['-X', 'tls.enabled=true']);
  assertFails(encrypted, 'tls', /as it speaks plain text/, /tls\.enabled=false/);
  const untrusted = await doctor(['--brokers', secured.address, '-X', 'tls.enabled=true']);
  assertFails(untrusted, 'tls', /cannot set TLS up/, /tls\.ca/);
  const odd = await doctor(['--brokers', new URL(world.registryUrl).host, '-X', 'dial_timeout=500ms']);
  assertFails(odd, 'tls', /neither in plain text nor by TLS/, /Kafka listener/);
});

test('a wrong password, a mechanism that is not offered, a login that is missing', async (t) => {
  const secured = await startBroker({ sasl: { users: { pump: 'right' }, mechanisms: ['SCRAM-SHA-256'] } });
  t.after(() => secured.close());
  writeFileSync(join(world.dir, 'wrong'), 'wrong\n');
  const login = ['--brokers', secured.address, '-X', 'sasl.user=pump', '--password-file', 'wrong'];
  const wrong = await doctor([...login, '-X', 'sasl.mechanism=SCRAM-SHA-256']);
  assertFails(wrong, 'sasl', /cannot log in to .* as pump by SCRAM-SHA-256/, /user|password/i);
  assert.deepEqual(wrong.rows('client'), ['skip cannot be asked as the login failed']);
  assert.deepEqual(wrong.rows('metadata'), ['skip cannot be asked as the login failed']);
  const other = await doctor([...login, '-X', 'sasl.mechanism=PLAIN']);
  assertFails(other, 'sasl', /it offers SCRAM-SHA-256/, /sasl\.mechanism/);
  const missing = await doctor(['--brokers', secured.address]);
  assertFails(missing, 'sasl', /without a user as it wants SASL/, /sasl\.user/);
});

test('an address that the broker tells its clients and that cannot be reached', async (t) => {
  const broker = await startBroker({});
  t.after(() => broker.close());
  let calls = 0;
  changeAnswer(broker, 'Metadata', (answer: { brokers: { nodeId: number; host: string; port: number }[] }) => {
    calls++;
    return {
      ...answer,
      brokers: [...answer.brokers, { ...answer.brokers[0]!, nodeId: 7, host: 'redpanda-7.invalid' }],
    };
  });
  const report = await doctor(['--brokers', broker.address]);
  assert.ok(calls > 0, 'the answer was changed');
  assertFails(
    report,
    'metadata',
    /broker 7 tells clients to come to redpanda-7\.invalid:\d+, and .*cannot be looked up/,
    /advertised_kafka_api/,
  );
});

test('source: missing, of different partitions, compacted', async () => {
  assertFails(
    await doctor(pipeline('gone')),
    'source topics',
    /source topic gone does not exist/,
    /rpk topic create gone/,
  );
  await source('two', 2);
  await source('three', 3);
  const differ = await doctor(pipeline('two,three'));
  assert.match(differ.rows('source topics').join('\n'), /warn source topics have two 2, three 3 partitions/);
  await world.client.admin.createTopics([
    { name: 'compacted', partitions: 1, configs: { 'cleanup.policy': 'compact' } },
  ]);
  const compacted = await doctor(pipeline('compacted'));
  assert.match(compacted.rows('source topics').join('\n'), /warn .*is compacted/);
  assert.match(compacted.rows('records').join('\n'), /warn compacted is empty/);
});

test('records: a field that none has, a key that none has, values that cannot be decoded, a series in two partitions', async () => {
  await source('shaped', 1);
  const field = await doctor(pipeline('shaped', 'source.fields=value=pressure'));
  assertFails(
    field,
    'records',
    /none of the last 2 records of shaped has pressure \(source\.fields\); they have sensor, ts, value/,
    /anomaly init shaped/,
  );
  const key = await doctor(pipeline('shaped', 'source.key=pump'));
  assertFails(key, 'records', /has pump \(source\.key\)/, /source\.key/);
  await source('broken', 1, [{ value: '{"sensor": ' }, { value: 'nothing' }, {}]);
  assertFails(
    await doctor(pipeline('broken')),
    'records',
    /2 of the last 3 records of broken cannot be decoded, the first at 0\/0/,
    /anomaly tail/,
  );
  await source('split', 2, [{}, { partition: 1 }]);
  assertFails(
    await doctor(pipeline('split')),
    'records',
    /series a is in partitions 0 and 1 of split/,
    /--repartition/,
  );
  await source('keyless', 1);
  const keyless = await doctor(['source.topics=keyless', 'windows=5m'].flatMap((each) => ['-X', each]));
  assert.match(keyless.rows('records').join('\n'), /warn the records of keyless have no key/);
});

test('retention that is shorter than the age of the records by their timestamps', async () => {
  const name = 'aged';
  await world.client.admin.createTopics([{ name, partitions: 1, configs: { 'retention.ms': '86400000' } }]);
  await source(name, 1, [{ timestamp: NOW - 3 * 86_400_000 }]);
  const report = await doctor(pipeline(name));
  assertFails(
    report,
    'retention',
    /aged keeps records 1d .*the newest of partition 0 is of .*deletes all of it/,
    /retention\.ms=-1/,
  );
  await world.client.admin.createTopics([
    {
      name: 'arrived',
      partitions: 1,
      configs: { 'retention.ms': '86400000', 'message.timestamp.type': 'LogAppendTime' },
    },
  ]);
  await source('arrived', 1, [{ timestamp: NOW - 3 * 86_400_000 }]);
  assert.match((await doctor(pipeline('arrived'))).row('retention').detail, /1d after they arrive/);
});

test('sinks: too few partitions, a journal that is compacted, a status that is not, a retention below the source', async () => {
  const name = 'sunk';
  const { admin: kafka } = world.client;
  await kafka.createTopics([{ name, partitions: 2, configs: { 'retention.ms': '864000000' } }]);
  await source(name, 2);
  await kafka.createTopics([
    { name: 'sunk.late', partitions: 1 },
    { name: 'sunk.journal', partitions: 2, configs: { 'cleanup.policy': 'compact' } },
    { name: 'sunk.status', partitions: 1, configs: { 'cleanup.policy': 'delete' } },
    { name: 'sunk.windows', partitions: 2, configs: { 'retention.ms': '1000' } },
    { name: 'sunk.control', partitions: 3 },
  ]);
  const report = await doctor(pipeline(name));
  assertFails(report, 'sinks', /sunk\.late has 1 partition, the source 2/, /rpk topic add-partitions sunk\.late -n 1/);
  const rows = report.rows('sinks').join('\n');
  assert.match(rows, /fail sunk\.journal has cleanup\.policy=compact and needs delete/);
  assert.match(rows, /fail sunk\.status has cleanup\.policy=delete and needs compact/);
  assert.match(rows, /warn sunk\.windows keeps records for 1000 ms and needs 864000000/);
  assert.match(rows, /fail sunk\.control has 3 partitions: its records have no order/);
});

test('replicas below min.insync.replicas', async () => {
  await source('strict', 1);
  const restore = changeAnswer(
    world.broker,
    'DescribeConfigs',
    (answer: { results: { configs: { name: string; value: string }[] }[] }) => ({
      ...answer,
      results: answer.results.map((each) => ({
        ...each,
        configs: [...each.configs, { ...each.configs[0]!, name: 'min.insync.replicas', value: '2' }],
      })),
    }),
  );
  const report = await doctor(pipeline('strict'));
  restore();
  assertFails(report, 'replication', /strict has 1 replica and min\.insync\.replicas=2/, /replication\.factor=2/);
});

test('a registry that is down, one that refuses an output, one that nobody needs', async () => {
  await source('schemed', 1);
  const down = await doctor([...pipeline('schemed'), '--registry', '127.0.0.1:1']);
  assertFails(down, 'registry', /127\.0\.0\.1:1/, /registry/);
  assert.deepEqual(down.rows('schemas'), ['skip cannot be asked as registry failed']);
  const other = JSON.stringify({ type: 'record', name: 'Other', fields: [{ name: 'x', type: 'string' }] });
  await createRegistry({ urls: [world.registryUrl] }).register('schemed.windows-value', other);
  const taken = await doctor(pipeline('schemed'));
  assertFails(
    taken,
    'schemas',
    /schemed\.windows-value does not take this version's schema \(BACKWARD\): ./,
    /sinks\.windows/,
  );
});

test('a checkpoint store and a state directory that cannot be written', async () => {
  writeFileSync(join(world.dir, 'file'), '');
  const store = await doctor(['-X', 'checkpoint.store=file/below']);
  assertFails(store, 'checkpoint store', /file/, /./);
  const state = await doctor(['-X', 'state_dir=file/below']);
  assertFails(state, 'state directory', /file\/below cannot be written/, /--state-dir/);
  mkdirSync(join(world.dir, 'good'));
  const good = await doctor(['-X', 'checkpoint.store=good', '-X', 'state_dir=good/new']);
  assert.match(good.row('checkpoint store').detail, /can be written, read and removed from/);
  assert.match(good.row('state directory').detail, /can be made, and locked in/);
});

test('a model that is broken, and one that is loaded and run', async () => {
  await source('modelled', 1);
  writeFileSync(join(world.dir, 'broken.onnx'), 'no model');
  const broken = await doctor(pipeline('modelled', 'score.model.uri=broken.onnx'));
  assertFails(broken, 'model', /broken\.onnx/, /./);
  const good = await doctor(pipeline('modelled', `score.model.uri=${modelPath('lstm-forecast')}`));
  const rows = good.rows('model').join('\n');
  assert.match(rows, /^ok .* loads and gives scores, \d+ ms in all$/);
});

test('transactions: open for long, beyond their timeout, and one that no coordinator has', async (t) => {
  const name = 'held';
  await source(name, 1);
  const producer = await world.client.createTransactionalProducer({
    transactionalId: 'stuck-1',
    transactionTimeoutMs: 60_000,
  });
  t.after(() => producer.close());
  const value = Buffer.from('{"sensor":"a","ts":1,"value":1}');
  producer.append(name, 0, NOW, null, -1, -1, value, 0, value.length);
  await producer.flush();
  const young = await doctor(pipeline(name));
  assert.match(young.row('transactions').detail, /1 open, none for longer than 30s/);
  const old = await doctor(pipeline(name), { now: () => Date.now() + 40_000 });
  assert.match(
    old.rows('transactions').join(),
    /warn transaction stuck-1 is open for [45]\ds; .*held\/0; the broker aborts it after 1m/,
  );
  const stuck = await doctor(pipeline(name), { now: () => Date.now() + 90_000 });
  assertFails(
    stuck,
    'transactions',
    /stuck-1 is open for .*its timeout of 1m is over/,
    /rpk cluster txn describe stuck-1/,
  );
  const tap = new BrokerTap(world.broker);
  const restore = tap.rewrite('ListTransactions', (request) => ({ ...request, stateFilters: ['Dead'] }));
  const hanging = await doctor(pipeline(name));
  restore();
  assertFails(
    hanging,
    'transactions',
    /held\/0 holds \d+ offsets back .*that no coordinator has/,
    /describe-producers --topics held/,
  );
});

test('more members than partitions', async (t) => {
  await source('crowded', 1);
  const consumers = await Promise.all([1, 2].map(() => world.client.createConsumer({ groupId: 'crowded' })));
  t.after(() => Promise.all(consumers.map((each) => each.close())));
  const listener = { onRevoked: async () => {}, onAssigned: async () => undefined };
  await Promise.all(consumers.map((each) => each.subscribe(['crowded'], 'earliest', listener)));
  const report = await doctor(pipeline('crowded'));
  assert.match(report.row('group').detail, /with 2 members .*the source has 1 partitions: 1 have nothing to do/);
});

/** A small service with answers by path. */
async function service(t: TestContext, answers: Readonly<Record<string, unknown>>, headers = {}): Promise<string> {
  const server = createServer((request, response) => {
    const body = answers[request.url!];
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body ?? { message: 'not found' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('the Admin API: down, unhealthy; lag gauges on and off; a broker that is none for development', async (t) => {
  const down = await doctor(['-X', 'admin.urls=127.0.0.1:1']);
  assertFails(down, 'admin api', /127\.0\.0\.1:1/, /admin/);
  assert.deepEqual(down.rows('lag gauges'), ['skip cannot be asked as admin api failed']);
  assert.match(
    (await doctor([])).row('lag gauges').fix!,
    /^rpk cluster config set enable_consumer_group_metrics '\["group","partition","consumer_lag"\]'$/,
  );
  const url = await service(t, {
    '/v1/cluster/health_overview': {
      is_healthy: false,
      unhealthy_reasons: ['leaderless_partitions'],
      leaderless_count: 3,
    },
    '/v1/cluster_config': {
      enable_consumer_group_metrics: ['group', 'partition', 'consumer_lag'],
      write_caching_default: 'false',
      group_initial_rebalance_delay: 3000,
    },
    '/v1/node_config': { developer_mode: false },
  });
  const report = await doctor(['-X', `admin.urls=${url}`]);
  assert.match(
    report.rows('admin api').join(),
    /warn .*not healthy \(leaderless_partitions\): .*3 partitions without a leader/,
  );
  assert.match(report.rows('lag gauges').join(), /ok consumer lag is in/);
  assert.match(report.rows('mode').join(), /ok no setting of a development broker/);
});

test('the Admin API of another cluster tells nothing of this one', async (t) => {
  const other = await startBroker({ port: 0 });
  const theirs = await startAdmin({ port: 0, broker: other });
  t.after(async () => {
    await theirs.close();
    await other.close();
  });
  const report = await doctor(['-X', `admin.urls=${theirs.url}`, '-X', 'registry.urls=127.0.0.1:1']);
  assertFails(report, 'admin api', /is the Admin API of another cluster/, /admin\.urls/);
  for (const name of ['mode', 'lag gauges'])
    assert.deepEqual(report.rows(name), ['skip cannot be asked as admin api failed']);
  assert.match(report.rows('clock').join(), /^skip .* of this cluster answers/);
  const atDefault = adminOfAnother('http://localhost:9644', true);
  assert.equal(atDefault.status, 'skip');
  assert.match(atDefault.detail, /another cluster .* only the default: set admin\.urls/);
});

test('clocks that are apart', async () => {
  const at = (ms: number) => doctor([], { now: () => Date.now() + ms });
  assert.match((await at(5000)).rows('clock').join(), /warn the clock of .* is -[45]\d{3} ms ± \d+ ms off/);
  assert.match((await at(-10_000)).rows('clock').join(), /warn the clock of .* is \+(9|10)\d{3} ms ± \d+ ms off/);
  assertFails(await at(300_000), 'clock', /is -(299|300)\d{3} ms/, /NTP/);
});

test('a service that takes connections and never answers does not hold the report up', async (t) => {
  const silent = createTcp(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  // Without a deadline this would never come back.
  const report = await doctor(['--registry', address, '--deadline', '300ms']);
  assertFails(report, 'registry', /no answer within 300 ms \(--deadline\)/, /./);
});

test('alert sinks: reached without a page, out of reach, a secret that is missing', async (t) => {
  await source('alerted', 1);
  let requests = 0;
  const hook = createServer((_, response) => {
    requests++;
    response.end();
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  t.after(() => hook.close());
  const { port } = hook.address() as AddressInfo;
  const good = await doctor(pipeline('alerted', `alerts.sinks=webhook=http://127.0.0.1:${port}/secret-path`));
  assert.match(good.row('alert sinks').detail, /webhook.*127\.0\.0\.1:\d+ can be reached; anomaly alerts test/);
  assert.doesNotMatch(JSON.stringify(good.checks), /secret-path/);
  assert.equal(requests, 0, 'nothing was sent');
  const away = await doctor(pipeline('alerted', 'alerts.sinks=webhook=http://127.0.0.1:1/x'));
  assertFails(away, 'alert sinks', /webhook.*127\.0\.0\.1:1 refuses/, /url/);
  const secret = await doctor(pipeline('alerted', 'alerts.sinks=slack=env:NO_SUCH_VARIABLE'));
  assertFails(secret, 'alert sinks', /NO_SUCH_VARIABLE/, /./);
});

test('a configuration that is broken; what does not need it is looked at all the same', async () => {
  const report = await doctor(['-X', 'source.tpics=gone']);
  assertFails(report, 'configuration', /source\.tpics is no key; did you mean source\.topics\?/, /configuration\.md/);
  assert.equal(report.row('registry').status, 'ok');
  const idle = await doctor(['-X', 'source.topics=raw']);
  assertFails(idle, 'pipeline', /neither windows nor score/, /./);
});

test('a small terminal, and one without Unicode', async () => {
  const { stdout } = await runCli(['doctor', '--brokers', '127.0.0.1:1'], {
    terminal: true,
    env: { LANG: 'C', TERM: 'xterm' },
  });
  assert.match(stdout, /warn.*terminal.*100 columns.*no Unicode \(LANG C\)/);
  assert.match(stdout, /\u001b\[31mfail/, 'colours on a terminal');
});
