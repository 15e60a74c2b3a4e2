// The rights that `doctor --acl` prints against a real Kafka with its authorizer: a run works with them and with nothing
// else, and not without any one of them.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AclOperations, AclPermissionTypes, Admin, ResourcePatternTypes, ResourceTypes } from '@platformatic/kafka';
import { freePort } from '../../bench/processes.ts';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { type CliRun, runCli } from '../helpers/cli.ts';
import { append } from '../helpers/world.ts';
import { type Kafka, startKafka } from './helpers/services.ts';

const USER = 'pump';
const PASSWORD = 'letmein-8361';
const MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule';

let kafka: Kafka;
let client: KafkaClient;
let acls: Admin;
let login: string;
let dir: string;

before(async () => {
  const port = await freePort();
  login = `127.0.0.1:${port}`;
  kafka = await startKafka({
    heap: '512m',
    properties: ({ port: plain, controllerPort }) => [
      `listeners=PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controllerPort},LOGIN://${login}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${plain},LOGIN://${login}`,
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT',
      'listener.name.login.sasl.enabled.mechanisms=PLAIN',
      `listener.name.login.plain.sasl.jaas.config=${MODULE} required user_${USER}="${PASSWORD}";`,
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // Whoever comes without a login is the administrator here.
      'super.users=User:ANONYMOUS',
      'allow.everyone.if.no.acl.found=false',
    ],
  });
  client = await connect({ brokers: [kafka.brokers], client: 'platformatic' });
  acls = new Admin({ clientId: 'acls', bootstrapBrokers: [kafka.brokers] });
  dir = mkdtempSync(join(tmpdir(), 'anomaly-acl-'));
  writeFileSync(join(dir, 'password'), PASSWORD);
});
after(async () => {
  await acls?.close();
  await client?.close();
  await kafka?.remove();
  rmSync(dir, { recursive: true, force: true });
});

interface Rule {
  readonly resource: keyof typeof RESOURCES;
  readonly name: string;
  readonly isPrefixed: boolean;
  readonly operation: string;
}

const RESOURCES = {
  topic: ResourceTypes.TOPIC,
  group: ResourceTypes.GROUP,
  'transactional-id': ResourceTypes.TRANSACTIONAL_ID,
  cluster: ResourceTypes.CLUSTER,
} as const;

/** What rpk would make of the commands: one rule an operation. */
function rulesOf(text: string): Rule[] {
  const lines = text.split('\n').filter((line) => line.startsWith('rpk security acl create '));
  return lines.flatMap((line) => {
    const option = (name: string) => new RegExp(`--${name} (\\S+)`).exec(line)?.[1];
    assert.equal(option('allow-principal'), `User:${USER}`, line);
    const resource = (Object.keys(RESOURCES) as Rule['resource'][]).find((each) => line.includes(`--${each}`))!;
    const name = resource === 'cluster' ? 'kafka-cluster' : option(resource)!;
    const isPrefixed = option('resource-pattern-type') === 'prefixed';
    return option('operation')!
      .split(',')
      .map((operation) => ({ resource, name, isPrefixed, operation }));
  });
}

function aclOf({ resource, name, isPrefixed, operation }: Rule) {
  return {
    resourceType: RESOURCES[resource],
    resourceName: name,
    resourcePatternType: isPrefixed ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    principal: `User:${USER}`,
    host: '*',
    operation: AclOperations[operation.toUpperCase() as 'READ'],
    permissionType: AclPermissionTypes.ALLOW,
  };
}

/** The broker answers before its authorizer has the change. */
async function settled(rule: Rule, isThere: boolean): Promise<void> {
  const filter = aclOf(rule);
  for (;;) {
    const found = await acls.describeAcls({ filter } as never);
    if (found.some(({ acls: list }) => list.length > 0) === isThere) return;
  }
}

async function grant(rules: readonly Rule[]): Promise<void> {
  await acls.createAcls({ creations: rules.map(aclOf) } as never);
  for (const rule of rules) await settled(rule, true);
}

async function revoke(rule: Rule): Promise<void> {
  await acls.deleteAcls({ filters: [aclOf(rule)] } as never);
  await settled(rule, false);
}

const ROUND_MS = 3_600_000;
let round = 0;

/** What makes a run write to each of its topics: windows, an alert, a late record, one that cannot be read. */
async function produceRound(topic: string): Promise<void> {
  const at = 1_700_000_000_000 + ROUND_MS * round++;
  const producer = await client.createProducer();
  for (const partition of [0, 1]) {
    const send = (value: unknown) => append(producer, topic, { partition, key: null, value, timestamp: at });
    const series = `s${partition}`;
    send({ s: series, ts: at, value: 1 });
    send({ s: series, ts: at + 600_000, value: 1000 });
    send({ s: series, ts: at + 1, value: 2 });
    send('{"s":');
  }
  await producer.close();
}

function pipeline(topic: string, guarantee: string): string[] {
  const keys = [
    ...[`pipeline=${topic}-p`, `source.topics=${topic}`, 'source.key=s', 'source.time=ts', 'windows=1m'],
    ...['score.detector=range', 'score.max=100', 'sinks.format=json', 'time.out_of_orderness=0s', 'time.max_ahead=off'],
    ...[`guarantee=${guarantee}`, 'checkpoint.every=1ms', 'checkpoint.retain=1', `state_dir=${dir}/${topic}`],
  ];
  return [...keys.flatMap((text) => ['-X', text]), '--client', 'platformatic', '--log-format', 'json'];
}

const asAdministrator = (argv: readonly string[]) => runCli([...argv, '--brokers', kafka.brokers], { cwd: dir });

const loginFlags = () => [
  '-X',
  'sasl.mechanism=PLAIN',
  '-X',
  `sasl.user=${USER}`,
  '--password-file',
  join(dir, 'password'),
];

async function runAsUser(topic: string, guarantee: string): Promise<CliRun> {
  await produceRound(topic);
  const argv = ['run', '--until', 'end', '--max-bad-rate', '1', '-o', 'json', ...pipeline(topic, guarantee)];
  return await runCli([...argv, ...loginFlags(), '--brokers', login], { cwd: dir });
}

/** Diagnostics that say that something could not be done; it may still end well, as without a status. */
function complaints({ code, stderr }: CliRun): string[] {
  const lines = stderr.split('\n').filter((line) => /authoriz/i.test(line));
  return code === 0 ? lines : [`exit ${code}`, ...lines];
}

async function endOffsets(names: readonly string[]): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  for (const { name, partitions } of await client.admin.topics(names)) {
    const offsets = await client.admin.listOffsets(
      partitions.map(({ partition }) => ({ topic: name, partition })),
      'latest',
    );
    ends.set(
      name,
      offsets.reduce((sum, { offset }) => sum + offset, 0),
    );
  }
  return ends;
}

for (const guarantee of ['at-least-once', 'exactly-once']) {
  test(`${guarantee}: a run needs each of the printed rights, and no other`, async () => {
    const topic = `acl-${guarantee}`;
    await client.admin.createTopics([{ name: topic, partitions: 2 }]);
    const made = await asAdministrator(['run', '--create-topics-only', ...pipeline(topic, guarantee)]);
    assert.equal(made.code, 0, made.stderr);
    const printed = await asAdministrator(['doctor', '--acl', '--acl-user', USER, ...pipeline(topic, guarantee)]);
    assert.equal(printed.code, 0, printed.stderr);
    const rules = rulesOf(printed.stdout);
    await grant(rules);

    const outputs = ['windows', 'anomalies', 'late', 'dlq', 'journal', 'status'].map((each) => `${topic}-p.${each}`);
    const before = await endOffsets(outputs);
    // Twice: the second one recovers what the first one left.
    for (const time of ['first', 'second']) {
      const run = await runAsUser(topic, guarantee);
      assert.deepEqual(complaints(run), [], `${time} run: ${run.stderr}`);
    }
    const after = await endOffsets(outputs);
    for (const name of outputs) assert.ok(after.get(name)! > before.get(name)!, `${name} was written to`);

    for (const rule of rules) {
      // Kafka grants this one with any right to write; Redpanda does not, for a batch of an idempotent producer.
      if (rule.resource === 'cluster') continue;
      await revoke(rule);
      const run = await runAsUser(topic, guarantee);
      const what = `${rule.operation} on ${rule.resource} ${rule.name}`;
      assert.notDeepEqual(complaints(run), [], `without ${what} something is missed: ${run.stderr}`);
      await grant([rule]);
    }
    const last = await runAsUser(topic, guarantee);
    assert.deepEqual(complaints(last), [], last.stderr);
  });
}

test('with alerts: the stage beside the run needs no more than what is printed for it', async () => {
  const topic = 'acl-alerts';
  await client.admin.createTopics([{ name: topic, partitions: 2 }]);
  const alerts = ['-X', 'alerts.sinks=topic', '-X', 'alerts.max_age=1000000h'];
  const keys = [...pipeline(topic, 'exactly-once'), ...alerts];
  const made = await asAdministrator(['run', '--create-topics-only', ...keys]);
  assert.equal(made.code, 0, made.stderr);
  const printed = await asAdministrator(['doctor', '--acl', '--acl-user', USER, ...keys]);
  await grant(rulesOf(printed.stdout));
  await produceRound(topic);
  const outbox = `${topic}-p.outbox`;
  const signals = new EventEmitter();
  const running = runCli(['run', '--max-bad-rate', '1', ...keys, ...loginFlags(), '--brokers', login], {
    cwd: dir,
    signals,
  });
  while ((await endOffsets([outbox])).get(outbox) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  signals.emit('SIGTERM');
  const run = await running;
  assert.deepEqual(complaints(run), [], run.stderr);
});
