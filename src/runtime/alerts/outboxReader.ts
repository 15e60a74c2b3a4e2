import { decodeOutbox, type OutboxKeyValue, type OutboxRecord, outboxTopic } from '../../alerts/stage/outbox.ts';
import type { KafkaClient } from '../../clients/client.ts';
import { stableEnds, topicBatches } from '../input/topicSource.ts';

/** The last committed record of each key of the outbox, in the order in which they were written; no tombstones. */
export async function readOutbox(
  client: KafkaClient,
  pipeline: string,
  signal: AbortSignal,
): Promise<(OutboxKeyValue & { readonly record: OutboxRecord | null })[]> {
  const topic = outboxTopic(pipeline);
  const place = [{ topic, partition: 0 }];
  const from = await client.admin.listOffsets(place, 'earliest');
  const to = await stableEnds(client, place);
  const last = new Map<string, Uint8Array>();
  const text = new TextDecoder();
  if (from[0]!.offset < to[0]!.offset) {
    for await (const batch of topicBatches(client, { from, to }, signal, () => {})) {
      for (let i = 0; i < batch.count; i++) {
        if (batch.keyStart[i]! < 0) continue;
        const key = text.decode(batch.bytes.subarray(batch.keyStart[i], batch.keyEnd[i]));
        const start = batch.valueStart[i]!;
        last.delete(key);
        if (start >= 0) last.set(key, batch.bytes.slice(start, batch.valueEnd[i]));
      }
    }
  }
  return [...last].map(([key, value]) => ({ key, value, record: decodeOutbox(key, value) }));
}
