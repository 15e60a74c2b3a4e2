// A store of checkpoints on a MinIO of its own, which is built from its Go module the first time.
import { openStore } from '../src/stores/openStore.ts';
import { startMinio } from '../test/tiers/helpers/services.ts';

const POLICY = { timeoutMs: 60_000, retryMs: 10_000 };

export async function openMinioStore() {
  const { endpoint, accessKeyId, secretAccessKey, remove } = await startMinio();
  const { Client } = await import('minio');
  const { hostname, port } = new URL(endpoint);
  const keys = { accessKey: accessKeyId, secretKey: secretAccessKey };
  await new Client({ endPoint: hostname, port: Number(port), useSSL: false, ...keys }).makeBucket('checkpoints');
  const store = await openStore('s3://checkpoints', {
    policy: POLICY,
    s3: async () => ({ endpoint, pathStyle: true, accessKeyId, secretAccessKey, credentials: 'the bench' }),
    webhdfs: () => ({ user: 'nobody' }),
  });
  return { store, remove };
}
