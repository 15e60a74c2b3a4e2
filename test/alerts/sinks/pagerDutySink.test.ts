import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { SinkDelivery } from '../../../src/alerts/delivery/sinkDelivery.ts';
import { dedupKey, PagerDutySink } from '../../../src/alerts/sinks/pagerDutySink.ts';
import { LinkTemplate } from '../../../src/alerts/sinks/template.ts';
import { isAnomalyError } from '../../../src/errors.ts';
import type { Notification } from '../../../src/observe/notification.ts';
import { FakeClock, FakeOutbox, incident, openDelivery } from '../../helpers/delivery.ts';
import { PagerDutyServer } from '../../helpers/pagerDutyServer.ts';

const KEY = 'R0123456789abcdef0123456789ABCDE';
let server: PagerDutyServer;

interface TriggerEvent extends Readonly<Record<string, unknown>> {
  readonly payload: { readonly custom_details: Readonly<Record<string, unknown>> };
}

before(async () => {
  server = new PagerDutyServer(KEY);
  await server.receiver.listen();
});
after(() => server.receiver.close());
beforeEach(() => {
  server.fault = () => null;
  server.events.length = 0;
  server.violations.length = 0;
  server.keys.clear();
  server.open.clear();
});

function sinkOf(rest: Partial<ConstructorParameters<typeof PagerDutySink>[0]> = {}): PagerDutySink {
  return new PagerDutySink({
    ...{ name: 'pager', timeoutMs: 60_000, updates: 'all', minSeverity: 'info', test: false },
    ...{ url: server.url, routingKey: KEY },
    ...rest,
  });
}

/** A delivery whose timers are real and short enough to wait for. */
function deliveryOf(sink: PagerDutySink, outbox = new FakeOutbox()): { delivery: SinkDelivery; outbox: FakeOutbox } {
  const startMs = Date.now();
  const clock = {
    now: () => startMs + (Date.now() - startMs) * 100,
    random: () => 0.5,
    // A pause takes a hundredth of its time here; deadlines stay.
    after: (ms: number, run: () => void) => {
      const timer = setTimeout(run, ms === sink.timeoutMs ? ms : ms / 100);
      return () => clearTimeout(timer);
    },
  };
  const options = { maxAgeMs: Infinity, perMinute: Infinity, burst: 10, mostWaiting: 100 };
  return { delivery: new SinkDelivery({ sinks: [sink], clock, record: outbox.record, ...options }), outbox };
}

const over = (from: Notification): Notification => ({
  ...from,
  revision: 9,
  status: 'resolved',
  endedMs: from.startedMs,
});

test('a trigger and a resolve keep every documented rule', async () => {
  const sink = sinkOf({ link: new LinkTemplate('https://grafana.example/d/pump?var-series={series}', 'link') });
  const notification = incident('kpi@value/pump-7/1764115200000');
  assert.deepEqual(await sink.send([{ told: 'open', notification }]), { kind: 'delivered' });
  assert.deepEqual(await sink.send([{ told: 'resolved', notification: over(notification) }]), { kind: 'delivered' });
  assert.deepEqual(server.violations, []);
  const [trigger, resolve] = server.events as TriggerEvent[];
  assert.equal(trigger!['dedup_key'], notification.id);
  assert.equal(trigger!['client_url'], 'https://grafana.example/d/pump?var-series=pump-7%2C%20pump-8');
  const { custom_details: details, ...payload } = trigger!.payload;
  assert.deepEqual(payload, {
    summary: notification.summary,
    ...{ source: 'pump-7', severity: 'error', timestamp: '2025-11-26T00:00:00.000Z' },
    ...{ component: 'pump-7', group: 'pump-room', class: 'kpi@value' },
  });
  assert.deepEqual(details['reasons'], notification.reasons);
  assert.deepEqual(resolve, { routing_key: KEY, event_action: 'resolve', dedup_key: notification.id });
});

test('hostile and huge notifications stay within the rules, and a trimmed one says so', async () => {
  const sink = sinkOf();
  const id = `rule/${'ü'.repeat(400)}/1`;
  const long = 'x'.repeat(40_000);
  const notifications = [
    incident(id),
    incident('empty', { summary: '', reasons: [], series: [], seriesCount: 0, rule: '', startedMs: Number.NaN }),
    incident('far', { startedMs: 9e18, updatedMs: -1, value: Number.NaN, score: Infinity }),
    incident('emoji', { summary: '🔥'.repeat(900) }),
    incident('long', { summary: long, rule: long, series: [long], pipeline: long, look: long }),
    incident('many', { reasons: Array(50).fill(long), alerts: Array(50).fill(long), series: Array(50).fill(long) }),
  ];
  for (const notification of notifications) {
    const result = await sink.send([{ told: 'open', notification }]);
    assert.deepEqual(result, { kind: 'delivered' }, server.violations.join(', '));
    assert.equal((await sink.send([{ told: 'resolved', notification: over(notification) }])).kind, 'delivered');
  }
  assert.deepEqual(server.violations, []);
  assert.equal(server.open.size, 0, 'each resolve is of its trigger');
  assert.match(dedupKey(id), /^rule\/ü+~[0-9a-f]{64}$/);
  assert.notEqual(dedupKey(`${id}2`), dedupKey(id));
  const details = (server.events.at(-2) as TriggerEvent).payload.custom_details;
  assert.match(String(details['trimmed']), /to \d+ each, as the event was above 512 KB/);
  assert.equal((server.events[0] as TriggerEvent).payload.custom_details['trimmed'], undefined);
});

test('a routing key that cannot be one is told at the start, and not shown', () => {
  for (const routingKey of ['', 'too-short-secret', `${KEY}0`, `${KEY.slice(0, 31)}!`]) {
    assert.throws(
      () => sinkOf({ routingKey }),
      (error: unknown) =>
        isAnomalyError(error) &&
        error.code === 'ANM_CONFIG' &&
        (routingKey === '' || !error.message.includes(routingKey)),
    );
  }
});

test('202 alone is taken, 400 is never repeated, 429 and 5xx are, and no answer has the routing key in it', async () => {
  const outgoing = [{ told: 'open', notification: incident('a') }] as const;
  const answers = [
    [{ status: 400, text: `routing key ${KEY} is bad` }, 'refused'],
    [{ status: 400, text: `${'x'.repeat(180)} ${KEY}` }, 'refused'],
    [{ status: 429, headers: { 'retry-after': '120' } }, 'retry'],
    ...[200, 403, 500, 503].map((status) => [{ status }, 'retry'] as const),
    ...(['hang', 'break', 'breakOff'] as const).map((fault) => [fault, 'retry'] as const),
  ] as const;
  for (const [fault, kind] of answers) {
    server.fault = () => fault;
    const sink = sinkOf(fault === 'hang' ? { timeoutMs: 100 } : {});
    const result = await sink.send(outgoing);
    assert.equal(result.kind, kind, JSON.stringify([fault, result]));
    assert.ok(!JSON.stringify(result).includes(KEY.slice(0, 6)), JSON.stringify(result));
    if (typeof fault === 'object' && fault.status === 429) {
      assert.deepEqual(result, {
        kind: 'retry',
        problem: result.kind === 'retry' ? result.problem : '',
        busy: true,
        afterMs: 120_000,
      });
    }
  }
});

test('failures in every way, and a crash: one alert a dedup key, and all resolved', async () => {
  const faults = [{ status: 500 }, { status: 503 }, 'breakOff', { status: 502 }] as const;
  let requests = 0;
  server.fault = () => (requests++ % 2 === 0 ? faults[(requests >> 1) % faults.length]! : null);
  const incidents = Array.from({ length: 8 }, (_, i) => incident(`incident-${i}`));
  const { delivery, outbox } = deliveryOf(sinkOf());
  delivery.start();
  for (const each of incidents) delivery.offer(each);
  await delivery.idle();
  assert.equal(server.keys.size, 8);
  await delivery.close();
  // All records of the last three are lost, as if the process had died before they were written.
  for (const { id } of incidents.slice(5)) outbox.records.delete(`${id} pager`);
  const again = deliveryOf(sinkOf(), outbox).delivery;
  again.restore(outbox.stored());
  for (const each of incidents) again.offer(each);
  again.start();
  await again.idle();
  for (const each of incidents) again.offer(over(each));
  await again.idle();
  await again.close();
  assert.deepEqual(server.violations, []);
  assert.equal(server.keys.size, 8, 'no page came under another key');
  assert.equal(server.open.size, 0);
  const triggers = server.events.filter((event) => event['event_action'] === 'trigger').length;
  assert.equal(triggers, 11, 'what was recorded is not sent again');
});

test('429 for minutes: it is asked once a pause, and takes everything after it', async () => {
  const clock = new FakeClock();
  const outbox = new FakeOutbox();
  const sink = sinkOf();
  let underWay = 0;
  const send = sink.send.bind(sink);
  sink.send = (batch) => {
    underWay++;
    return send(batch).finally(() => underWay--);
  };
  const delivery = openDelivery([sink], clock, outbox);
  let asked = 0;
  server.fault = () => {
    asked += 1;
    return asked <= 3 ? { status: 429, text: 'slow down' } : null;
  };
  delivery.start();
  for (let i = 0; i < 5; i++) delivery.offer(incident(`i${i}`));
  const startMs = clock.nowMs;
  while (delivery.pending > 0) {
    // The answer of a real socket has to come before time goes on.
    if (underWay === 0) await clock.advance(1000);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(asked, 8);
  assert.ok(clock.nowMs - startMs >= 420_000, `it took ${clock.nowMs - startMs} ms`);
  assert.deepEqual([...server.keys].sort(), ['i0', 'i1', 'i2', 'i3', 'i4']);
});
