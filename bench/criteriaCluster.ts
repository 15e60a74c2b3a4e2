// What the criteria are held on: the embedded broker as a process or a real Kafka, and a MinIO.
import { startRegistry } from '../src/broker/registry.ts';
import { startKafka, startMinio } from '../test/tiers/helpers/services.ts';
import { type Cluster, startDev } from './processes.ts';

export interface CriteriaCluster {
  readonly cluster: Cluster;
  readonly minio: { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string };
}

export async function withCluster<T>(isOnKafka: boolean, run: (on: CriteriaCluster) => Promise<T>): Promise<T> {
  const minio = await startMinio();
  try {
    const { Client } = await import('minio');
    const { hostname, port } = new URL(minio.endpoint);
    const keys = { accessKey: minio.accessKeyId, secretKey: minio.secretAccessKey };
    await new Client({ endPoint: hostname, port: Number(port), useSSL: false, ...keys }).makeBucket('checkpoints');
    if (!isOnKafka) {
      const dev = await startDev();
      return await run({ cluster: dev, minio }).finally(() => dev.stop());
    }
    const [kafka, registry] = await Promise.all([startKafka(), startRegistry({ port: 0 })]);
    const cluster: Cluster = { brokers: kafka.brokers, registry: registry.url, client: 'platformatic' };
    return await run({ cluster, minio }).finally(() => Promise.all([kafka.remove(), registry.close()]));
  } finally {
    await minio.remove();
  }
}
