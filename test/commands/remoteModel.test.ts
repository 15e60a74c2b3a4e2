// A pipeline whose model is behind an HTTP endpoint: what is sent, what alerts say of it, and what a dead one does.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { InferenceServer } from '../../src/models/serving/inferenceServer.ts';
import { ServedModel } from '../../src/models/serving/servedModel.ts';
import { ServedModels } from '../../src/models/serving/servedModels.ts';
import { readTopic, send, startWorld, type World } from '../helpers/world.ts';
import { modelPath, RUNTIME } from '../models/fixtures.ts';
import { distance, type Handler, localServer } from '../models/remote/localServer.ts';
import { tfsAnswer } from '../models/remote/tfsServer.ts';

let world: World;
before(async () => {
  world = await startWorld();
  await send(world.client, 'remote', 2, readings(2000));
});
after(() => world.close());

/** A daily rhythm with a ripple, a value each five minutes, and one spike. */
function readings(count: number) {
  return Array.from({ length: count }, (_, i) => {
    const value = 10 + 3 * Math.sin((2 * Math.PI * i) / 288) + ((i * 7919) % 101) / 200 + (i === 1500 ? 9 : 0);
    const ts = Date.UTC(2026, 0, 1) + Math.floor(i / 2) * 300_000;
    return { partition: i % 2, key: `s${i % 2}`, value: { ts, value } };
  });
}

const scores: Handler = ({ body }) => {
  const { windows } = JSON.parse(body) as { windows: number[][] };
  return { body: { predictions: windows.map((window) => ({ score: distance(window) })) } };
};

const flags = (uri: string, ...more: string[]) => [
  ...['run', '--topic', 'remote', '--time', 'ts', '--max-ahead', 'off', '--until', 'end', '-o', 'json'],
  ...['--detector', 'kpi', '--model', uri, '--pipeline', 'over-http', '-X', 'score.model.timeout=60s'],
  ...['-X', 'score.model.input.length=7', '-X', 'score.model.input.fields=value', ...more],
];
const ENDPOINT = [
  ...['-X', 'score.model.output.kind=score', '-X', 'score.model.request={"windows": "$windows"}'],
  ...['-X', 'score.model.response=predictions[*].score'],
];

async function endpoint(t: TestContext, handler: Handler) {
  const server = await localServer(t, handler);
  return { server, uri: `http://${server.host}/score` };
}

test('run asks the endpoint in batches, with headers of a file, and names it in alerts', async (t) => {
  const { server, uri } = await endpoint(t, scores);
  writeFileSync(join(world.dir, 'headers.txt'), '# of the test\nAuthorization: Bearer abc.def\nX-Tenant: pumps\n');
  const { code, stderr } = await world.run(flags(uri, ...ENDPOINT, '-X', 'score.model.headers=file:headers.txt'));
  assert.equal(code, 0, stderr);
  assert.ok(stderr.includes(`model ${server.host}/score at ${uri}`), stderr);
  for (const { headers } of server.requests) {
    assert.deepEqual([headers.authorization, headers['x-tenant']], ['Bearer abc.def', 'pumps']);
  }
  const sent = server.requests.map(({ body }) => (JSON.parse(body) as { windows: number[][] }).windows);
  assert.ok(sent.some((windows) => windows.length > 20));
  assert.ok(sent.flat().every((window) => window.length === 8));
  const alerts = (await readTopic(world, 'over-http.anomalies')).flat().map(({ value }) => value as Alert);
  const spike = alerts.find(({ partition, offset }) => partition === 0 && offset === 750)!;
  assert.deepEqual(spike.model, { name: `${server.host}/score`, version: null, sha256: null });
  assert.equal(spike.parts.at(-1)!.name, 'model');
  assert.ok(spike.parts.at(-1)!.score! > 2, JSON.stringify(spike.parts));
});

interface Alert {
  readonly partition: number;
  readonly offset: number;
  readonly model: { readonly name: string; readonly version: string | null; readonly sha256: string | null } | null;
  readonly parts: readonly { readonly name: string; readonly score: number | null }[];
}

test('a shadow on a server of the inference protocol beside a plain endpoint', async (t) => {
  const { uri } = await endpoint(t, scores);
  const host = await servedHost(t, 'external');
  const shadow = ['-X', `score.model.shadow=oip+http://${host}/external`, '-X', 'score.model.input.length=2'];
  const { code, stderr } = await world.run(flags(uri, ...ENDPOINT, ...shadow, '--pipeline', 'shadowed'));
  assert.equal(code, 0, stderr);
  assert.ok(stderr.includes(`model external at http://${host}/v2/models/external`), stderr);
});

test('an endpoint that fails later leaves values to the detector, and the run ends well', async (t) => {
  const { server, uri } = await endpoint(t, (received, response) =>
    server.requests.length <= 3 ? scores(received, response) : { status: 503, body: { error: 'restarting' } },
  );
  const { code, stderr } = await world.run(flags(uri, ...ENDPOINT, '--pipeline', 'failing'));
  assert.equal(code, 0, stderr);
  const alerts = (await readTopic(world, 'failing.anomalies')).flat().map(({ value }) => value as Alert);
  assert.ok(alerts.some(({ partition, offset }) => partition === 0 && offset === 750));
});

test('what does not fit, or is not there, ends the run before it begins', async (t) => {
  const { uri } = await endpoint(t, scores);
  const silent = '-X score.model.output.kind=score';
  const cases: [string, string[], number, RegExp][] = [
    [uri, ENDPOINT.slice(2), 2, /neither http:.* nor the configuration says the kind of the model/],
    [uri, silent.split(' '), 2, /as score\.model\.request is not set/],
    [
      uri,
      [...ENDPOINT, '-X', 'score.model.headers=env:NOT_SET'],
      2,
      /names NOT_SET, which the environment does not have/,
    ],
    [uri, [...ENDPOINT, '-X', 'score.model.headers=authorization: x'], 2, /may not stand in plain text/],
    [uri, [...ENDPOINT, '-X', 'score.model.response=scores'], 5, /answers no numbers at scores: \{.*predictions/],
    [
      'oip+http://127.0.0.1:1/pump',
      ENDPOINT,
      2,
      /score\.model\.request is of no use without a model at http: or https:/,
    ],
    ['http://127.0.0.1:1/', ENDPOINT, 3, /cannot POST http:\/\/127\.0\.0\.1:1\/ as 127\.0\.0\.1:1 refuses connections/],
    [
      'oip+http://127.0.0.1:1/pump',
      silent.split(' '),
      3,
      /cannot GET http:.*\/v2\/models\/pump as .* refuses connections/,
    ],
  ];
  for (const [address, more, exit, message] of cases) {
    const { code, stderr } = await world.run(flags(address, '--pipeline', 'refused', ...more));
    assert.match(stderr, message);
    assert.equal(code, exit, stderr);
  }
  assert.deepEqual(await world.client.admin.topics(['refused.anomalies']), []);
});

/** `anomaly model serve` of one model, which ends with the test. */
async function servedHost(t: TestContext, name: string): Promise<string> {
  const models = new ServedModels();
  const model = await ServedModel.open({
    ...{ name, version: '1', path: modelPath(name), sha256: undefined, runtime: RUNTIME },
    ...{ maxBatch: 256, maxDelayMs: 0, maxRows: 4096, now: () => performance.now(), onRun: () => {} },
  });
  models.add(model);
  const server = await InferenceServer.listen({
    ...{ listen: '127.0.0.1:0', models, toolVersion: '1', maxBodyBytes: 10_000_000, maxInFlight: 50 },
    ...{ now: () => performance.now(), onFault: (error) => assert.fail(error as Error) },
  });
  t.after(async () => {
    await server.drain(1000);
    await model.close();
  });
  return new URL(server.url).host;
}

test('of a model that this tool trained and serves the address is enough', async (t) => {
  const host = await servedHost(t, 'lstm-forecast');
  const { code, stderr } = await world.run([
    ...['run', '--topic', 'remote', '--time', 'ts', '--max-ahead', 'off', '--until', 'end', '--pipeline', 'told'],
    ...['--detector', 'kpi', '--model', `oip+http://${host}/lstm-forecast`, '-X', 'score.model.timeout=60s'],
  ]);
  assert.equal(code, 0, stderr);
  assert.ok(stderr.includes(`model lstm-forecast at http://${host}/v2/models/lstm-forecast`), stderr);
  const alerts = (await readTopic(world, 'told.anomalies')).flat().map(({ value }) => value as Alert);
  assert.ok(alerts.some(({ model }) => model?.name === 'lstm-forecast'));
});

test('the examples of docs/remote-models.md run', async (t) => {
  const page = readFileSync(fileURLToPath(new URL('../../docs/remote-models.md', import.meta.url)), 'utf8');
  const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);
  assert.equal(examples.length, 3);
  const tfs = await localServer(t, (received) => tfsAnswer({ name: 'pump', steps: 32, channels: 1 }, received));
  // As the page's model.py.
  const fastapi = await localServer(t, ({ headers, body }) => {
    if (headers.authorization !== 'Bearer t') return { status: 401, body: { detail: 'no token' } };
    const { inputs } = JSON.parse(body) as { inputs: number[][] };
    return { body: { predictions: inputs.map((window) => ({ score: distance(window) })) } };
  });
  const hosts = [await servedHost(t, 'external'), tfs.host, fastapi.host];
  for (const [i, example] of examples.entries()) {
    const pipeline = `example-${i}`;
    const head = `version: 1\npipeline: ${pipeline}\nsource: {topics: [remote], time: ts, fields: [value]}\ntime: {max_ahead: off}\n`;
    const text = example.replace(/127\.0\.0\.1:\d+/, hosts[i]!).replace('timeout: 50ms', 'timeout: 60s');
    writeFileSync(join(world.dir, `${pipeline}.yaml`), head + text);
    const { code, stderr } = await world.run(['run', '-f', `${pipeline}.yaml`, '--until', 'end'], {
      env: { MODEL_HEADERS: 'authorization: Bearer t' },
    });
    assert.equal(code, 0, `${example}\n${stderr}`);
    assert.ok(stderr.includes(` at http://${hosts[i]!}/`), stderr);
    assert.doesNotMatch(stderr, /asked value by value/);
    const alerts = (await readTopic(world, `${pipeline}.anomalies`)).flat().map(({ value }) => value as Alert);
    assert.ok(alerts.length > 0 && alerts.every(({ model }) => model !== null), pipeline);
  }
});
