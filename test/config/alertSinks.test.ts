import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '../../src/config/load.ts';
import { temporaryFiles } from '../helpers/files.ts';

async function load(yaml: string, extras: readonly string[] = [], env: Record<string, string> = {}) {
  const directory = temporaryFiles({ 'anomaly.yaml': yaml });
  try {
    const all = { HOME: directory.path, ...env };
    return await loadSettings({ flags: [], extras, env: all, cwd: directory.path, ignoreProfile: true });
  } finally {
    directory.remove();
  }
}

const DEFAULTS = { resendMs: 60_000, timeoutMs: 10_000, updates: 'all', minSeverity: 'info' };

test('sinks come with their defaults, the name being the type; nobody is told where none is named', async () => {
  const settings = await load(`
alerts:
  sinks:
    - {type: alertmanager, urls: [http://am-1:9093, http://am-2:9093], labels: {team: pumps}, resend: 30s}
    - {name: night, type: pagerduty, routing_key: "env:PD_KEY", min_severity: error, updates: none}
    - {type: slack, url: "env:SLACK_URL"}
    - {type: webhook, url: https://hooks.example/x, secret: "file:hook.secret", body: '{"text": "{summary}"}', timeout: 3s}
    - {type: topic}
    - {type: stdout}
  rate_limit: 60
`);
  assert.deepEqual(settings.problems, []);
  const { sinks, ...limits } = settings.pipeline().alertDelivery!;
  assert.deepEqual(limits, { perMinute: 60, burst: 10, mostWaiting: 10_000 });
  assert.deepEqual(sinks, [
    {
      ...{ ...DEFAULTS, name: 'alertmanager', type: 'alertmanager', resendMs: 30_000 },
      ...{ urls: ['http://am-1:9093', 'http://am-2:9093'], labels: { team: 'pumps' } },
    },
    { ...DEFAULTS, name: 'night', type: 'pagerduty', routingKey: 'env:PD_KEY', minSeverity: 'error', updates: 'none' },
    { ...DEFAULTS, name: 'slack', type: 'slack', url: 'env:SLACK_URL', updates: 'severity' },
    {
      ...{ ...DEFAULTS, name: 'webhook', type: 'webhook', url: 'https://hooks.example/x', timeoutMs: 3000 },
      ...{ secret: 'file:hook.secret', body: '{"text": "{summary}"}' },
    },
    { ...DEFAULTS, name: 'topic', type: 'topic' },
    { ...DEFAULTS, name: 'stdout', type: 'stdout' },
  ]);
  assert.equal((await load('source: {topics: [a]}\n')).pipeline().alertDelivery, undefined);
  assert.equal(
    (await load('', ['alerts.sinks=stdout', 'alerts.rate_limit=off'])).pipeline().alertDelivery!.perMinute,
    Infinity,
  );
});

test('every mistake is told with its place, and no secret with it', async () => {
  const { problems } = await load(`alerts:
  sinks:
    - {type: pager}
    - {type: pagerduty}
    - {type: pagerduty, name: b, routing_key: 0123456789secret}
    - {type: slack, url: "https://hooks.slack.com/services/secret"}
    - {type: webhook, url: "https://me:secret@host/"}
    - {type: webhook, name: "a b", url: "ftp://host/", urls: [http://x]}
    - {type: alertmanager, urls: [], labels: {severity: x}}
    - {type: alertmanager, urls: [http://x], resend: 10m, labels: {"a-b": x}}
    - {type: stdout, colour: red}
    - stdout
`);
  const shown = problems.map(({ place, key, message }) => `${place.split(':').at(-1)} ${key} ${message}`);
  assert.deepEqual(shown, [
    '3 alerts.sinks[0].type wants alertmanager, pagerduty, slack, webhook, stdout or topic, got "pager"',
    '4 alerts.sinks[1] misses routing_key, which pagerduty needs',
    '5 alerts.sinks[2].routing_key may not stand here in plain text: use file:PATH or env:NAME',
    '6 alerts.sinks[3].url may not stand here in plain text: use file:PATH or env:NAME',
    '7 alerts.sinks[4].url may not have user and password in plain text: use headers, or file:PATH or env:NAME for the address',
    '8 alerts.sinks[5].urls is of no use for webhook',
    '8 alerts.sinks[5].name wants up to 64 letters, digits and . _ -, got "a b"',
    '8 alerts.sinks[5].url wants an address of http or https, as https://host/path',
    '9 alerts.sinks[6].urls is empty',
    '9 alerts.sinks[6].labels has severity, which the alerts have themselves',
    '10 alerts.sinks[7].resend must be at most 180000 ms, got 10m',
    '11 alerts.sinks[8].colour is no key here',
    '12 alerts.sinks[9] wants a map, got "stdout"',
  ]);
  assert.doesNotMatch(JSON.stringify(problems), /secret/);
  const twice = await load('', ['alerts.sinks=stdout,stdout']);
  assert.match(twice.problems[0]!.message, /has the name stdout a second time/);
});

test('a flag takes the short notation', async () => {
  const text =
    'stdout,topic=pages,alertmanager=http://a:9093+http://b:9093/am,pagerduty=env:PD,webhook=https://h/x?a=b';
  const settings = await load('', [`alerts.sinks=${text}`]);
  assert.deepEqual(settings.problems, []);
  const { sinks } = settings.pipeline().alertDelivery!;
  assert.deepEqual(
    sinks.map(({ type, topic, urls, routingKey, url }) => [type, topic ?? urls ?? routingKey ?? url]),
    [
      ['stdout', undefined],
      ['topic', 'pages'],
      ['alertmanager', ['http://a:9093', 'http://b:9093/am']],
      ['pagerduty', 'env:PD'],
      ['webhook', 'https://h/x?a=b'],
    ],
  );
  for (const bad of ['webhook=', 'stdout=x', 'pagerduty=0123456789abcdef0123456789abcdef', 'slack', 'mail=x']) {
    assert.equal((await load('', [`alerts.sinks=${bad}`])).problems.length > 0, true, bad);
  }
});

test('a reference inside of an item is read when it is asked for', async () => {
  const settings = await load('', [], { TOKEN: 'abc' });
  assert.equal(settings.reference('env:TOKEN', 'x'), 'abc');
  assert.equal(settings.reference('https://a/', 'x'), 'https://a/');
  assert.throws(() => settings.reference('env:NONE', 'url of alert sink x'), {
    code: 'ANM_CONFIG',
    message: 'url of alert sink x names NONE, which the environment does not have',
  });
  assert.throws(() => settings.reference('file:/nonexistent', 'url of alert sink x'), { code: 'ANM_CONFIG' });
});
