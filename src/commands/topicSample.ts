import type { KafkaClient, TopicInfo } from '../clients/client.ts';
import { readSchemaId, type SchemaRegistry } from '../clients/registry.ts';
import type { TopicPartitionOffset } from '../clients/topicPartition.ts';
import { ObjectDecoder } from '../runtime/input/objectDecoder.ts';
import { stableEnds, topicBatches } from '../runtime/input/topicSource.ts';

/** A record as it was found, its value decoded. */
export interface SampledRecord {
  readonly partition: number;
  readonly offset: number;
  /** Epoch milliseconds. */
  readonly recordTimeMs: number;
  /** UTF-8; null without a key. */
  readonly key: string | null;
  /** -1 where the value names no schema. */
  readonly schemaId: number;
  /** What the decoder makes of it: an object, a text that is no JSON comes as an Error. */
  readonly value: unknown;
  /** The value as text, for what is neither Avro nor JSON. */
  readonly text: string;
}

/** The last committed records of each partition, by partition and offset; tombstones are left out. */
export async function sampleTopic(
  client: KafkaClient,
  registry: Pick<SchemaRegistry, 'schemaById'>,
  { name, partitions }: TopicInfo,
  perPartition: number,
  signal: AbortSignal,
): Promise<SampledRecord[]> {
  const all = partitions.map(({ partition }) => ({ topic: name, partition }));
  const [starts, ends] = await Promise.all([client.admin.listOffsets(all, 'earliest'), stableEnds(client, all)]);
  const startOf = (at: TopicPartitionOffset) => starts.find(({ partition }) => partition === at.partition)?.offset ?? 0;
  const to = ends.filter((end) => end.offset > startOf(end));
  if (to.length === 0) return [];
  const from = to.map((end) => ({ ...end, offset: Math.max(startOf(end), end.offset - perPartition) }));
  const decoder = new ObjectDecoder(registry);
  const records: SampledRecord[] = [];
  for await (const batch of topicBatches(client, { from, to }, signal, () => {})) {
    for (let i = 0; i < batch.count; i++) {
      const [start, end] = [batch.valueStart[i]!, batch.valueEnd[i]!];
      if (start < 0) continue;
      const [keyStart, keyEnd] = [batch.keyStart[i]!, batch.keyEnd[i]!];
      const bytes = (a: number, b: number) => Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset + a, b - a);
      records.push({
        ...{ partition: batch.partition, offset: batch.offsets[i]!, recordTimeMs: batch.recordTimes[i]! },
        key: keyStart < 0 ? null : bytes(keyStart, keyEnd).toString(),
        schemaId: readSchemaId(batch.bytes, start, end),
        value: await decoder.value(batch, i),
        text: bytes(start, end).toString(),
      });
    }
  }
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** The value at a path of names joined by points, as source.key and source.fields have it. */
export function valueAt(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const map = value as Record<string, unknown>;
  if (path in map) return map[path];
  const dot = path.indexOf('.');
  return dot < 0 ? undefined : valueAt(map[path.slice(0, dot)], path.slice(dot + 1));
}
