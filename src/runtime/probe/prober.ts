import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { Producer } from '../../clients/producer.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { isAnomalyError } from '../../errors.ts';
import { type ClockSkew, SkewEstimate } from '../../observe/clockSkew.ts';
import { type ProbeResult, type ProbeSlas, ProbeTally } from './probeTally.ts';
import type { ProbeTopic } from './probeTopic.ts';

export interface ProberOptions {
  readonly client: KafkaClient;
  readonly topic: ProbeTopic;
  readonly intervalMs: number;
  /** Probes of each partition, and for how long they are sent, milliseconds; Infinity: until the signal. */
  readonly count: number;
  readonly durationMs: number;
  readonly slas: ProbeSlas;
  /** Group whose commits are timed; absent: none. */
  readonly groupId: string | undefined;
  /** Tells these probes from those of another run. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly ticks: () => number;
  /** Keeps the process alive where `keepsAlive`. */
  readonly pause: (timeMs: number, keepsAlive: boolean) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onResult: (result: ProbeResult) => void;
}

/** Moments of the clock here between which a broker appended a probe, epoch milliseconds. */
interface Append {
  readonly sentMs: number;
  answeredMs: number;
}

/** More probes than these are not under way at once. */
const KEPT_APPENDS = 10_000;
const PASSING: ReadonlySet<string> = new Set(['ANM_BROKER_UNREACHABLE', 'ANM_TIMEOUT']);
const EMPTY = new Uint8Array(0);
/** Nobody waits for longer: the signal is to be seen. */
const POLL_MS = 100;

/**
 * Sends a numbered probe to each partition of a topic at a steady pace, and reads them back, as a pipeline would: what
 * the brokers take for it, beside what a pipeline takes. A producer a partition, so that none waits for another's broker.
 */
export class Prober {
  readonly tally: ProbeTally;
  /** By broker; of topics with LogAppendTime only. */
  readonly #skews = new Map<number, SkewEstimate>();
  readonly #options: ProberOptions;
  readonly #producers = new Map<number, Promise<Producer>>();
  readonly #leaders: ReadonlyMap<number, number>;
  /** Between which moments of the clock here the broker appended the probes that are not back yet. */
  readonly #appends = new Map<string, Append>();
  readonly #sending = new Set<Promise<void>>();
  /** Next offset to read by partition: over all consumers. */
  readonly #next = new Map<number, number>();
  #consumer: Consumer | undefined;
  #committing: Promise<void> | undefined;
  #number = 0;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.tally = new ProbeTally(options.slas, options.onResult);
    this.#leaders = new Map(options.topic.partitions.map(({ partition, leader }) => [partition, leader]));
  }

  /** Resolves when all probes are back or lost, or the signal has come. */
  async run(): Promise<void> {
    const { client, topic, intervalMs, count, durationMs, slas, ticks, pause, signal } = this.#options;
    const places = topic.partitions.map(({ partition }) => ({ topic: topic.name, partition }));
    try {
      // Connections are no part of what is measured. A broker that takes nothing shows by its probes.
      const warm = places.map(({ partition }) => this.#warmUp(partition));
      await Promise.race([Promise.all(warm), pause(slas.ackMs, false)]);
      for (const { partition, offset } of await client.admin.listOffsets(places, 'latest')) {
        this.#next.set(partition, offset);
      }
      const endTicks = ticks() + durationMs;
      let nextTicks = ticks();
      while (!signal.aborted) {
        const isSending = this.#number < count && ticks() < endTicks;
        if (!isSending && this.tally.inFlight === 0) break;
        if (isSending && ticks() >= nextTicks) {
          this.#number++;
          for (const { partition } of topic.partitions) this.#send(this.#number, partition);
          // A loop that was held up does not send what it missed all at once.
          nextTicks = Math.max(nextTicks + intervalMs, ticks());
        }
        const waitMs = isSending ? Math.min(POLL_MS, Math.max(1, nextTicks - ticks())) : POLL_MS;
        await this.#read(waitMs);
        this.tally.expire(ticks());
      }
    } finally {
      await this.#committing;
      await this.#consumer?.close().catch(() => {});
      await this.#close();
    }
  }

  /** The clocks of the brokers minus the one here, of those that are known. */
  skews(): { readonly broker: number; readonly skew: ClockSkew }[] {
    const known = [...this.#skews].flatMap(([broker, { skew }]) => (skew === null ? [] : [{ broker, skew }]));
    return known.sort((a, b) => a.broker - b.broker);
  }

  /** While a broker is away its probes fail or are lost, which is what they are for: a consumer that gave up has a successor. */
  async #read(waitMs: number): Promise<void> {
    try {
      this.#consumer ??= await this.#open();
      const batch = await this.#consumer.poll(waitMs);
      if (batch !== null) this.#take(batch, this.#consumer);
    } catch (error) {
      if (!isAnomalyError(error) || !PASSING.has(error.code)) throw error;
      await this.#consumer?.close().catch(() => {});
      this.#consumer = undefined;
      await this.#options.pause(waitMs, true);
    }
  }

  async #open(): Promise<Consumer> {
    const { client, topic, groupId } = this.#options;
    const consumer = await client.createConsumer({ ...(groupId !== undefined && { groupId }) });
    await consumer.assign([...this.#next].map(([partition, offset]) => ({ topic: topic.name, partition, offset })));
    return consumer;
  }

  /** A record that is no probe. */
  async #warmUp(partition: number): Promise<void> {
    const opening = this.#producer(partition);
    try {
      const producer = await opening;
      producer.append(this.#options.topic.name, partition, this.#options.now(), null, -1, -1, EMPTY, 0, 0);
      await producer.flush();
    } catch {
      this.#drop(partition, opening);
    }
  }

  #send(number: number, partition: number): void {
    const sending = this.#sendOne(number, partition).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #sendOne(number: number, partition: number): Promise<void> {
    const { topic, id, now, ticks } = this.#options;
    const append = { sentMs: now(), answeredMs: NaN };
    this.tally.sent(number, partition, this.#leaders.get(partition)!, ticks());
    const opening = this.#producer(partition);
    try {
      const producer = await opening;
      const key = new TextEncoder().encode(id);
      const value = new TextEncoder().encode(JSON.stringify({ probe: id, number, partition, sent_ms: append.sentMs }));
      if (topic.isAppendTime) this.#remember(`${partition}/${number}`, append);
      producer.append(topic.name, partition, append.sentMs, key, 0, key.length, value, 0, value.length);
      await producer.flush();
      append.answeredMs = now();
      this.tally.acknowledged(number, partition, ticks());
    } catch (error) {
      this.#drop(partition, opening);
      this.#appends.delete(`${partition}/${number}`);
      this.tally.failed(number, partition, (error as Error).message);
    }
  }

  #take(batch: ColumnBatch, consumer: Consumer): void {
    const { id, ticks, topic, groupId } = this.#options;
    const { partition } = batch;
    this.#next.set(partition, batch.nextOffset);
    let isAny = false;
    for (let i = 0; i < batch.count; i++) {
      const number = numberOf(batch, i, id);
      if (number === undefined) continue;
      isAny = true;
      this.tally.received(number, partition, ticks());
      if (topic.isAppendTime) this.#learn(partition, number, batch.recordTimes[i]!);
    }
    if (!isAny || groupId === undefined || this.#committing !== undefined) return;
    this.#committing = this.#commit(consumer, partition, batch.nextOffset).finally(() => {
      this.#committing = undefined;
    });
  }

  /** A probe may be back before its acknowledgement is: then now is a later bound for the append. */
  #learn(partition: number, number: number, theirsMs: number): void {
    const append = this.#appends.get(`${partition}/${number}`);
    if (append === undefined) return;
    this.#appends.delete(`${partition}/${number}`);
    const { sentMs } = append;
    const answeredMs = Number.isNaN(append.answeredMs) ? this.#options.now() : append.answeredMs;
    const broker = this.#leaders.get(partition)!;
    let estimate = this.#skews.get(broker);
    if (estimate === undefined) {
      estimate = new SkewEstimate();
      this.#skews.set(broker, estimate);
    }
    estimate.add({ sentMs, theirsMs, answeredMs });
  }

  async #commit(consumer: Consumer, partition: number, offset: number): Promise<void> {
    const { topic, ticks } = this.#options;
    const started = ticks();
    const broker = this.#leaders.get(partition)!;
    try {
      await consumer.commit([{ topic: topic.name, partition, offset }]);
      this.tally.committed(broker, ticks() - started);
    } catch {
      this.tally.commitFailed(broker);
    }
  }

  #producer(partition: number): Promise<Producer> {
    let producer = this.#producers.get(partition);
    if (producer === undefined) {
      producer = this.#options.client.createProducer({ idempotent: true, lingerMs: 0 });
      this.#producers.set(partition, producer);
    }
    return producer;
  }

  /** A producer that failed takes nothing any more. Others that it failed may have been told after its successor began. */
  #drop(partition: number, opening: Promise<Producer>): void {
    if (this.#producers.get(partition) !== opening) return;
    this.#producers.delete(partition);
    opening.then((producer) => producer.close()).catch(() => {});
  }

  /** Those that are lost never come to take theirs away. */
  #remember(key: string, append: Append): void {
    this.#appends.set(key, append);
    if (this.#appends.size > KEPT_APPENDS) this.#appends.delete(this.#appends.keys().next().value!);
  }

  async #close(): Promise<void> {
    const producers = await Promise.allSettled(this.#producers.values());
    await Promise.allSettled(producers.map(async (each) => each.status === 'fulfilled' && (await each.value.close())));
    await Promise.allSettled(this.#sending);
  }
}

/** Number of a probe of ours; undefined for any other record. */
function numberOf(batch: ColumnBatch, i: number, id: string): number | undefined {
  const start = batch.valueStart[i]!;
  if (start < 0) return undefined;
  try {
    const text = new TextDecoder().decode(batch.bytes.subarray(start, batch.valueEnd[i]!));
    const { probe, number } = JSON.parse(text) as { probe?: unknown; number?: unknown };
    return probe === id && typeof number === 'number' ? number : undefined;
  } catch {
    return undefined;
  }
}
