// What `anomaly generate` makes, before promtool and amtool, and at work: a real Prometheus scrapes two runs, their rules
// fire on injected faults, reach a webhook through a real Alertmanager, and are over when the faults are.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { freePort } from '../../bench/processes.ts';
import type { Producer } from '../../src/clients/producer.ts';
import { METRICS } from '../../src/observe/metrics.ts';
import { selectedBy } from '../generate/promql.ts';
import { append, startWorld, type World } from '../helpers/world.ts';
import { distance, type Handler, type LocalServer, localServer } from '../models/remote/localServer.ts';
import { type Surroundings, startTool, tool } from './helpers/cli.ts';
import { type Alertmanager, type Prometheus, startAlertmanager, startPrometheus } from './helpers/services.ts';

const SPEED_UP = 60;
/** Only what hangs takes so long: a machine that is busy makes an alert late, and this is no test of that. */
const PATIENCE_MS = 300_000;
/** Families that are there only once what they count has happened, or where the pipeline has what they are about. */
const ONLY_WITH = /^anomaly_(model_(shadow|canary)_|restoring_ratio)/;

let world: World;
let dir: string;
let around: Surroundings;
before(async () => {
  world = await startWorld();
  dir = mkdtempSync(join(tmpdir(), 'anomaly-prometheus-'));
  around = { brokers: world.broker.address, registry: world.registryUrl, dir: join(dir, 'tool') };
  mkdirSync(around.dir);
});
after(async () => {
  await world?.close();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});

function generate(pipeline: string, what: string, ...more: string[]): Promise<string> {
  return tool(around, 'generate', what, '-f', join(dir, `${pipeline}.yaml`), ...more);
}

function ran(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${error ?? stdout + stderr}`);
  return stdout + stderr;
}

test('promtool and amtool take all of it, and the unit tests notice a rule that is changed', async (t) => {
  writeFileSync(
    join(dir, 'Pump Room.yaml'),
    'version: 1\npipeline: Pump "Room"\nsource: {topics: [raw]}\nscore: {detector: kpi, model: {uri: models/m.onnx}}\n',
  );
  const rules = join(dir, 'rules');
  await generate('Pump Room', 'prometheus-rules', '--tests', '--to', rules);
  const [file, tests] = ['rules', 'rules.test'].map((each) => join(rules, `anomaly-pump-room.${each}.yaml`)) as [
    string,
    string,
  ];
  t.diagnostic(ran('promtool', 'check', 'rules', file).trim().replaceAll('\n', ' '));
  assert.match(ran('promtool', 'test', 'rules', tests), /SUCCESS/);
  const text = readFileSync(file, 'utf8');
  for (const [from, to] of [
    ['> 0.72', '> 1.72'],
    ['>= 10', '>= 0'],
    ['and pipeline:anomaly_slo_errors:ratio30m', 'or pipeline:anomaly_slo_errors:ratio30m'],
    ['le="0.1"', 'le="0.2"'],
    ['> bool 30', '> bool 60'],
    ['up{job="anomaly-pump-room"} == 0', 'up{job="anomaly-pump"} == 0'],
    ['anomaly_sink_waiting_seconds', 'anomaly_sink_queue'],
  ] as const) {
    assert.ok(text.includes(from), from);
    writeFileSync(file, text.replaceAll(from, to));
    assert.equal(spawnSync('promtool', ['test', 'rules', tests]).status, 1, `nothing notices ${to}`);
  }
  const compose = join(dir, 'compose');
  await generate('Pump Room', 'compose', '--to', compose);
  ran('promtool', 'check', 'config', join(compose, 'prometheus/prometheus.yml'));
  ran('amtool', 'check-config', join(compose, 'alertmanager/alertmanager.yml'));
  for (const receivers of [['pagerduty'], ['slack'], ['webhook'], ['pagerduty', 'slack', 'webhook']]) {
    const path = join(dir, 'alertmanager.yml');
    await generate(
      'Pump Room',
      'alertmanager',
      ...receivers.flatMap((each) => ['--receiver', each]),
      '--to',
      path,
      '--force',
    );
    assert.match(ran('amtool', 'check-config', path), /2 receivers/);
  }
  const routed = (labels: string[]) =>
    execFileSync('amtool', ['config', 'routes', 'test', `--config.file=${join(dir, 'alertmanager.yml')}`, ...labels], {
      ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    }).trim();
  assert.equal(routed(['severity=page', 'pipeline=x']), 'page');
  assert.equal(routed(['severity=critical', 'pipeline=x']), 'page');
  assert.equal(routed(['severity=ticket', 'pipeline=x']), 'ticket');
});

/** The two pipelines: one whose every value alerts, to see latency; one with a model behind HTTP. */
function configure(model: LocalServer, sink: LocalServer): void {
  const common =
    'version: 1\nsource: {topics: [plant], time: ts}\nrestart: {initial_backoff: 100ms}\nstatus: {every: 200ms}\nsinks: {format: json}\n';
  writeFileSync(
    join(dir, 'plain.yaml'),
    `${common}pipeline: plain\nwindows: [{name: w1s, size: 1s, aggregates: [mean]}]\ntime: {out_of_orderness: 0s}\n` +
      'score: {detector: range, max: 10}\ncommit_every: 50ms\ncheckpoint: {every: 1s}\nmetrics: {group_by: "/"}\n' +
      `alerts: {sinks: [{type: webhook, url: "http://${sink.host}/notify"}]}\n`,
  );
  writeFileSync(
    join(dir, 'modelled.yaml'),
    `${common}pipeline: modelled\nscore:\n  detector: kpi\n  model:\n    uri: http://${model.host}/score\n` +
      '    timeout: 2s\n    request: \'{"windows": "$windows"}\'\n    response: predictions[*].score\n' +
      '    input: {length: 7, fields: [value]}\n    output: {kind: score}\n',
  );
}

const scores: Handler = ({ body }) => {
  const { windows } = JSON.parse(body) as { windows: number[][] };
  return { body: { predictions: windows.map((window) => ({ score: distance(window) })) } };
};

interface Firing {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: string;
}

async function firing({ url }: Prometheus, alert: string, pipeline: string): Promise<Firing[]> {
  const { data } = (await (await fetch(`${url}/api/v1/alerts`)).json()) as { data: { alerts: Firing[] } };
  return data.alerts.filter(
    ({ labels, state }) => state === 'firing' && labels['alertname'] === alert && labels['pipeline'] === pipeline,
  );
}

/** Waits until it is so. @returns milliseconds that it took */
async function until(what: string, isSo: () => Promise<boolean>): Promise<number> {
  const started = performance.now();
  while (!(await isSo())) {
    if (performance.now() - started > PATIENCE_MS) throw new Error(`after ${PATIENCE_MS} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return Math.round(performance.now() - started);
}

interface Fault {
  readonly begin: () => void;
  readonly end: () => void;
  /** What must have come of the alerts before the fault ends. */
  readonly told?: () => boolean;
}

/** Fires on the fault, and is over without it. */
async function fires(
  t: TestContext,
  prometheus: Prometheus,
  [pipeline, ...alerts]: readonly [string, ...string[]],
  fault: Fault,
): Promise<void> {
  for (const alert of alerts) {
    await until(
      `${alert} is quiet before the fault`,
      async () => (await firing(prometheus, alert, pipeline)).length === 0,
    );
  }
  fault.begin();
  try {
    for (const alert of alerts) {
      const ms = await until(`${alert} fires`, async () => (await firing(prometheus, alert, pipeline)).length > 0);
      const [first] = await firing(prometheus, alert, pipeline);
      t.diagnostic(`${alert} after ${ms} ms: ${first?.annotations['description']}`);
    }
    if (fault.told !== undefined) await until('the receiver is told', async () => fault.told!());
  } finally {
    fault.end();
  }
  for (const alert of alerts) {
    const ms = await until(`${alert} is over`, async () => (await firing(prometheus, alert, pipeline)).length === 0);
    t.diagnostic(`${alert} over after ${ms} ms`);
  }
}

/**
 * The generated file, sped up as the rules are: a group that has been told of waits seconds, not 5 minutes, until it is told
 * of what came since. Another alert of the pipeline may have come first on a machine that is busy.
 */
function hasten(path: string): void {
  let text = readFileSync(path, 'utf8');
  for (const [slow, quick] of [
    ['group_wait: 10s', 'group_wait: 1s'],
    ['group_interval: 5m', 'group_interval: 5s'],
  ] as const) {
    assert.ok(text.includes(slow), `${slow} in ${text}`);
    text = text.replace(slow, quick);
  }
  writeFileSync(path, text);
}

/** A record of each of two series every 20 ms, each too high. */
function feed(producer: Producer): () => void {
  let i = 0;
  const timer = setInterval(() => {
    for (const partition of [0, 1]) {
      const value = { ts: Date.now(), value: 20 + Math.sin(i / 10) };
      append(producer, 'plant', { partition, key: `pump-${partition}/pressure`, value, timestamp: Date.now() });
    }
    i++;
  }, 20);
  return () => clearInterval(timer);
}

test('rules fire on faults of two runs that a real Prometheus scrapes, reach a webhook, and are over', {
  timeout: 1_150_000,
}, async (t) => {
  const model = await localServer(t, scores);
  const hook = await localServer(t, () => ({ body: {} }));
  configure(model, hook);
  const token = join(dir, 'webhook-token');
  writeFileSync(token, 'token-of-the-test');
  const hooked = ['--receiver', 'webhook', '--webhook-url', `http://${hook.host}/alerts`, '--secrets-dir', dir];
  await generate('plain', 'alertmanager', ...hooked, '--to', join(dir, 'am.yml'));
  hasten(join(dir, 'am.yml'));
  // Bounds that a busy machine keeps without a fault.
  const bounds = ['--lag-bound', '2s', '--lag-objective', '0.97', '--within-1s', '0.97', '--min-events', '5'];
  const rules = ['--speed-up', String(SPEED_UP), ...bounds];
  for (const pipeline of ['plain', 'modelled']) {
    await generate(pipeline, 'prometheus-rules', ...rules, '--to', join(dir, `${pipeline}.rules.yaml`));
  }
  await world.client.admin.createTopics([{ name: 'plant', partitions: 2 }]);
  const producer = await world.client.createProducer({ idempotent: true });
  const stopFeed = feed(producer);
  t.after(async () => {
    stopFeed();
    await producer.close();
  });

  const ports = { plain: await freePort(), modelled: await freePort() };
  const run = (pipeline: keyof typeof ports) =>
    startTool(around, [
      'run',
      '-f',
      join(dir, `${pipeline}.yaml`),
      '--instance',
      pipeline,
      '--metrics',
      `127.0.0.1:${ports[pipeline]}`,
    ]);
  const runs = { plain: run('plain'), modelled: run('modelled') };
  t.after(async () => {
    for (const each of Object.values(runs)) {
      each.kill('SIGKILL');
      await each.ended;
    }
  });
  for (const [pipeline, port] of Object.entries(ports)) {
    await until(`${pipeline} is ready: ${runs[pipeline as keyof typeof runs].stderr()}`, async () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }
  const alertmanager: Alertmanager = await startAlertmanager({ config: join(dir, 'am.yml') });
  t.after(() => alertmanager.remove());
  const prometheus = await startPrometheus({
    scrape: { 'anomaly-plain': `127.0.0.1:${ports.plain}`, 'anomaly-modelled': `127.0.0.1:${ports.modelled}` },
    rules: join(dir, '*.rules.yaml'),
    alertmanager: `127.0.0.1:${alertmanager.port}`,
    interval: '500ms',
  });
  t.after(() => prometheus.remove());
  const told = () =>
    hook.requests.filter(
      ({ path, body }) =>
        path === '/alerts' && body.includes('"groupLabels":{"pipeline":"plain"}') && body.includes('AnomalyLagBurn'),
    );

  await t.test('fetches that take 8 s: the pipeline is behind, and its alerts are late', async (sub) => {
    await fires(sub, prometheus, ['plain', 'AnomalyLagBurn', 'AnomalyLatency1sBurn'], {
      begin: () => {
        world.broker.faults.inject({ api: 'Fetch', delayMs: 8000, count: 1e6 });
      },
      end: () => world.broker.faults.clear(),
      // Alertmanager never tells of what was over before its turn.
      told: () => told().length > 0,
    });
  });

  await t.test('a model server that fails: inference is not available until it answers', async (sub) => {
    await fires(sub, prometheus, ['modelled', 'AnomalyInferenceAvailabilityBurn'], {
      begin: () => {
        model.handler = () => ({ status: 500, body: 'out of order' });
      },
      end: () => {
        model.handler = scores;
      },
    });
  });

  // After the faults: some families are there only once what they count has happened.
  await t.test('every metric that rules and dashboard name is scraped, and so is the whole table', async () => {
    const names = async () => {
      const answer = await fetch(`${prometheus.url}/api/v1/label/__name__/values`);
      return new Set(((await answer.json()) as { data: string[] }).data);
    };
    const dashboard = JSON.parse(await generate('modelled', 'grafana-dashboard')) as {
      panels: { targets: { expr: string }[] }[];
    };
    const { data } = (await (await fetch(`${prometheus.url}/api/v1/rules`)).json()) as {
      data: { groups: { rules: { query: string }[] }[] };
    };
    const exprs = [
      ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...data.groups.flatMap((group) => group.rules.map(({ query }) => query)),
    ];
    const wanted = new Set(exprs.flatMap((expr) => selectedBy(expr).map(({ metric }) => metric)));
    for (const { name, type } of METRICS) {
      if (!ONLY_WITH.test(name)) wanted.add(type === 'histogram' ? `${name}_bucket` : name);
    }
    assert.ok(wanted.size > 60, `${wanted.size} names`);
    let missing: string[] = [];
    await until('all names are there', async () => {
      const there = await names();
      missing = [...wanted].filter((name) => !there.has(name));
      return missing.length === 0;
    }).catch(() => assert.fail(`never scraped: ${missing.join(', ')}`));
  });

  await t.test('a member that is killed is down until it is back', async (sub) => {
    await fires(sub, prometheus, ['plain', 'AnomalyMemberDown'], {
      begin: () => runs.plain.kill('SIGKILL'),
      end: () => {
        runs.plain = run('plain');
      },
    });
  });

  await t.test('Alertmanager has told the webhook, with the token of the file and what to do', async () => {
    const [{ headers, body }] = told() as [(typeof hook.requests)[number]];
    assert.equal(headers.authorization, 'Bearer token-of-the-test');
    const { alerts } = JSON.parse(body) as { alerts: Firing[] };
    const lag = alerts.find(({ labels }) => labels['alertname'] === 'AnomalyLagBurn')!;
    assert.match(lag.annotations['runbook_url']!, /docs\/monitoring\.md#the-pipeline-is-behind$/);
  });
});
