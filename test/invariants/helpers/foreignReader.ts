import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { append, type JsonRecord, type World } from '../../helpers/world.ts';
import { installKafkajs } from '../../tiers/helpers/kafkajs.ts';

const MOST_BYTES = 1 << 30;
let dir: string | undefined;

/** Whether outputs are read by a client that is not ours as well: it is installed for that, so not in `npm test`. */
export function wantsForeign(): boolean {
  return process.env['ANOMALY_TEST_FOREIGN'] === '1';
}

/** Committed values (latin1) by partition, as kafkajs reads them. Ends the topic by a record a partition. */
export async function readByForeign(
  world: Pick<World, 'client' | 'env'>,
  topic: string,
  partitions: number,
): Promise<string[][]> {
  dir ??= installKafkajs();
  const producer = await world.client.createProducer();
  const end: Omit<JsonRecord, 'partition'> = { key: null, value: 'END' };
  for (let partition = 0; partition < partitions; partition++) append(producer, topic, { ...end, partition });
  await producer.flush();
  await producer.close();
  const argv = [join(dir, 'readCommitted.mjs'), world.env['ANOMALY_BROKERS']!, topic, String(partitions)];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { maxBuffer: MOST_BYTES });
  return (JSON.parse(stdout) as string[][]).map((values) =>
    values.map((value) => Buffer.from(value, 'base64').toString('latin1')),
  );
}
