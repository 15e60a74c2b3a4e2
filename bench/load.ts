// Loads the input of the fused job: wire-format Avro {sensor_id, ts, value} in 4 partitions, through the tool's producer.
import type { KafkaClient } from '../src/clients/client.ts';
import { createRegistry } from '../src/clients/createRegistry.ts';
import { readings } from './readings.mjs';

export const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Reading',
  fields: [
    { name: 'sensor_id', type: 'string' },
    { name: 'ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'value', type: 'double' },
  ],
});

/** Registers the schema and returns its id. */
export async function registerReadings(registryUrl: string, topic: string): Promise<number> {
  const registry = createRegistry({ urls: [registryUrl] });
  return (await registry.register(`${topic}-value`, SCHEMA)).id;
}

/** Encodes one reading into `bytes` from 0; returns its length. */
export function encodeReading(
  bytes: Uint8Array,
  view: DataView,
  schemaId: number,
  key: Uint8Array,
  tsMs: number,
  value: number,
): number {
  bytes[0] = 0;
  view.setInt32(1, schemaId);
  let at = 5;
  bytes[at++] = key.length * 2;
  bytes.set(key, at);
  at += key.length;
  let zigzag = tsMs * 2;
  while (zigzag >= 128) {
    bytes[at++] = (zigzag % 128) | 128;
    zigzag = Math.floor(zigzag / 128);
  }
  bytes[at++] = zigzag;
  view.setFloat64(at, value, true);
  return at + 8;
}

export async function loadReadings(
  client: KafkaClient,
  topic: string,
  schemaId: number,
  count: number,
  sensors: number,
  partitions: number,
) {
  await client.admin.createTopics([{ name: topic, partitions }]);
  const producer = await client.createProducer({ batchBytes: 512 * 1024, lingerMs: 50 });
  const keys = Array.from({ length: sensors }, (_, k) =>
    new TextEncoder().encode(`sensor-${String(k).padStart(5, '0')}`),
  );
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  const nowMs = Date.now();
  let i = 0;
  for (const { tsMs, value, partition } of readings(count, sensors, partitions)) {
    const key = keys[i % sensors]!;
    const length = encodeReading(bytes, view, schemaId, key, tsMs, value);
    producer.append(topic, partition, nowMs, key, 0, key.length, bytes, 0, length);
    if ((++i & 1023) === 0) await producer.ready();
  }
  await producer.flush();
  await producer.close();
}
