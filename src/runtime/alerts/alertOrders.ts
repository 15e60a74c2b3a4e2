import type { ReviewOrder, VerdictOrder } from '../../alerts/stage/bookRules.ts';
import type { Silence } from '../../alerts/stage/silences.ts';
import type { Consumer, KafkaClient } from '../../clients/client.ts';
import { makeMissing } from '../topics/topicTable.ts';

/** A record of <pipeline>.alert-orders: what people tell the alert stage. The last record of a key counts. */
export type AlertOrder =
  | { readonly type: 'silence'; readonly silence: Silence }
  | { readonly type: 'review'; readonly review: ReviewOrder }
  | { readonly type: 'verdict'; readonly verdict: VerdictOrder }
  /** A tombstone: of a silence that it holds no more, of the others that they are long done with. */
  | { readonly type: 'removed'; readonly of: Kind; readonly id: string };
type Kind = (typeof KINDS)[number];

const VERSION = 1;
/** What keys begin with, before a space. */
const KINDS = ['silence', 'review', 'verdict'] as const;
/** A silence so long after its end has nothing to hold: alerts that are behind by as much are few, and too old. */
export const SILENCES_KEPT_MS = 7 * 24 * 3_600_000;
/** The stage takes a decision within a second; one that found no stage in so long is given again. */
const DECISIONS_KEPT_MS = 28 * 24 * 3_600_000;

/** Compacted, as an order holds until its key gets another; one partition, so that orders have one order. */
export function alertOrdersTopic(pipeline: string): string {
  return `${pipeline}.alert-orders`;
}

/**
 * Writes an order; the topic is made where it is missing. Who writes one removes those that are done with, so that the topic
 * holds no more than people said of late, and the stage needs no right to write there.
 */
export async function writeOrder(
  client: KafkaClient,
  pipeline: string,
  order: AlertOrder,
  nowMs: number,
): Promise<void> {
  const topic = alertOrdersTopic(pipeline);
  await makeMissing(client.admin, [{ kind: 'alert_orders', name: topic }], { partitions: 1 });
  const done = (await readOrders(client, pipeline)).filter((each) => isDone(each, nowMs)).map(removalOf);
  const producer = await client.createProducer({ idempotent: true });
  try {
    for (const { key, value } of [...done, order].map(encodeOrder)) {
      producer.append(topic, 0, nowMs, key, 0, key.length, value, value === null ? -1 : 0, value?.length ?? -1);
    }
    await producer.flush();
  } finally {
    await producer.close();
  }
}

export function encodeOrder(order: AlertOrder): { key: Uint8Array; value: Uint8Array | null } {
  const text = new TextEncoder();
  const key = text.encode(keyOf(order));
  if (order.type === 'removed') return { key, value: null };
  return { key, value: text.encode(JSON.stringify({ version: VERSION, ...bodyOf(order) })) };
}

function bodyOf(order: Exclude<AlertOrder, { type: 'removed' }>): Silence | ReviewOrder | VerdictOrder {
  if (order.type === 'silence') return order.silence;
  return order.type === 'review' ? order.review : order.verdict;
}

function keyOf(order: AlertOrder): string {
  const { of, id } = removalOf(order);
  return `${of} ${id}`;
}

function removalOf(order: AlertOrder): Extract<AlertOrder, { type: 'removed' }> {
  if (order.type === 'removed') return order;
  if (order.type === 'silence') return { type: 'removed', of: 'silence', id: order.silence.id };
  if (order.type === 'review') return { type: 'removed', of: 'review', id: order.review.incident };
  return { type: 'removed', of: 'verdict', id: order.verdict.alert };
}

function isDone(order: AlertOrder, nowMs: number): boolean {
  if (order.type === 'silence') return order.silence.endsMs < nowMs - SILENCES_KEPT_MS;
  if (order.type === 'removed') return false;
  return (order.type === 'review' ? order.review : order.verdict).atMs < nowMs - DECISIONS_KEPT_MS;
}

/** Null for what is no order of this version. */
export function decodeOrder(key: string, value: Uint8Array | null): AlertOrder | null {
  const kind = KINDS.find((each) => key.startsWith(`${each} `));
  if (kind === undefined) return null;
  const id = key.slice(kind.length + 1);
  if (value === null) return { type: 'removed', of: kind, id };
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)) as Record<string, unknown>;
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null || body['version'] !== VERSION) return null;
  const { version: _, ...rest } = body;
  if (kind === 'silence') {
    const silence = rest as unknown as Silence;
    const isWhole = Array.isArray(silence.matchers) && isNumber(silence.startsMs) && isNumber(silence.endsMs);
    return isWhole ? { type: 'silence', silence: { ...silence, id } } : null;
  }
  if (kind === 'verdict') {
    const verdict = rest as unknown as VerdictOrder;
    const isWhole = [verdict.startMs, verdict.score, verdict.atMs].every(isNumber) && isRule(verdict);
    return isWhole ? { type: 'verdict', verdict: { ...verdict, alert: id } } : null;
  }
  const review = rest as unknown as ReviewOrder;
  const isWhole = (review.verb === 'deliver' || review.verb === 'hold') && isNumber(review.atMs);
  return isWhole ? { type: 'review', review: { ...review, incident: id } } : null;
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
        if (order.type === 'removed') byKey.delete(keyOf(order));
        else byKey.set(keyOf(order), order);
      }
    }
  } finally {
    await reader.close();
  }
  return [...byKey.values()];
}

function isRule({ series, rule, isTrue }: VerdictOrder): boolean {
  return typeof series === 'string' && typeof rule === 'string' && typeof isTrue === 'boolean';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
