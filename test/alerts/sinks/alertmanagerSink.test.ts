import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { AlertmanagerSink } from '../../../src/alerts/sinks/alertmanagerSink.ts';
import { incident, START_MS } from '../../helpers/delivery.ts';
import { type Answer, HttpReceiver, type Received } from '../../helpers/httpReceiver.ts';

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

const NOW_MS = START_MS + 60_000;
const [one, two] = [new HttpReceiver(), new HttpReceiver()];

before(async () => {
  await Promise.all([one.listen(), two.listen()]);
});
after(() => Promise.all([one.close(), two.close()]));
beforeEach(() => {
  for (const each of [one, two]) {
    each.received.length = 0;
    each.react = strict;
  }
});

/** Alertmanager's rules for POST /api/v2/alerts. */
function strict({ method, path, headers, body }: Received): Answer {
  if (method !== 'POST' || path !== '/am/api/v2/alerts') return { status: 404 };
  if (headers['content-type'] !== 'application/json') return { status: 415 };
  const alerts: unknown = JSON.parse(body);
  if (!Array.isArray(alerts)) return { status: 400, text: 'no array' };
  for (const { labels, annotations, startsAt, endsAt } of alerts as Alert[]) {
    const isText = (value: unknown) => typeof value === 'string';
    const isWhole =
      isText(labels['alertname']) &&
      Object.entries(labels).every(([name, value]) => /^[A-Za-z_]\w*$/.test(name) && isText(value) && value !== '') &&
      Object.values(annotations).every(isText) &&
      [startsAt, endsAt].every((time) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time)) &&
      Date.parse(startsAt) <= Date.parse(endsAt);
    if (!isWhole) return { status: 400, text: JSON.stringify(labels) };
  }
  return { status: 200 };
}

function sinkOf(rest: Partial<ConstructorParameters<typeof AlertmanagerSink>[0]> = {}): AlertmanagerSink {
  return new AlertmanagerSink({
    ...{ name: 'am', timeoutMs: 60_000, updates: 'all', minSeverity: 'info', test: false },
    ...{ urls: [one.url('/am')], headers: {}, resendMs: 60_000, labels: { team: 'pumps' }, now: () => NOW_MS },
    ...rest,
  });
}

const alerts = ({ body }: Received) => JSON.parse(body) as Alert[];

test('labels are what never changes of an incident, an end lies ahead while it fires, and behind when it is over', async () => {
  const sink = sinkOf();
  const first = incident('a', { openSeverity: 'warning', severity: 'warning' });
  const worse = incident('a', {
    openSeverity: 'warning',
    revision: 2,
    severity: 'critical',
    summary: 'worse',
    rule: 'peers',
  });
  const breach = incident('b', { kind: 'breach', series: [], value: null, score: null, reasons: [], summary: '' });
  const over = { ...worse, revision: 3, status: 'resolved', endedMs: START_MS } as const;
  for (const batch of [
    [{ told: 'open', notification: first } as const, { told: 'open', notification: breach } as const],
    [{ told: 'update', notification: worse } as const],
    [{ told: 'resolved', notification: over } as const],
  ]) {
    assert.deepEqual(await sink.send(batch), { kind: 'delivered' });
  }
  const [[open, broken], [update], [resolved]] = one.received.map(alerts) as [Alert[], Alert[], Alert[]];
  const labels = { team: 'pumps', alertname: 'Anomaly', incident: 'a', pipeline: 'pump-room', severity: 'warning' };
  for (const each of [open, update, resolved]) assert.deepEqual(each!.labels, labels);
  assert.deepEqual(broken!.labels, {
    team: 'pumps',
    alertname: 'PipelineBreach',
    incident: 'b',
    pipeline: 'pump-room',
  });
  assert.equal(update!.annotations['severity'], 'critical');
  assert.equal(update!.annotations['summary'], 'worse');
  assert.equal(open!.startsAt, new Date(START_MS).toISOString());
  assert.equal(open!.endsAt, new Date(NOW_MS + 240_000).toISOString());
  assert.equal(resolved!.endsAt, new Date(NOW_MS).toISOString());
});

test('event time that is ahead, or none at all, still makes an alert that is taken', async () => {
  for (const startedMs of [NOW_MS + 3_600_000, Number.NaN, -5, 9e18]) {
    const notification = incident('a', { startedMs });
    assert.equal((await sinkOf().send([{ told: 'open', notification }])).kind, 'delivered', String(startedMs));
    assert.equal((await sinkOf().send([{ told: 'resolved', notification }])).kind, 'delivered', String(startedMs));
  }
});

test('each address of a cluster gets all; one that takes it is enough', async () => {
  const sink = sinkOf({ urls: [one.url('/am'), two.url('/am')] });
  const batch = [{ told: 'open', notification: incident('a') }] as const;
  assert.equal((await sink.send(batch)).kind, 'delivered');
  assert.deepEqual([one.received.length, two.received.length], [1, 1]);
  for (const reaction of ['hang', { status: 500 }, { status: 400 }] as const) {
    one.react = () => reaction;
    // The other one has to answer in this time, and only the silent one is waited for.
    const impatient = sinkOf({ urls: [one.url('/am'), two.url('/am')], timeoutMs: 3000 });
    const asked = reaction === 'hang' ? impatient : sink;
    assert.equal((await asked.send(batch)).kind, 'delivered', JSON.stringify(reaction));
  }
  two.react = () => ({ status: 503 });
  assert.equal((await sink.send(batch)).kind, 'retry', 'refused by one, and perhaps taken by the other later');
  two.react = () => ({ status: 400, text: 'bad' });
  assert.equal((await sink.send(batch)).kind, 'refused');
});

test('nobody at the address is told as such, so the order is kept', async () => {
  const closed = new HttpReceiver();
  await closed.listen();
  const url = closed.url();
  await closed.close();
  const result = await sinkOf({ urls: [url] }).send([{ told: 'open', notification: incident('a') }]);
  assert.equal(result.kind === 'retry' && result.isUnreachable, true, JSON.stringify(result));
});
