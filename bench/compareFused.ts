// Holds the pipeline's two output topics against the reference, row by row and in order.
import avro from 'avsc';
import type { KafkaClient } from '../src/clients/client.ts';
import { createRegistry } from '../src/clients/createRegistry.ts';
import type { reference } from './reference.ts';

type Reference = ReturnType<typeof reference>;
type Row = Record<string, unknown>;

/** Throws at the first difference: windows equal to the last bit, alert scores within 1e-9. */
export async function compareFused(client: KafkaClient, registryUrl: string, topic: string, wanted: Reference) {
  const windows = await readTopic(client, registryUrl, `${topic}.windows`, wanted.length);
  const alerts = await readTopic(client, registryUrl, `${topic}.anomalies`, wanted.length);
  for (let p = 0; p < wanted.length; p++) {
    same(`windows of partition ${p}`, windows[p]!.length, wanted[p]!.windows.length);
    same(`alerts of partition ${p}`, alerts[p]!.length, wanted[p]!.alerts.length);
    wanted[p]!.windows.forEach((want, i) => {
      const row = windows[p]![i]!;
      for (const [name, value] of Object.entries(want)) same(`window ${p}/${i} ${name}`, row[name], value);
    });
    wanted[p]!.alerts.forEach((want, i) => {
      const row = alerts[p]![i]!;
      same(`alert ${p}/${i} series`, row['series'], want.series);
      same(`alert ${p}/${i} time`, row['start'], want.timeMs);
      const off = Math.abs((row['score'] as number) - want.score) / want.score;
      if (!(off < 1e-9)) throw new Error(`alert ${p}/${i} score differs by ${off}`);
    });
  }
  return { windows: windows.flat().length, alerts: alerts.flat().length };
}

/** All records of a topic decoded by avsc, by partition. */
async function readTopic(
  client: KafkaClient,
  registryUrl: string,
  topic: string,
  partitions: number,
): Promise<Row[][]> {
  const registry = createRegistry({ urls: [registryUrl] });
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const ends = await client.admin.listOffsets(all, 'latest');
  const consumer = await client.createConsumer();
  await consumer.assign(all.map((each) => ({ ...each, offset: 0 })));
  const rows: Row[][] = all.map(() => []);
  const types = new Map<number, avro.Type>();
  while (ends.some(({ partition, offset }) => consumer.position(topic, partition) < offset)) {
    const batch = await consumer.poll(1000);
    if (batch === null) continue;
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    for (let i = 0; i < batch.count; i++) {
      const from = batch.valueStart[i]!;
      const id = bytes.readInt32BE(from + 1);
      if (!types.has(id)) types.set(id, avro.Type.forSchema(JSON.parse((await registry.schemaById(id)).schema)));
      rows[batch.partition]!.push(types.get(id)!.fromBuffer(bytes.subarray(from + 5, batch.valueEnd[i]!)));
    }
  }
  await consumer.close();
  return rows;
}

function same(what: string, got: unknown, want: unknown): void {
  if (!Object.is(got, want)) throw new Error(`${what} is ${got}, the reference has ${want}`);
}
