import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { topicBatches } from '../../../src/runtime/input/topicSource.ts';
import { runCli } from '../../helpers/cli.ts';
import { temporaryFiles } from '../../helpers/files.ts';
import { HttpReceiver } from '../../helpers/httpReceiver.ts';
import { PagerDutyServer } from '../../helpers/pagerDutyServer.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const KEY = 'R0123456789abcdef0123456789ABCDE';
const hook = new HttpReceiver();
const pager = new PagerDutyServer(KEY);
let world: World;
let files: ReturnType<typeof temporaryFiles>;

before(async () => {
  world = await startWorld();
  await Promise.all([hook.listen(), pager.receiver.listen()]);
  files = temporaryFiles({
    'pd.key': `${KEY}\n`,
    'hook.secret': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n',
    'anomaly.yaml': configOf('60s'),
    'impatient.yaml': configOf('300ms'),
  });
});
after(async () => {
  await Promise.all([hook.close(), pager.receiver.close()]);
  files.remove();
  await world.close();
});

function configOf(hookTimeout: string): string {
  return `
pipeline: pump room
alerts:
  sinks:
    - {type: pagerduty, routing_key: "file:pd.key", url: "${pager.url}", min_severity: critical}
    - {name: hook, type: webhook, url: "${hook.url('/h')}", secret: "file:hook.secret", timeout: ${hookTimeout}}
    - {name: chat, type: slack, url: "env:CHAT_URL"}
    - {type: topic}
    - {type: stdout}
`;
}

const run = (...more: string[]) =>
  world.run(['alerts', 'test', ...more], { cwd: files.path, env: { CHAT_URL: hook.url('/services/T00/secret-part') } });

test('every sink of the configuration gets an open and a resolve, marked as a test', async () => {
  const ran = await run();
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.deepEqual(pager.violations, []);
  assert.deepEqual(
    pager.events.map((event) => event['event_action']),
    ['trigger', 'resolve'],
  );
  assert.match(JSON.stringify(pager.events[0]), /TEST: Test of the alerts of pump room: nothing is wrong/);
  const posts = hook.received.map(({ path, body }) => [path, JSON.parse(body)]);
  const own = posts.filter(([path]) => path === '/h').map(([, body]) => [body.status, body.test]);
  assert.deepEqual(own, [
    ['open', true],
    ['resolved', true],
  ]);
  const chat = posts.filter(([path]) => path !== '/h').map(([, body]) => String(body.text).slice(0, 15));
  assert.deepEqual(chat, ['*TEST OPEN* inf', '*TEST RESOLVED*']);
  const topic = 'pump_room.notifications';
  const to = await world.client.admin.listOffsets([{ topic, partition: 0 }], 'latest');
  const from = await world.client.admin.listOffsets([{ topic, partition: 0 }], 'earliest');
  assert.equal(to[0]!.offset - from[0]!.offset, 2);
  let records = 0;
  for await (const batch of topicBatches(world.client, { from, to }, new AbortController().signal, () => {})) {
    records += batch.count;
  }
  assert.equal(records, 2);
  const lines = ran.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line).status);
  assert.deepEqual(lines, ['open', 'resolved']);
  for (const name of ['pagerduty', 'hook', 'chat', 'topic', 'stdout']) {
    assert.match(ran.stdout, new RegExp(`${name} +[a-z]+ +delivered +delivered +\\d+`));
  }
});

test('one that fails gives exit code 6 and says why; the others are told all the same, and nothing secret is', async () => {
  hook.react = ({ path }) => (path === '/h' ? 'hang' : { status: 404, text: `no ${path}` });
  pager.events.length = 0;
  const ran = await run('-o', 'json', '--config', 'impatient.yaml');
  assert.equal(ran.code, 6, ran.stderr);
  const rows = JSON.parse(ran.stdout).sinks as { sink: string; ok: boolean; open: string; resolved: string | null }[];
  const row = (name: string) => rows.find(({ sink }) => sink === name)!;
  assert.match(row('hook').open, /failed: .*no answer within 300 ms \(timeout\)/);
  assert.equal(row('hook').resolved, null);
  assert.match(row('chat').open, /failed: 127\.0\.0\.1:\d+ answered 404$/);
  assert.equal(row('pagerduty').ok, true);
  assert.equal(pager.events.length, 2);
  assert.doesNotMatch(ran.stdout + ran.stderr, /secret-part|R0123456789/);
  assert.equal(
    ran.stderr.split('\n').filter((line) => line.startsWith('{"version":1')).length,
    2,
    'stdout is the document',
  );
  const only = await run('stdout', '--severity', 'critical', '-o', 'json');
  assert.equal(only.code, 0);
  assert.deepEqual(JSON.parse(only.stdout).sinks.length, 1);
  assert.match(only.stderr, /"severity":"critical"/);
});

test('what is not configured is told before anybody is asked', async () => {
  const cases: [string[], number, RegExp][] = [
    [['nobody'], 2, /alerts\.sinks has no nobody, but pagerduty, hook, chat, topic, stdout/],
    [['-X', 'alerts.sinks=pagerduty=env:NOT_SET'], 2, /routing_key of alert sink pagerduty names NOT_SET/],
    [['-X', 'alerts.sinks=webhook=env:CHAT'], 2, /url of alert sink webhook names CHAT/],
  ];
  for (const [argv, code, message] of cases) {
    const ran = await run(...argv);
    assert.equal(ran.code, code, ran.stderr);
    assert.match(ran.stderr, message);
    assert.equal(ran.stdout, '');
  }
  const none = await runCli(['alerts', 'test', '--ignore-profile']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /alerts\.sinks is empty/);
});
