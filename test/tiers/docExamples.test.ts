// The example of docs/examples whose checkpoints are on S3, against a real MinIO.
import { after, afterEach, before, test } from 'node:test';
import type { Client } from 'minio';
import { checkAnomalyCounts } from '../helpers/docExamples.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { killTheRest } from '../invariants/helpers/child.ts';
import { type Minio, startMinio } from './helpers/services.ts';

let world: World;
let minio: Minio;
let client: Client;
before(async () => {
  [world, minio] = await Promise.all([startWorld(), startMinio()]);
  const { Client: MinioClient } = await import('minio');
  const { hostname, port } = new URL(minio.endpoint);
  const keys = { accessKey: minio.accessKeyId, secretKey: minio.secretAccessKey };
  client = new MinioClient({ endPoint: hostname, port: Number(port), useSSL: false, ...keys });
  await client.makeBucket('checkpoints');
});
afterEach(killTheRest);
after(async () => {
  await Promise.all([world?.close(), minio?.remove()]);
});

test('checkpoints on MinIO for anomaly-counts: stopped, killed, and restored elsewhere', async () => {
  const env = {
    AWS_ENDPOINT_URL_S3: minio.endpoint,
    AWS_ACCESS_KEY_ID: minio.accessKeyId,
    AWS_SECRET_ACCESS_KEY: minio.secretAccessKey,
  };
  const objects = async () => {
    const names: string[] = [];
    for await (const { name } of client.listObjectsV2('checkpoints', 'anomaly-counts/', true)) names.push(name);
    return names;
  };
  await checkAnomalyCounts(world, { env, objects });
});
