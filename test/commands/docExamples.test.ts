// The examples in docs/examples, as they stand there: an embedded broker, and an S3 service in this process.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { checkAnomalyCounts, checkRollingAverages } from '../helpers/docExamples.ts';
import { startWorld } from '../helpers/world.ts';
import { killTheRest } from '../invariants/helpers/child.ts';
import { ACCESS_KEY, BUCKET, SECRET_KEY, startFakeS3 } from '../stores/helpers/fakeS3.ts';

afterEach(killTheRest);

test('rolling averages over 5 minutes of raw-sensors', async () => {
  const world = await startWorld();
  await checkRollingAverages(world);
  await world.close();
});

test('checkpoints on S3 for anomaly-counts: stopped, killed, and restored elsewhere', async () => {
  const world = await startWorld();
  const s3 = await startFakeS3();
  const env = {
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: SECRET_KEY,
    AWS_REGION: 'us-east-1',
  };
  await checkAnomalyCounts(world, { env, objects: async () => [...s3.objects.keys()] });
  assert.ok(
    s3.log.some((line) => line.startsWith(`GET /${BUCKET}/anomaly-counts/`) && line.includes('manifest.json')),
    'the state came from S3',
  );
  await s3.close();
  await world.close();
});
