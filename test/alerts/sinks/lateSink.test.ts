import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { LateSink } from '../../../src/alerts/sinks/lateSink.ts';
import { openSinks, openSinksOrLater, type SinkResources } from '../../../src/alerts/sinks/openSinks.ts';
import { ALERT_SINK_TYPES, type AlertSinkConfig } from '../../../src/config/alertSinks.ts';
import { AnomalyError } from '../../../src/errors.ts';
import { FakeClock, FakeOutbox, incident, openDelivery, settle } from '../../helpers/delivery.ts';
import { HttpReceiver } from '../../helpers/httpReceiver.ts';

const receiver = new HttpReceiver();
before(() => receiver.listen());
after(() => receiver.close());

const LIMITS = { resendMs: 60_000, timeoutMs: 10_000, updates: 'all', minSeverity: 'info' } as const;
const CONFIGS: readonly AlertSinkConfig[] = ALERT_SINK_TYPES.map((type) => ({
  ...{ name: `my-${type}`, type, ...LIMITS, urls: ['http://am'], headers: 'file:headers' },
  ...(type !== 'alertmanager' && { url: 'file:url', routingKey: 'file:key' }),
}));

/** Files that can be read while `texts` has them, and what came to stdout. */
function world(texts: Map<string, string>): { resources: SinkResources; lines: string[] } {
  const lines: string[] = [];
  const stdout = new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)).id);
      done();
    },
  });
  const reference = (text: string, place: string) => {
    const found = text.startsWith('file:') ? texts.get(text.slice(5)) : text;
    if (found !== undefined) return found;
    throw new AnomalyError('ANM_CONFIG', `${place} names the file ${text.slice(5)}, which cannot be read`);
  };
  const openPublisher = () => ({ publish: async () => {}, close: async () => {} });
  const rest = { stdout, openPublisher, readFile: reference, defaultTopic: 't', now: () => 0, test: false };
  return { resources: { reference, ...rest }, lines };
}

test('a sink whose secret cannot be read holds up no other, is named, and gets all that waited once it can be', async () => {
  const texts = new Map<string, string>();
  const { resources, lines } = world(texts);
  const said: string[] = [];
  const configs: AlertSinkConfig[] = [
    // The request takes its time by another clock than this one's.
    { name: 'hook', type: 'webhook', url: 'file:url', ...LIMITS, timeoutMs: 3_600_000 },
    { name: 'out', type: 'stdout', ...LIMITS },
  ];
  assert.throws(() => openSinks(configs, resources), /url of alert sink hook names the file url/);
  const sinks = openSinksOrLater(configs, resources, (...late) => said.push(late.join(': ')));
  assert.deepEqual(said, ['hook: url of alert sink hook names the file url, which cannot be read']);
  const [clock, outbox] = [new FakeClock(), new FakeOutbox()];
  const notices: string[] = [];
  const delivery = openDelivery(sinks, clock, outbox, { say: (_, text) => notices.push(text) });
  delivery.start();
  delivery.offer(incident('a'));
  delivery.offer(incident('b'));
  await clock.advance(30_000);
  assert.deepEqual(lines, ['a', 'b']);
  const [hook, out] = delivery.status();
  assert.deepEqual([hook!.queue, hook!.problem, out!.queue], [2, said[0]!.slice('hook: '.length), 0]);
  assert.deepEqual([outbox.state('a', 'hook'), outbox.state('a', 'out')?.['outcome']], [null, 'delivered']);
  texts.set('url', receiver.url('/hook'));
  await clock.advance(60_000);
  while (delivery.pending > 0) await settle();
  assert.deepEqual(
    receiver.received.map(({ body }) => JSON.parse(body).id),
    ['a', 'b'],
  );
  assert.match(notices.join('\n'), /alert sink hook takes notifications again/);
  await delivery.close();
});

test('queues treat it as the sink that it becomes, of any type', () => {
  const opened = openSinks(
    CONFIGS.map(({ headers: _, ...config }) => config),
    world(
      new Map([
        ['url', 'http://hook'],
        ['key', 'k'.repeat(32)],
      ]),
    ).resources,
  );
  const late = openSinksOrLater(CONFIGS, world(new Map()).resources, () => {});
  const names = ({ name, type, timeoutMs, resendMs, isLimited, updates, minSeverity }: (typeof late)[number]) => {
    return { name, type, timeoutMs, resendMs, isLimited, updates, minSeverity };
  };
  const waiting = late.filter((sink) => sink instanceof LateSink);
  const readers = ['my-alertmanager', 'my-pagerduty', 'my-slack', 'my-webhook'];
  assert.deepEqual(
    waiting.map(({ name }) => name).filter((name) => readers.includes(name)),
    readers,
  );
  for (const sink of waiting.filter(({ name }) => readers.includes(name))) {
    assert.deepEqual(names(sink), names(opened.find(({ name }) => name === sink.name)!));
  }
});

test('a fault of ours is no sink that is down', async () => {
  const open = () => {
    throw new TypeError('of ours');
  };
  await assert.rejects(new LateSink(CONFIGS[0]!, open).send([]), /of ours/);
});
