import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readTopic, send, startWorld, type World } from '../helpers/world.ts';

const MODEL = fileURLToPath(new URL('../../fixtures/demo-model/nab-demo.onnx', import.meta.url));
const START_MS = Date.UTC(2026, 0, 1);
const STEP_MS = 300_000;
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

function readings(from: number, to: number) {
  return Array.from({ length: to - from }, (_, k) => {
    const i = from + k;
    const ts = START_MS + i * STEP_MS;
    const value = 10 + 3 * Math.sin((2 * Math.PI * i) / 288) + ((i * 7919) % 101) / 200;
    return { partition: 0, key: 'a', value: { ts, value }, timestamp: ts };
  });
}

const SETTINGS = (topic: string) => ({
  'source.topics': topic,
  'source.time': 'ts',
  'time.max_ahead': 'off',
  'score.detector': 'kpi',
  'score.model.uri': MODEL,
  'score.model.timeout': '60s',
});
const given = (settings: object) => Object.entries(settings).flatMap(([key, value]) => ['-X', `${key}=${value}`]);

async function run(settings: object, more: readonly string[], minutes: number): Promise<void> {
  const { code, stderr } = await world.run(['run', ...given(settings), '--until', 'end', '-o', 'json', ...more], {
    now: () => START_MS + minutes * 60_000,
  });
  assert.equal(code, 0, stderr);
}

async function verify(pipeline: string, settings: object): Promise<void> {
  const { code, stderr } = await world.run(['replay', pipeline, '--verify', ...given(settings)]);
  assert.equal(code, 0, stderr);
}

async function scored(topic: string): Promise<number> {
  const journal = (await readTopic(world, `${topic}.journal`)).flat();
  return journal.filter(({ value }) => (value as { type: string }).type === 'scores').length;
}

test('what was learnt of the history has no scores of the model, and is run again without', async () => {
  const settings = SETTINGS('learnt');
  await send(world.client, 'learnt', 1, readings(0, 600));
  await run(settings, ['--warm', '1d', '--leave-open'], 600 * 5);
  await send(world.client, 'learnt', 1, readings(600, 800));
  await run(settings, ['--leave-open'], 800 * 5);
  assert.ok((await scored('learnt')) > 0);
  await verify('learnt', settings);
});

test('windows that close after the last commit of a record are run again with the scores that they had', async () => {
  const settings = { ...SETTINGS('closed'), windows: '5m', 'score.on': 'w5m.mean' };
  await send(world.client, 'closed', 1, readings(0, 300));
  await run(settings, ['--leave-open'], 300 * 5);
  const before = await scored('closed');
  await run(settings, [], 300 * 5);
  assert.equal(await scored('closed'), before + 1);
  await verify('closed', settings);
});
