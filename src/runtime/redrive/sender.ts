import type { KafkaClient } from '../../clients/client.ts';
import type { Producer, RecordHeader } from '../../clients/producer.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { GroupMembership, TransactionalProducer } from '../../clients/transactions.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { type DeadLetter, placeOf, REDRIVE_COUNT, REDRIVE_FROM } from '../output/deadLetter.ts';
import type { RedriveLedger } from './ledger.ts';

/** Records and bytes that are sent before the ledger is told. */
const CHUNK_RECORDS = 500;
const CHUNK_BYTES = 4 * 1024 * 1024;

export interface Redriven {
  readonly letter: DeadLetter;
  readonly batch: ColumnBatch;
  readonly index: number;
  readonly topic: string;
  readonly partition: number;
  /** Another value than the letter's. */
  readonly value: Uint8Array | undefined;
}

/**
 * Sends letters, and notes in the ledger that they were sent: chunk by chunk. Each chunk is one transaction where the client
 * has transactions, so that a kill leaves both or neither; without, a kill between the two doubles the chunk. The group
 * `<dead letters>.redrive`, which has no members, gets the offset after the last letter: by it the outcome of a transaction
 * is known, and it says how far the last redrive came.
 */
export class RedriveSender {
  /** Whether a kill can double nothing. */
  readonly isTransactional: boolean;
  readonly #producer: Producer;
  readonly #transactions: TransactionalProducer | undefined;
  readonly #ledger: RedriveLedger;
  readonly #now: () => number;
  #letters: DeadLetter[] = [];
  #targets = new Set<string>();
  #bytes = 0;

  private constructor(
    producer: Producer,
    transactions: TransactionalProducer | undefined,
    ledger: RedriveLedger,
    now: () => number,
  ) {
    this.#producer = producer;
    this.#transactions = transactions;
    this.isTransactional = transactions !== undefined;
    this.#ledger = ledger;
    this.#now = now;
  }

  /** Another redrive of the same dead letters that still runs is fenced by it, where there are transactions. */
  static async open(client: KafkaClient, ledger: RedriveLedger, now: () => number): Promise<RedriveSender> {
    const transactions = await transactionalProducer(client, redriveGroup(ledger.deadLetters));
    const producer = transactions ?? (await client.createProducer());
    return new RedriveSender(producer, transactions, ledger, now);
  }

  async send({ letter, batch, index, topic, partition, value }: Redriven): Promise<void> {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd } = batch;
    const own = value ?? (valueStart[index]! < 0 ? null : bytes);
    const start = value === undefined ? valueStart[index]! : 0;
    const end = value === undefined ? valueEnd[index]! : value.length;
    const key = keyStart[index]! < 0 ? null : bytes;
    const headers = headersFor(letter);
    const { timeMs } = letter;
    this.#producer.append(topic, partition, timeMs, key, keyStart[index]!, keyEnd[index]!, own, start, end, headers);
    this.#letters.push(letter);
    this.#targets.add(topic);
    this.#bytes += end - start;
    if (this.#letters.length >= CHUNK_RECORDS || this.#bytes >= CHUNK_BYTES) await this.commit();
  }

  /** Resolves when everything sent is there for good, and noted. */
  async commit(): Promise<void> {
    if (this.#letters.length === 0) return;
    if (this.#transactions === undefined) await this.#producer.flush();
    this.#ledger.append(this.#producer, this.#letters, [...this.#targets].sort(), this.#now());
    if (this.#transactions === undefined) await this.#producer.flush();
    else
      await this.#transactions.commitTransaction(
        offsetsAfter(this.#letters),
        memberless(redriveGroup(this.#ledger.deadLetters)),
      );
    this.#letters = [];
    this.#targets = new Set();
    this.#bytes = 0;
  }

  async close(): Promise<void> {
    await this.#producer.close();
  }
}

export function redriveGroup(deadLetters: string): string {
  return `${deadLetters}.redrive`;
}

/** Who commits for a group without members, as a consumer does that assigns its partitions itself. */
function memberless(groupId: string): GroupMembership {
  return { groupId, generation: -1, memberId: '', instanceId: null };
}

/** Undefined for librdkafka, whose transactions commit offsets for consumers of its own alone. */
async function transactionalProducer(
  client: KafkaClient,
  transactionalId: string,
): Promise<TransactionalProducer | undefined> {
  return client.kind === 'librdkafka' ? undefined : await client.createTransactionalProducer({ transactionalId });
}

function offsetsAfter(letters: readonly DeadLetter[]): TopicPartitionOffset[] {
  const after = new Map<number, TopicPartitionOffset>();
  for (const { topic, partition, offset } of letters) after.set(partition, { topic, partition, offset: offset + 1 });
  return [...after.values()];
}

/** The record's own headers, and where it was: with them a loop of failing and sending back is seen. */
function headersFor(letter: DeadLetter): RecordHeader[] {
  const own = letter.headers.filter(({ key }) => key !== REDRIVE_FROM && key !== REDRIVE_COUNT);
  return [
    ...own,
    { key: REDRIVE_FROM, value: Buffer.from(placeOf(letter)) },
    { key: REDRIVE_COUNT, value: Buffer.from(String(letter.redrives + 1)) },
  ];
}
