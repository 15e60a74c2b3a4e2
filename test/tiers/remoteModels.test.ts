// Models on servers that others wrote: FastAPI with uvicorn, asked by a template and a path; MLServer, by the Open Inference
// Protocol.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { RemoteModelOptions } from '../../src/models/remote/remoteModel.ts';
import { readTopic, send, startWorld, type World } from '../helpers/world.ts';
import { distance } from '../models/remote/localServer.ts';
import { close, failure, opened, SCORE, someWindows } from '../models/remote/opening.ts';
import { type Fastapi, type Mlserver, startFastapi, startMlserver } from './helpers/services.ts';

const BATCH = { request: '{"inputs": "$windows"}', response: 'predictions[*].score' };
const WINDOW = { request: '{"window": "$window"}', response: 'score' };

let fastapi: Fastapi;
let mlserver: Mlserver;
let world: World;
before(async () => {
  [fastapi, mlserver, world] = await Promise.all([startFastapi(), startMlserver(), startWorld()]);
});
after(async () => {
  await Promise.all([fastapi?.remove(), mlserver?.remove(), world?.close()]);
});

function open(t: TestContext, path: string, options: Partial<RemoteModelOptions>) {
  const headers = { authorization: `Bearer ${fastapi.token}` };
  return opened(t, `${fastapi.url}${path}`, { headers, ...options });
}

test('FastAPI: windows of a micro-batch, and each by itself', async (t) => {
  const { windows, rows, lists } = someWindows(50, 4);
  for (const [path, template] of [
    ['/predict', BATCH],
    ['/score', WINDOW],
  ] as const) {
    const scorer = await open(t, path, template);
    const { scores, fallback, latencyMs } = await scorer.score({ rows, windows });
    assert.equal(fallback, undefined);
    close(scores, lists.map(distance));
    t.diagnostic(`${path}: ${rows} windows in ${latencyMs.toFixed(1)} ms`);
  }
});

test('FastAPI: what it refuses is in its words', async (t) => {
  const wrong = { ...BATCH, request: '{"windows": "$windows"}' };
  const { message } = await failure(open(t, '/predict', wrong), 'ANM_PROTOCOL', /422 .*body\.inputs: Field required/);
  t.diagnostic(message);
  await failure(open(t, '/gone', BATCH), 'ANM_MODEL_UNKNOWN', /404 Not Found: Not Found$/);
  await failure(open(t, '/predict', { ...BATCH, headers: {} }), 'ANM_AUTHENTICATION', /401 .*: a token is wanted$/);
  await failure(
    open(t, '/predict', { ...BATCH, response: 'predictions[*].p' }),
    'ANM_MODEL_OUTPUT',
    /answers no numbers at predictions\[\*\]\.p: \{"predictions":\[\{"score":/,
  );
});

test('FastAPI: a slow and a failing endpoint leave rows without a score', async (t) => {
  const { windows, rows } = someWindows(50, 4);
  const slow = await open(t, '/slow', { ...BATCH, guard: { timeoutMs: 100, batch: 64 } });
  const late = await slow.score({ rows, windows });
  assert.equal(late.fallback, 'deadline');
  // It would answer after a minute.
  assert.ok(late.latencyMs < 30_000, `${late.latencyMs} ms`);
  const broken = await open(t, '/broken', BATCH);
  assert.equal((await broken.score({ rows, windows })).fallback, 'error');
  assert.match(broken.counters().lastError!, /as it answers 500 Internal Server Error: Internal Server Error$/);
});

test('FastAPI: a pipeline asks it, and its alerts name it', async (t) => {
  const readings = Array.from({ length: 2000 }, (_, i) => {
    const value = 10 + 3 * Math.sin((2 * Math.PI * i) / 288) + ((i * 7919) % 101) / 200 + (i === 1500 ? 9 : 0);
    return { partition: 0, key: 'pump', value: { ts: Date.UTC(2026, 0, 1) + i * 300_000, value } };
  });
  await send(world.client, 'pumps', 1, readings);
  writeFileSync(join(world.dir, 'headers'), `authorization: Bearer ${fastapi.token}\n`);
  const keys = {
    uri: `${fastapi.url}/predict`,
    ...BATCH,
    ...{ headers: 'file:headers', timeout: '5s', 'input.length': '7', 'input.fields': 'value', 'output.kind': 'score' },
  };
  const { code, stderr } = await world.run([
    ...['run', '--topic', 'pumps', '--time', 'ts', '--max-ahead', 'off', '--until', 'end', '--detector', 'kpi'],
    ...Object.entries(keys).flatMap(([key, value]) => ['-X', `score.model.${key}=${value}`]),
  ]);
  assert.equal(code, 0, stderr);
  const alerts = (await readTopic(world, 'pumps.anomalies')).flat().map(({ value }) => value as Alert);
  const spike = alerts.find(({ offset }) => offset === 1500)!;
  assert.equal(spike.model?.name, `${new URL(fastapi.url).host}/predict`);
  assert.equal(spike.parts.at(-1)?.name, 'model');
  t.diagnostic(`${alerts.length} alerts; the spike: ${JSON.stringify(spike.parts.at(-1))} of ${spike.model?.name}`);
});

test('MLServer: its metadata name no tensors, the configuration does; its refusals are in its words', async (t) => {
  const uri = `oip+http://${mlserver.host}/pump`;
  const spec = { ...SCORE, input: 'window' };
  const { windows, rows, lists } = someWindows(50, 4);
  for (const [address, output] of [
    [uri, undefined],
    [`${uri}/versions/v1`, 'score'],
  ] as const) {
    const flat = { ...spec, layout: 'flat', ...(output !== undefined && { output }) } as const;
    const scorer = await opened(t, address, { spec: flat });
    assert.equal(scorer.whyOneByOne, undefined);
    const { scores, fallback, latencyMs } = await scorer.score({ rows, windows });
    assert.equal(fallback, undefined);
    close(scores, lists.map(distance));
    t.diagnostic(`${rows} windows in ${latencyMs.toFixed(1)} ms`);
  }
  await failure(opened(t, uri), 'ANM_MODEL_SPEC', /does not say what it reads, and the input has no name/);
  const { message } = await failure(
    opened(t, uri, { spec }),
    'ANM_MODEL_SERVER',
    /as it answers 500 .*: ValueError: a window is \[batch, values\], not \(1, 4, 1\)$/,
  );
  t.diagnostic(message);
  await failure(opened(t, `${uri}s`), 'ANM_MODEL_UNKNOWN', /404 Not Found: Model pumps not found$/);
  await failure(
    opened(t, uri, { spec: { ...spec, layout: 'flat', output: 'p' } }),
    'ANM_MODEL_OUTPUT',
    /answers .*, and p was asked for$/,
  );
});

interface Alert {
  readonly offset: number;
  readonly model: { readonly name: string } | null;
  readonly parts: readonly { readonly name: string; readonly score: number | null }[];
}
