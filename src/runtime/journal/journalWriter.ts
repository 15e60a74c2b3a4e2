import type { Producer } from '../../clients/producer.ts';
import { encodeJournalRecord, type JournalRecord } from './journalRecord.ts';

/** Appends journal records to the partition of their source partition's number. */
export class JournalWriter {
  readonly topic: string;
  readonly #producer: Pick<Producer, 'append'>;
  readonly #now: () => number;

  /** @param now epoch milliseconds */
  constructor(topic: string, producer: Pick<Producer, 'append'>, now: () => number) {
    this.topic = topic;
    this.#producer = producer;
    this.#now = now;
  }

  append(record: JournalRecord): void {
    const value = encodeJournalRecord(record);
    const key = new TextEncoder().encode(`${record.topic}/${record.partition}`);
    this.#producer.append(this.topic, record.partition, this.#now(), key, 0, key.length, value, 0, value.length);
  }
}
