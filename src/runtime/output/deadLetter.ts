import type { ColumnBatch } from '../../engine/batch.ts';
import { type HeaderView, readHeaders } from '../../wire/headers.ts';

/** What Kafka Streams' dead letter queue (KIP-1034) and our sinks say of a record's failure begins with this. */
const ERROR_PREFIX = '__streams.errors.';
/** The last header of a late or rejected record that stands there with another time, as no broker would take its own. */
export const OWN_TIME = '__streams.errors.timestamp';
/** Headers of a record that was sent back: `topic/partition@offset` of its dead letter, and how often it was sent. */
export const REDRIVE_FROM = 'anomaly.redrive.from';
export const REDRIVE_COUNT = 'anomaly.redrive.count';

/** A record of a dead-letter topic, read from its headers; null where a header is missing or is no number. */
export interface DeadLetter {
  /** Its place in the dead-letter topic. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Timestamp of the record that failed, which is its own unless no broker would take that one. Epoch ms. */
  readonly timeMs: number;
  readonly exception: string | null;
  readonly message: string | null;
  readonly stacktrace: string | null;
  readonly sourceTopic: string | null;
  readonly sourcePartition: number | null;
  readonly sourceOffset: number | null;
  /** Source offset after what it stands for; null for a single record. */
  readonly nextOffset: number | null;
  /** Records that it stands for: more than one for a batch that could not be read. */
  readonly records: number;
  /** It holds the raw bytes of a record batch, and no record. */
  readonly isBatch: boolean;
  /** Bytes of the value before it was cut to fit; null where it is whole. */
  readonly cutFromBytes: number | null;
  /** How often the record was sent back before it failed again. */
  readonly redrives: number;
  /** The headers of the record that failed, without those that say why and where. */
  readonly headers: readonly HeaderView[];
}

/** Reads record i of a batch of a dead-letter topic. Views in it are valid as long as the batch. */
export function readDeadLetter(batch: ColumnBatch, i: number): DeadLetter {
  const all = batch.headerEnd[i]! > batch.headerStart[i]! ? readHeaders(batch, i) : [];
  const error = (name: string): string | null => lastText(all, ERROR_PREFIX + name);
  const exception = error('exception');
  const isBatch = exception === 'ANM_CORRUPT_BATCH';
  const valueBytes = Math.max(0, batch.valueEnd[i]! - batch.valueStart[i]!);
  const whole = wholeNumber(lastText(all, 'value_bytes'));
  return {
    topic: batch.topic,
    partition: batch.partition,
    offset: batch.offsets[i]!,
    timeMs: ownTime(all) ?? batch.recordTimes[i]!,
    exception,
    message: error('message'),
    stacktrace: error('stacktrace'),
    sourceTopic: error('topic'),
    sourcePartition: wholeNumber(error('partition')),
    sourceOffset: wholeNumber(error('offset')),
    nextOffset: isBatch ? wholeNumber(lastText(all, 'next_offset')) : null,
    records: isBatch ? (wholeNumber(lastText(all, 'record_count')) ?? 1) : 1,
    isBatch,
    // A header of that name may be the record's own: only one that says more than there is tells of a cut.
    cutFromBytes: !isBatch && whole !== null && whole > valueBytes ? whole : null,
    redrives: wholeNumber(lastText(all, REDRIVE_COUNT)) ?? 0,
    headers: all.filter(({ key }) => !key.startsWith(ERROR_PREFIX)),
  };
}

/** `sensors.dlq/0@17`. */
export function placeOf({ topic, partition, offset }: Pick<DeadLetter, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}@${offset}`;
}

/** The last header of a name counts: one before it is of an earlier failure, or the record's own. */
function lastText(headers: readonly HeaderView[], name: string): string | null {
  const found = headers.findLast(({ key }) => key === name);
  return found?.value == null ? null : Buffer.from(found.value).toString();
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,16}$/.test(text) ? Number(text) : null;
}

/** What OWN_TIME says, of any size; null where a record stands there with its own time. */
export function ownTime(headers: readonly HeaderView[]): number | null {
  const last = headers.at(-1);
  const text = last?.key === OWN_TIME && last.value !== null ? Buffer.from(last.value).toString() : '';
  return /^\d{1,19}$/.test(text) ? Number(text) : null;
}
