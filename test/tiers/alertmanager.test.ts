// Delivery and `alerts test` against a real Alertmanager: what it shows, what it tells its receiver, and what it gets after
// it was away.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { SinkDelivery } from '../../src/alerts/delivery/sinkDelivery.ts';
import { SinkDelivery as Delivery } from '../../src/alerts/delivery/sinkDelivery.ts';
import { AlertmanagerSink } from '../../src/alerts/sinks/alertmanagerSink.ts';
import type { Notification } from '../../src/observe/notification.ts';
import { runCli } from '../helpers/cli.ts';
import { FakeOutbox, incident } from '../helpers/delivery.ts';
import { HttpReceiver } from '../helpers/httpReceiver.ts';
import { type Alertmanager, startAlertmanager } from './helpers/services.ts';

interface ShownAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly fingerprint: string;
  readonly endsAt: string;
  readonly updatedAt: string;
}

/** What Alertmanager posts to its receiver. */
interface Notice {
  readonly status: 'firing' | 'resolved';
  readonly alerts: readonly { readonly status: string; readonly labels: Readonly<Record<string, string>> }[];
}

const DEADLINE_MS = 120_000;
/** Four of them without a resend resolve an alert: longer than a machine holds a process up. */
const RESEND_MS = 5000;
const receiver = new HttpReceiver();
const dataDir = mkdtempSync(join(tmpdir(), 'anomaly-alertmanager-'));
let alertmanager: Alertmanager;
let delivery: SinkDelivery;

before(async () => {
  await receiver.listen();
  alertmanager = await startAlertmanager({ webhook: receiver.url('/hook'), dataDir });
});
after(async () => {
  await alertmanager?.stop();
  await receiver.close();
  rmSync(dataDir, { recursive: true, force: true });
});
afterEach(() => delivery?.close());

function open(outbox = new FakeOutbox()): FakeOutbox {
  const sink = new AlertmanagerSink({
    ...{ name: 'am', timeoutMs: 5000, updates: 'all', minSeverity: 'info', test: false },
    ...{ urls: [alertmanager.url], headers: {}, labels: {}, resendMs: RESEND_MS, now: Date.now },
  });
  delivery = new Delivery({
    sinks: [sink],
    clock: {
      now: Date.now,
      random: () => 0.5,
      after: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    },
    record: outbox.record,
    ...{ maxAgeMs: Infinity, perMinute: Infinity, burst: 1, mostWaiting: 100 },
  });
  return outbox;
}

async function shown(): Promise<readonly ShownAlert[]> {
  const response = await fetch(`${alertmanager.url}/api/v2/alerts?active=true`);
  return (await response.json()) as ShownAlert[];
}

/** All alerts of all notices to the receiver, as `firing a`. */
function told(): string[] {
  const notices = receiver.received.map(({ body }) => JSON.parse(body) as Notice);
  return notices.flatMap(({ alerts }) => alerts.map(({ status, labels }) => `${status} ${labels['incident']}`));
}

async function until<T>(what: string, read: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline)
      throw new Error(`not within ${DEADLINE_MS} ms: ${what}; told: ${told().join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const now = (id: string, rest: Partial<Notification> = {}): Notification => {
  const ms = Date.now();
  return incident(id, { startedMs: ms - 1000, updatedMs: ms, evidenceMs: ms, ...rest });
};
const over = (id: string, revision: number): Notification =>
  now(id, { revision, status: 'resolved', endedMs: Date.now() });
const alertOf = async (id: string) => (await shown()).find(({ labels }) => labels['incident'] === id);

test('an incident is one alert: shown, sent again while it fires, changed by an update, and resolved', async () => {
  open();
  delivery.start();
  delivery.offer(now('one', { openSeverity: 'error' }));
  await delivery.idle();
  const first = await until('the alert', () => alertOf('one'));
  assert.deepEqual(first.labels, { alertname: 'Anomaly', incident: 'one', pipeline: 'pump-room', severity: 'error' });
  assert.equal(first.annotations['description'], 'temperature 93.2 against 60 to 80\nfirst mover pump-7');
  await until('the receiver', () => told().includes('firing one'));
  const again = await until('a resend', async () => {
    const alert = await alertOf('one');
    return alert !== undefined && Date.parse(alert.endsAt) >= Date.parse(first.endsAt) + 2000 && alert;
  });
  assert.equal(again.fingerprint, first.fingerprint);
  delivery.offer(now('one', { openSeverity: 'error', revision: 2, status: 'update', severity: 'critical' }));
  const worse = await until('the update', async () => {
    const alert = await alertOf('one');
    return alert?.annotations['severity'] === 'critical' && alert;
  });
  assert.equal(worse.fingerprint, first.fingerprint);
  assert.equal((await shown()).length, 1);
  delivery.offer({ ...over('one', 3), openSeverity: 'error' });
  await until('the resolve', () => told().includes('resolved one'));
  assert.equal(await alertOf('one'), undefined);
  assert.equal(told().filter((each) => each === 'firing one').length, 1, 'repeats are one page');
});

test('several incidents come to the receiver as one grouped notice', async () => {
  open();
  receiver.received.length = 0;
  const ids = ['g1', 'g2', 'g3'];
  for (const id of ids) delivery.offer(now(id));
  delivery.start();
  await until('all three', () => ids.every((id) => told().includes(`firing ${id}`)));
  const notices = receiver.received.map(({ body }) => JSON.parse(body) as Notice);
  assert.equal(notices.filter(({ status }) => status === 'firing').length, 1, JSON.stringify(notices));
  for (const id of ids) delivery.offer(over(id, 2));
  await until('their resolves', () => ids.every((id) => told().includes(`resolved ${id}`)));
});

test('down and up again: what changed meanwhile comes, what fires is known again, and the order holds', async () => {
  const outbox = open();
  delivery.start();
  receiver.received.length = 0;
  for (const id of ['stays', 'ends']) delivery.offer(now(id));
  await until('both', () => ['stays', 'ends'].every((id) => told().includes(`firing ${id}`)));
  // It dies, and what it has forgotten, too: alerts are in its memory only.
  await alertmanager.stop('SIGKILL');
  delivery.offer(over('ends', 2));
  delivery.offer(now('new'));
  delivery.offer(now('new', { revision: 2, status: 'update' }));
  delivery.offer(now('brief'));
  delivery.offer(over('brief', 2));
  await until('a failure', () => delivery.status()[0]!.problem ?? false);
  assert.match(delivery.status()[0]!.problem!, /ECONNREFUSED|ECONNRESET|hang up/);
  assert.equal(delivery.pending, 3);
  receiver.received.length = 0;
  alertmanager = await startAlertmanager({ webhook: receiver.url('/hook'), dataDir, port: alertmanager.port });
  await until('what is new', () => told().includes('firing new'));
  await until('what was brief', () => told().includes('resolved brief'));
  await until('what fires', () => alertOf('stays'));
  await delivery.idle();
  assert.ok(told().indexOf('firing brief') < told().indexOf('resolved brief'), told().join(', '));
  assert.equal(await alertOf('ends'), undefined);
  assert.equal(outbox.state('ends', 'am')!['told'], 'resolved');
  assert.equal(outbox.state('new', 'am')!['revision'], 2);
  assert.deepEqual((await shown()).map(({ labels }) => labels['incident']).sort(), ['new', 'stays']);
  for (const id of ['stays', 'new']) delivery.offer(over(id, 3));
  await until('the end', async () => (await shown()).length === 0);
});

test('alerts test opens and resolves an alert there, which reaches the receiver when it is held for long enough', async () => {
  receiver.received.length = 0;
  const sink = `alerts.sinks=alertmanager=${alertmanager.url}`;
  const run = await runCli(['alerts', 'test', '-X', sink, '--hold', '10s', '-o', 'json', '--ignore-profile']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const [row] = JSON.parse(run.stdout).sinks;
  assert.deepEqual([row.sink, row.open, row.resolved], ['alertmanager', 'delivered', 'delivered']);
  await until('the resolve', () => told().some((each) => /^resolved test-/.test(each)));
  assert.ok(
    told().some((each) => /^firing test-/.test(each)),
    'it was told while it was open',
  );
});
