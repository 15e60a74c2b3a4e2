import type { ReviewOrder } from '../../alerts/stage/bookRules.ts';
import type { Silence } from '../../alerts/stage/silences.ts';
import type { Consumer, KafkaClient } from '../../clients/client.ts';
import { makeMissing } from '../topicTable.ts';

/** A record of <pipeline>.alert-orders: what people tell the alert stage. The last record of a key counts. */
export type AlertOrder =
  | { readonly type: 'silence'; readonly silence: Silence }
  | { readonly type: 'silence removed'; readonly id: string }
  | { readonly type: 'review'; readonly review: ReviewOrder };

const VERSION = 1;
const SILENCE = 'silence ';
const REVIEW = 'review ';

/** Compacted, as an order holds until its key gets another; one partition, so that orders have one order. */
export function alertOrdersTopic(pipeline: string): string {
  return `${pipeline}.alert-orders`;
}

/** Writes an order; the topic is made where it is missing. */
export async function writeOrder(
  client: KafkaClient,
  pipeline: string,
  order: AlertOrder,
  nowMs: number,
): Promise<void> {
  const topic = alertOrdersTopic(pipeline);
  await makeMissing(client.admin, [{ kind: 'alert_orders', name: topic }], { partitions: 1 });
  const { key, value } = encodeOrder(order);
  const producer = await client.createProducer({ idempotent: true });
  try {
    producer.append(topic, 0, nowMs, key, 0, key.length, value, value === null ? -1 : 0, value?.length ?? -1);
    await producer.flush();
  } finally {
    await producer.close();
  }
}

export function encodeOrder(order: AlertOrder): { key: Uint8Array; value: Uint8Array | null } {
  const text = new TextEncoder();
  if (order.type === 'silence removed') return { key: text.encode(SILENCE + order.id), value: null };
  const [key, body] =
    order.type === 'silence'
      ? [SILENCE + order.silence.id, order.silence]
      : [REVIEW + order.review.incident, order.review];
  return { key: text.encode(key), value: text.encode(JSON.stringify({ version: VERSION, ...body })) };
}

/** Null for what is no order of this version. */
export function decodeOrder(key: string, value: Uint8Array | null): AlertOrder | null {
  if (value === null) {
    return key.startsWith(SILENCE) ? { type: 'silence removed', id: key.slice(SILENCE.length) } : null;
  }
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)) as Record<string, unknown>;
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null || body['version'] !== VERSION) return null;
  const { version: _, ...rest } = body;
  if (key.startsWith(SILENCE)) {
    const silence = rest as unknown as Silence;
    const isWhole = Array.isArray(silence.matchers) && isNumber(silence.startsMs) && isNumber(silence.endsMs);
    return isWhole ? { type: 'silence', silence: { ...silence, id: key.slice(SILENCE.length) } } : null;
  }
  if (!key.startsWith(REVIEW)) return null;
  const review = rest as unknown as ReviewOrder;
  const isWhole = (review.verb === 'deliver' || review.verb === 'hold') && isNumber(review.atMs);
  return isWhole ? { type: 'review', review: { ...review, incident: key.slice(REVIEW.length) } } : null;
}

/** Reads the orders from the start of the topic and goes on with those that come. */
export class OrderReader {
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #toOffset: number;

  private constructor(consumer: Consumer, topic: string, toOffset: number) {
    this.#consumer = consumer;
    this.#topic = topic;
    this.#toOffset = toOffset;
  }

  /** The topic has to be there. */
  static async open(client: KafkaClient, pipeline: string): Promise<OrderReader> {
    const topic = alertOrdersTopic(pipeline);
    const [start] = await client.admin.listOffsets([{ topic, partition: 0 }], 'earliest');
    const [end] = await client.admin.listOffsets([{ topic, partition: 0 }], 'latest');
    const consumer = await client.createConsumer({ maxWaitMs: 500, isolation: 'read_uncommitted' });
    await consumer.assign([{ topic, partition: 0, offset: Math.max(0, start?.offset ?? 0) }]);
    return new OrderReader(consumer, topic, Math.max(0, end?.offset ?? 0));
  }

  /** Whether all that was there at the start has been read. */
  get isCurrent(): boolean {
    return this.#consumer.position(this.#topic, 0) >= this.#toOffset;
  }

  /** Orders that have come; none where none came within the time. */
  async poll(timeoutMs: number): Promise<AlertOrder[]> {
    const batch = await this.#consumer.poll(timeoutMs);
    this.#consumer.takeCorrupt();
    if (batch === null) return [];
    const orders: AlertOrder[] = [];
    for (let i = 0; i < batch.count; i++) {
      if (batch.keyStart[i]! < 0) continue;
      const key = new TextDecoder().decode(batch.bytes.subarray(batch.keyStart[i], batch.keyEnd[i]));
      const start = batch.valueStart[i]!;
      const order = decodeOrder(key, start < 0 ? null : batch.bytes.slice(start, batch.valueEnd[i]));
      if (order !== null) orders.push(order);
    }
    return orders;
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }
}

/** The orders that are on the topic now, the last of each key; none where there is no topic. */
export async function readOrders(client: KafkaClient, pipeline: string): Promise<AlertOrder[]> {
  if ((await client.admin.topics([alertOrdersTopic(pipeline)])).length === 0) return [];
  const reader = await OrderReader.open(client, pipeline);
  const byKey = new Map<string, AlertOrder>();
  try {
    while (!reader.isCurrent) {
      for (const order of await reader.poll(100)) {
        if (order.type === 'silence removed') byKey.delete(SILENCE + order.id);
        else byKey.set(order.type === 'silence' ? SILENCE + order.silence.id : REVIEW + order.review.incident, order);
      }
    }
  } finally {
    await reader.close();
  }
  return [...byKey.values()];
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
