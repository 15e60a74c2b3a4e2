import type { Admin, KafkaClient } from '../../clients/client.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import { decodeJournalRecord, type JournalEntry } from './journalRecord.ts';

export interface JournalReaderOptions {
  readonly client: Pick<KafkaClient, 'createConsumer'> & { readonly admin: Pick<Admin, 'listOffsets'> };
  readonly topic: string;
  readonly logger: Logger;
  /** Milliseconds of a clock that only goes forward. */
  readonly ticks: () => number;
  /** How long an open transaction may hold the end of the journal back: setting transaction_timeout. */
  readonly transactionTimeoutMs: number;
}

export interface JournalPart {
  readonly entries: readonly JournalEntry[];
  /** The first offset that was left: what stood before it is gone. */
  readonly begin: number;
  /** The end that was read to: where the next entry of the partition goes, or before that. */
  readonly end: number;
}

/** Broker time for the markers of a transaction that ran out of time. */
const MARKER_MS = 10_000;
const POLL_MS = 100;

/**
 * Reads one partition of a journal to where its end is now, committed records only. A transaction that is still open
 * there holds it back until the broker ends it: whether its records count is not known before.
 *
 * @throws ANM_JOURNAL_CORRUPT, ANM_TIMEOUT naming transaction_timeout
 */
export async function readJournal(options: JournalReaderOptions, partition: number): Promise<JournalPart> {
  const { client, topic, ticks, transactionTimeoutMs } = options;
  const place = { topic, partition };
  const [begin, end] = await Promise.all([
    client.admin.listOffsets([place], 'earliest'),
    client.admin.listOffsets([place], 'latest'),
  ]);
  const [from, to] = [begin[0]!.offset, end[0]!.offset];
  const entries: JournalEntry[] = [];
  if (from >= to) return { entries, begin: from, end: to };
  const consumer = await client.createConsumer({ isolation: 'read_committed', maxWaitMs: POLL_MS });
  try {
    await consumer.assign([{ ...place, offset: from }]);
    const reader = new EntryReader(options);
    let deadline = ticks() + transactionTimeoutMs + MARKER_MS;
    let at = from;
    for (;;) {
      const position = consumer.position(topic, partition);
      if (position >= to) break;
      // A journal may be long: what has moved on is not held by the transaction that was waited for.
      if (position > at) deadline = ticks() + transactionTimeoutMs + MARKER_MS;
      at = position;
      const batch = await consumer.poll(POLL_MS);
      if (batch !== null) reader.take(batch, entries);
      const [corrupt] = consumer.takeCorrupt();
      if (corrupt !== undefined) {
        const at = `${topic}/${partition} offset ${corrupt.firstOffset}`;
        throw new AnomalyError('ANM_JOURNAL_CORRUPT', `cannot use the journal at ${at} as ${corrupt.reason}`);
      }
      if (ticks() > deadline) {
        throw new AnomalyError(
          'ANM_TIMEOUT',
          `cannot read ${topic}/${partition} to offset ${to} as a transaction has held it at ${position} for longer than transaction_timeout (${transactionTimeoutMs} ms)`,
          { hint: 'another producer may have a longer timeout: rpk cluster txn list shows it' },
        );
      }
    }
  } finally {
    await consumer.close();
  }
  return { entries, begin: from, end: to };
}

/** Reads the entries of batches of a journal. */
export class EntryReader {
  readonly #logger: Logger;
  readonly #unknown = new Set<string>();

  constructor({ logger }: Pick<JournalReaderOptions, 'logger'>) {
    this.#logger = logger;
  }

  take(batch: ColumnBatch, entries: JournalEntry[]): void {
    const { topic, partition, bytes, valueStart, valueEnd, offsets, recordTimes } = batch;
    for (let i = 0; i < batch.count; i++) {
      const place = `${topic}/${partition} offset ${offsets[i]}`;
      const start = valueStart[i]!;
      if (start < 0) {
        throw new AnomalyError('ANM_JOURNAL_CORRUPT', `cannot use the journal record at ${place} as it has no value`);
      }
      const value = bytes.subarray(start, valueEnd[i]!);
      const record = decodeJournalRecord(value, place);
      if (record !== null) entries.push({ ...record, at: offsets[i]!, writtenMs: recordTimes[i]! });
      else this.#leaveOut(JSON.parse(new TextDecoder().decode(value)).type, place);
    }
  }

  #leaveOut(type: string, place: string): void {
    if (this.#unknown.has(type)) return;
    this.#unknown.add(type);
    this.#logger.warn(`left out journal records of type ${type}, first at ${place}: this version does not know them`);
  }
}
