import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type JsonRecord, readTopic, send, startWorld, type World } from '../../helpers/world.ts';
import { ACCESS_KEY, BUCKET, type FakeS3, SECRET_KEY, startFakeS3 } from '../../stores/helpers/fakeS3.ts';

let world: World;
let fake: FakeS3;
before(async () => {
  [world, fake] = await Promise.all([startWorld(), startFakeS3()]);
});
after(async () => {
  await Promise.all([world.close(), fake.close()]);
});

const START = Date.UTC(2026, 0, 1);
const readings = (from: number, to: number): JsonRecord[] =>
  Array.from({ length: to - from }, (_, k) => ({
    partition: 0,
    key: 'a',
    value: { ts: START + (from + k) * 10_000, value: k % 7 },
  }));

function run(topic: string, store: string, ...more: string[]) {
  const shape = ['--time', 'ts', '--window', '1m', '--max-ahead', 'off', '--until', 'end', '--leave-open'];
  const env = {
    AWS_ENDPOINT_URL: fake.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: SECRET_KEY,
  };
  const quick = ['-X', 'checkpoint.retry_timeout=300ms'];
  return world.run(['run', '--topic', topic, ...shape, '--checkpoint-store', store, ...quick, ...more], { env });
}

const windows = async (topic: string) =>
  (await readTopic(world, `${topic}.windows`)).flat().map(({ value }) => value as { start: number; count: number });

test('a run keeps its checkpoints on S3, and goes on from them', async () => {
  await send(world.client, 'halves', 1, readings(0, 45));
  const first = await run('halves', `s3://${BUCKET}/pump`);
  assert.equal(first.code, 0, first.stderr);
  const manifests = [...fake.objects.keys()].filter((name) => name.endsWith('/manifest.json'));
  assert.ok(manifests.length > 0 && manifests.every((name) => /^pump\/halves\/[^/]+\/halves-0\/\d{20}-/.test(name)));
  await send(world.client, 'halves', 1, readings(45, 90));
  const second = await run('halves', `s3://${BUCKET}/pump`);
  assert.equal(second.code, 0, second.stderr);
  const counts = (await windows('halves')).map(({ count }) => count);
  assert.ok(counts.length > 10 && counts.every((count) => count === 6), counts.join(','));
});

test('a store that cannot be written to is named at the start, before anything is read', async () => {
  await send(world.client, 'refused', 1, readings(0, 10));
  const missing = await run('refused', 's3://not-there/x');
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /ANM_STORE_MISSING.*there is no bucket not-there/);
  fake.skewMs = 7_200_000;
  const skewed = await run('refused', `s3://${BUCKET}/x`);
  fake.skewMs = 0;
  assert.equal(skewed.code, 4);
  assert.match(skewed.stderr, /ANM_STORE_DENIED.*the clocks differ too much/);
  fake.faulty = ({ method }) =>
    method === 'PUT' ? { status: 507, body: '<Error><Code>XMinioStorageFull</Code></Error>' } : undefined;
  const full = await run('refused', `s3://${BUCKET}/x`);
  fake.faulty = () => undefined;
  assert.equal(full.code, 1);
  assert.match(full.stderr, /ANM_STORE_FULL/);
  const [committed] = await world.client.admin.groupOffsets('refused', [{ topic: 'refused', partition: 0 }]);
  assert.equal(committed?.offset, -1);
  // Nothing was made for a run that could not begin.
  assert.deepEqual(
    await world.client.admin.topics(['windows', 'late', 'journal', 'status', 'control'].map((of) => `refused.${of}`)),
    [],
  );
});

test('a store that fails while it runs costs no data: the run says so and goes on', async () => {
  await send(world.client, 'shouting', 1, readings(0, 90));
  const whole = await run('shouting', `s3://${BUCKET}/whole`, '--group', 'whole');
  assert.equal(whole.code, 0, whole.stderr);
  const once = await windows('shouting');
  // The write test passes, then nothing does.
  let puts = 0;
  fake.faulty = ({ method, url }) =>
    method === 'PUT' && !url.includes('probe') && puts++ >= 0 ? { status: 503, body: '' } : undefined;
  const ended = await run(
    'shouting',
    `s3://${BUCKET}/failing`,
    '--group',
    'failing',
    '--commit-every',
    '1ms',
    '-X',
    'checkpoint.every=1ms',
  );
  fake.faulty = () => undefined;
  assert.match(
    ended.stderr,
    /cannot store a checkpoint of shouting\/0.*, and went on without it:.*is not able to at the moment/,
  );
  assert.ok(puts > 0);
  const twice = await windows('shouting');
  assert.deepEqual(twice.slice(once.length), once);
});
