import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { WebhookSigner } from '../../../src/alerts/sinks/signature.ts';
import { SlackSink, slackMessage } from '../../../src/alerts/sinks/slackSink.ts';
import { BodyTemplate, LinkTemplate } from '../../../src/alerts/sinks/template.ts';
import { WebhookSink } from '../../../src/alerts/sinks/webhookSink.ts';
import { isAnomalyError } from '../../../src/errors.ts';
import { certificate } from '../../helpers/certificates/files.ts';
import { incident, START_MS } from '../../helpers/delivery.ts';
import { HttpReceiver, type Received } from '../../helpers/httpReceiver.ts';

const BASE = { name: 'hook', timeoutMs: 60_000, updates: 'all', minSeverity: 'info', test: false } as const;
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const receiver = new HttpReceiver();

before(() => receiver.listen());
after(() => receiver.close());
beforeEach(() => {
  receiver.received.length = 0;
  receiver.react = () => ({ status: 200 });
});

function hookOf(rest: Partial<ConstructorParameters<typeof WebhookSink>[0]> = {}): WebhookSink {
  return new WebhookSink({ ...BASE, url: receiver.url('/hook'), headers: {}, now: () => START_MS, ...rest });
}

const open = (id = 'a') => [{ told: 'open', notification: incident(id) }] as const;

/** As docs/delivery.md shows it: the signature is right, and of now. */
function verify({ headers, body }: Received, secret: string, nowMs: number): boolean {
  const [id, seconds] = [headers['webhook-id'], headers['webhook-timestamp']];
  if (Math.abs(nowMs / 1000 - Number(seconds)) > 300) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .some((each) => {
      const given = Buffer.from(each.replace(/^v1,/, ''), 'base64');
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
}

test('the signature is that of Standard Webhooks, by its own example', () => {
  const headers = new WebhookSigner(SECRET, 'hook').headers(
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    1_614_265_330,
    '{"test": 2432232314}',
  );
  assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('a receiver can verify a request, and refuse a changed one, an old one, and one of another key', async () => {
  const other = 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
  const sink = hookOf({ signer: new WebhookSigner(`${other}\n${SECRET}\n`, 'hook') });
  assert.deepEqual(await sink.send(open()), { kind: 'delivered' });
  const [received] = receiver.received as [Received];
  assert.equal(verify(received, SECRET, START_MS), true);
  assert.equal(verify(received, other, START_MS), true);
  assert.equal(verify(received, `whsec_${Buffer.alloc(32, 7).toString('base64')}`, START_MS), false);
  assert.equal(verify(received, SECRET, START_MS + 600_000), false);
  assert.equal(verify({ ...received, body: received.body.replace('open', 'resolved') }, SECRET, START_MS), false);
  // The same message has the same id in each attempt, another has another.
  await sink.send(open());
  await sink.send([{ told: 'update', notification: incident('a', { revision: 2 }) }]);
  const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
  assert.equal(ids[0], ids[1]);
  assert.notEqual(ids[0], ids[2]);
  for (const secret of ['', 'short', 'whsec_c2hvcnQ=']) {
    assert.throws(
      () => new WebhookSigner(secret, 'hook'),
      (error: unknown) =>
        isAnomalyError(error) && error.code === 'ANM_CONFIG' && (secret === '' || !error.message.includes(secret)),
    );
  }
});

test('the body is the whole notification, or what the template makes of it', async () => {
  await hookOf({ headers: { authorization: 'Bearer secret-token' }, test: true }).send(open());
  const [received] = receiver.received as [Received];
  const body = JSON.parse(received.body);
  assert.deepEqual([body.version, body.id, body.status, body.test], [1, 'a', 'open', true]);
  assert.equal(body.started_at, '2025-11-26T00:00:00.000Z');
  assert.equal(received.headers['authorization'], 'Bearer secret-token');
  const template = new BodyTemplate(
    '{"msg": "[{severity}] {summary} {{x} {value}", "value": "{value}", "series": "{series}", "n": 5, "none": "{ended_at}"}',
    'body',
  );
  const hostile = incident('h', { summary: '", "admin": true, "x": "{severity}\n\u2028', series: ['a"b', '{id}'] });
  const filled = JSON.parse(template.fill({ told: 'open', notification: hostile }, false));
  assert.deepEqual(filled, {
    msg: '[error] ", "admin": true, "x": "{severity}\n\u2028 {x} 93.2',
    ...{ value: 93.2, series: ['a"b', '{id}'], n: 5, none: null },
  });
  for (const bad of ['{', '"{nothing}"', '{"a": ["{constructor}"]}', '"{__proto__}"']) {
    assert.throws(() => new BodyTemplate(bad, 'body'), { code: 'ANM_CONFIG' });
  }
  const link = new LinkTemplate('https://g.example/d?s={series}&t={started_at}', 'link');
  assert.equal(
    link.fill({ told: 'open', notification: incident('a', { series: ['../x?y=1#z', '\uD800'] }) }, false),
    'https://g.example/d?s=..%2Fx%3Fy%3D1%23z%2C%20%EF%BF%BD&t=2025-11-26T00%3A00%3A00.000Z',
  );
  for (const bad of ['javascript:alert(1)', 'https://{series}/', 'https://a.{id}/x', '{look}', 'https://a/{no}']) {
    assert.throws(() => new LinkTemplate(bad, 'link'), { code: 'ANM_CONFIG' }, bad);
  }
});

test('what the receiver is at fault for is repeated, a bad body is not, and nothing secret is told', async () => {
  const headers = { authorization: 'Bearer very-secret-token' };
  const url = receiver.url('/services/T0000/secret-path?key=secret-query');
  for (const [reaction, kind] of [
    [{ status: 204 }, 'delivered'],
    ...[400, 413, 422].map((status) => [{ status, text: 'bad very-secret-token' }, 'refused'] as const),
    ...[301, 401, 403, 404, 408, 409, 500, 503].map((status) => [{ status, text: `see ${url}` }, 'retry'] as const),
    ...[
      'no /services/T0000/secret-path here',
      '{"path":"\\/services\\/T0000\\/secret-path"}',
      'unknown: secret-path',
      `${'x'.repeat(190)} very-secret-token`,
    ].map((text) => [{ status: 500, text }, 'retry'] as const),
    ['hang', 'retry'],
    ['breakOff', 'retry'],
  ] as const) {
    receiver.react = () => reaction;
    // All others answer, however long the machine takes.
    const timeoutMs = reaction === 'hang' ? 100 : BASE.timeoutMs;
    const result = await hookOf({ headers, url, timeoutMs }).send(open());
    assert.equal(result.kind, kind, JSON.stringify([reaction, result]));
    assert.doesNotMatch(JSON.stringify(result), /secret/);
  }
  receiver.react = () => ({ status: 500, text: 'close the incident first' });
  assert.match(JSON.stringify(await hookOf({ headers, url }).send(open())), /answered 500: close the incident first/);
  const withUser = receiver.url('/x').replace('http://', 'http://me:secret-password@');
  receiver.react = () => ({ status: 500 });
  assert.doesNotMatch(JSON.stringify(await hookOf({ url: withUser }).send(open())), /secret/);
  const sent = receiver.received.at(-1)!;
  assert.equal(sent.headers.authorization, `Basic ${Buffer.from('me:secret-password').toString('base64')}`);
});

test('a certificate is checked, and one of an own authority is trusted by ca', async () => {
  const secure = new HttpReceiver({ tls: true });
  await secure.listen();
  try {
    const url = secure.url('/hook');
    const refused = await hookOf({ url }).send(open());
    assert.equal(refused.kind, 'retry');
    assert.match(JSON.stringify(refused), /not trusted|self-signed.*|ca of the sink/);
    assert.equal(secure.received.length, 0);
    assert.deepEqual(await hookOf({ url, ca: certificate('ca') }).send(open()), { kind: 'delivered' });
    assert.equal((await hookOf({ url, ca: certificate('other-ca') }).send(open())).kind, 'retry');
  } finally {
    await secure.close();
  }
});

test('no proxy of the environment is taken', async () => {
  const before = { ...process.env };
  Object.assign(process.env, {
    http_proxy: 'http://127.0.0.1:1',
    HTTP_PROXY: 'http://127.0.0.1:1',
    ALL_PROXY: 'http://127.0.0.1:1',
  });
  try {
    assert.deepEqual(await hookOf().send(open()), { kind: 'delivered' });
  } finally {
    for (const name of ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
});

test('a message to Slack has it all as text and as blocks of a size that it takes, and mentions nobody', async () => {
  const notification = incident('a', {
    summary: '<!channel> & <http://evil|x>',
    reasons: Array(50).fill('r'.repeat(1000)),
  });
  const link = new LinkTemplate('https://g.example/{id}', 'link');
  await new SlackSink({ ...BASE, url: receiver.url('/services/x'), link }).send([{ told: 'open', notification }]);
  const { text, blocks } = JSON.parse(receiver.received[0]!.body);
  assert.match(text, /^\*OPEN\* error: &lt;!channel&gt; &amp; &lt;http:\/\/evil\|x&gt;\n• r/);
  assert.match(text, /<https:\/\/g\.example\/a\|open> · `anomaly explain .*` · a$/);
  assert.equal(blocks.length, 2);
  assert.ok(blocks[0].text.text.length <= 3000, 'a block of Slack has 3000 characters at most');
  assert.ok(text.length <= 12_000, 'the text is bounded');
  const over = { told: 'resolved', notification: { ...notification, endedMs: START_MS + 1000 } } as const;
  const said = slackMessage(over, { link: undefined, test: true }).text;
  assert.match(said, /^\*TEST RESOLVED\*/);
  assert.match(said, /until 2025-11-26T00:00:01/);
  assert.doesNotMatch(said, /rrr/);
});
