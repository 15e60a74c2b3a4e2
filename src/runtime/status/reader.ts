import type { Consumer, KafkaClient } from '../../clients/client.ts';
import { isLive, type MemberStatus } from '../../observe/status.ts';
import { decodeStatus, statusKey } from '../../observe/statusRecord.ts';
import { SESSION_TIMEOUT_MS, statusTopic } from '../topics/operationTopics.ts';

/** The members of a pipeline as their last records tell. Reads the status topic from its start. */
export class StatusReader {
  readonly #client: KafkaClient;
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #members = new Map<string, MemberStatus>();

  private constructor(client: KafkaClient, consumer: Consumer, topic: string) {
    this.#client = client;
    this.#consumer = consumer;
    this.#topic = topic;
  }

  /** Undefined where the pipeline has no status topic: it never ran on this cluster, or with status.every off. */
  static async open(client: KafkaClient, pipeline: string): Promise<StatusReader | undefined> {
    const topic = statusTopic(pipeline);
    if ((await client.admin.topics([topic])).length === 0) return undefined;
    const consumer = await client.createConsumer({ maxWaitMs: 100, isolation: 'read_uncommitted' });
    const [start] = await client.admin.listOffsets([{ topic, partition: 0 }], 'earliest');
    await consumer.assign([{ topic, partition: 0, offset: Math.max(0, start?.offset ?? 0) }]);
    return new StatusReader(client, consumer, topic);
  }

  /** Last record of each member, dead ones included, as far as the topic reaches now. */
  async read(): Promise<readonly MemberStatus[]> {
    const [end] = await this.#client.admin.listOffsets([{ topic: this.#topic, partition: 0 }], 'latest');
    while (this.#consumer.position(this.#topic, 0) < (end?.offset ?? 0)) await this.poll(100);
    return [...this.#members.values()];
  }

  /** Members that said something within the session timeout and have not ended. */
  async live(nowMs: number): Promise<MemberStatus[]> {
    return (await this.read()).filter((status) => isLive(status, nowMs, SESSION_TIMEOUT_MS));
  }

  /** Takes what comes within the time; false where nothing came. */
  async poll(timeoutMs: number): Promise<boolean> {
    const batch = await this.#consumer.poll(timeoutMs);
    if (batch === null) return false;
    for (let i = 0; i < batch.count; i++) {
      if (batch.keyStart[i]! < 0) continue;
      const key = new TextDecoder().decode(batch.bytes.subarray(batch.keyStart[i], batch.keyEnd[i]));
      const start = batch.valueStart[i]!;
      const status = start < 0 ? null : decodeStatus(batch.bytes.subarray(start, batch.valueEnd[i]));
      if (status !== null && statusKey(status) === key) this.#members.set(key, status);
      else if (start < 0) this.#members.delete(key);
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }
}
