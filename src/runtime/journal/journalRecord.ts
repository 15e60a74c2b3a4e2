import { createHash } from 'node:crypto';
import type { ModelName } from '../../engine/definition.ts';
import { AnomalyError } from '../../errors.ts';

/**
 * What a source partition's state depends on besides its records: JSON in the partition of the same number of the topic
 * <group>.journal. `offset` is the next source offset at that moment: the record takes effect after all records below it
 * and before any other.
 */
export type JournalRecord =
  | OwnerRecord
  | SnapshotRecord
  | RestoreRecord
  | IdleRecord
  | CloseRecord
  | ControlRecord
  | PoisonRecord
  | FeedbackRecord
  | CrashRecord
  | GapRecord
  | ScoresRecord
  | ModelRecord;

interface Place {
  /** Of the source. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Of the group when it was written; -1 where the client cannot tell. */
  readonly generation: number;
  /** Of the process that wrote it: drawn anew at each start. */
  readonly member: string;
}

/** A member took the partition. */
export interface OwnerRecord extends Place {
  readonly type: 'owner';
  /** Hash of the definitions of all operators. */
  readonly definition: string;
  readonly version: string;
  /** There where its state began empty, at this offset: no snapshot named before is of use any more. */
  readonly start?: number;
  /** There where it learnt first: outputs begin at this offset. */
  readonly live?: number;
  /** The group began anew: its generations are below those that the journal knows, and count from here on. */
  readonly reset?: boolean;
}

/** A snapshot counts from here on. */
export interface SnapshotRecord extends Place {
  readonly type: 'snapshot';
  readonly name: string;
  readonly sha256: string;
  readonly checkpoint: string;
  readonly savepoint?: string;
  /** First offset of the journal's partition that a recovery from it needs. */
  readonly journal: number;
}

/** The state was replaced by a snapshot, from which the partition goes on at `offset`. Nothing before it counts. */
export interface RestoreRecord extends Place {
  readonly type: 'restore';
  readonly name: string;
  readonly sha256: string;
  readonly checkpoint: string;
  readonly savepoint?: string;
}

/** Silence moved the watermark (epoch milliseconds). */
export interface IdleRecord extends Place {
  readonly type: 'idle';
  readonly watermark: number;
}

/** The end of the input closed what was open, up to this watermark (epoch milliseconds). */
export interface CloseRecord extends Place {
  readonly type: 'close';
  readonly watermark: number;
}

/** A command of the control topic was carried out. */
export interface ControlRecord extends Place {
  readonly type: 'control';
  /** Verb, and the name of a savepoint. */
  readonly command: string;
  /** Of the command on the control topic. */
  readonly id?: string;
}

/** The records offset <= o < to were put into the dead letters unread. */
export interface PoisonRecord extends Place {
  readonly type: 'poison';
  readonly to: number;
  readonly reason: string;
}

/** An operator's verdict on an alert moved the threshold of its series. */
export interface FeedbackRecord extends Place {
  readonly type: 'feedback';
  /** Id of the alert. */
  readonly alert: string;
  readonly rule: string;
  readonly series: string;
  /** Start of the alert, whole milliseconds. */
  readonly time: number;
  readonly verdict: boolean;
  /** Verdicts that the series and rule had before: applied again where they have more, it changes nothing. */
  readonly before: number;
}

/**
 * Processing the records offset <= o < to threw: written beside any commit, when the run that it ended is over. It changes
 * no state; whoever runs the partition next knows how often a record has crashed.
 */
export interface CrashRecord extends Place {
  readonly type: 'crash';
  readonly to: number;
  /** Name and message of what was thrown. */
  readonly error: string;
}

/** The records offset <= o < to were gone from the log, and the user went on without them. */
export interface GapRecord extends Place {
  readonly type: 'gap';
  readonly to: number;
}

/**
 * What a model said of the values of the records from <= o < offset, and of the windows that they, or a closing before
 * them, have closed. Absent where it was not asked.
 */
export interface ScoresRecord extends Place {
  readonly type: 'scores';
  readonly from: number;
  /** Scores of one commit come in parts, counted from 0. */
  readonly part: number;
  /** How many scores the partition had before these: a state knows which of them it has. */
  readonly first: number;
  readonly models: readonly ModelName[];
  /** Base64: which of the models, a byte each; absent where there is one. */
  readonly by?: string;
  /** Base64: the offset of the record at which each was asked, as differences in zigzag varints; the first to `from`. */
  readonly offsets: string;
  /** Base64 of little-endian float32, one an offset; NaN where the detector was left alone. */
  readonly scores: string;
}

/**
 * From about this offset on the model `uri` is asked: each score says by itself which model gave it. Holds for a start as
 * long as the configuration names the model that it named then.
 */
export interface ModelRecord extends Place {
  readonly type: 'model';
  readonly uri: string;
  readonly model: ModelName;
  /** score.model.uri. */
  readonly configured: string;
  /** Whose command it was, or why it came by itself. */
  readonly reason: string;
}

/** What changes the state at an offset. */
export type EffectRecord = IdleRecord | CloseRecord | PoisonRecord | FeedbackRecord;

/** A record as it stands in the journal. */
export type JournalEntry = JournalRecord & {
  /** Its own offset in the journal's partition. */
  readonly at: number;
  /** Epoch milliseconds at which it was written. */
  readonly writtenMs: number;
};

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A record that waits for the next commit, which knows the generation. */
export type JournalDraft = Without<JournalRecord, Exclude<keyof Place, 'offset'>>;

/** Field names and JSON types of each kind; what ends in ? may be absent. */
const PLACE = { topic: 'string', partition: 'number', offset: 'number', generation: 'number', member: 'string' };
const SNAPSHOT = { name: 'string', sha256: 'string', checkpoint: 'string', 'savepoint?': 'string' };
const KINDS: Readonly<Record<JournalRecord['type'], Readonly<Record<string, string>>>> = {
  owner: { definition: 'string', version: 'string', 'start?': 'number', 'live?': 'number', 'reset?': 'boolean' },
  snapshot: { ...SNAPSHOT, journal: 'number' },
  restore: SNAPSHOT,
  idle: { watermark: 'number' },
  close: { watermark: 'number' },
  control: { command: 'string', 'id?': 'string' },
  feedback: {
    ...{ alert: 'string', rule: 'string', series: 'string', time: 'number' },
    ...{ verdict: 'boolean', before: 'number' },
  },
  poison: { to: 'number', reason: 'string' },
  crash: { to: 'number', error: 'string' },
  gap: { to: 'number' },
  scores: {
    ...{ from: 'number', part: 'number', first: 'number', models: 'object' },
    ...{ 'by?': 'string', offsets: 'string', scores: 'string' },
  },
  model: { uri: 'string', model: 'object', configured: 'string', reason: 'string' },
};

const SUFFIX = '.journal';
const TOPIC_CHARACTERS_MAX = 249;

/**
 * The topic that holds the journal of a group: <pipeline>.journal where the group bears the pipeline's name. What cannot
 * stand in the name of a topic is left out, and a digest of the group's name told in its place.
 */
export function journalTopic(groupId: string): string {
  const plain = groupId.replace(/[^a-zA-Z0-9._-]+/g, '_').slice(0, TOPIC_CHARACTERS_MAX - SUFFIX.length);
  if (plain === groupId) return groupId + SUFFIX;
  const digest = createHash('sha256').update(groupId).digest('hex').slice(0, 8);
  return `${plain.slice(0, TOPIC_CHARACTERS_MAX - SUFFIX.length - 9)}-${digest}${SUFFIX}`;
}

export function encodeJournalRecord(record: JournalRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}

/**
 * Reads a journal record; null where it is of a type that this version does not know.
 *
 * @param place topic, partition and offset of the record, for messages
 * @throws ANM_JOURNAL_CORRUPT
 */
export function decodeJournalRecord(bytes: Uint8Array, place: string): JournalRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw corrupt(place, 'it is not JSON', cause);
  }
  if (typeof value !== 'object' || value === null) throw corrupt(place, 'it is no JSON object');
  const record = value as Record<string, unknown>;
  const { type } = record;
  if (typeof type !== 'string') throw corrupt(place, 'it has no type');
  if (!Object.hasOwn(KINDS, type)) return null;
  for (const [field, kind] of Object.entries({ ...PLACE, ...KINDS[type as JournalRecord['type']] })) {
    const name = field.replace('?', '');
    if (field.endsWith('?') && record[name] === undefined) continue;
    // JSON.stringify makes null of an infinite watermark, which none of ours has.
    if (typeof record[name] !== kind) throw corrupt(place, `${name} of its ${type} is no ${kind}`);
  }
  return record as unknown as JournalRecord;
}

function corrupt(place: string, reason: string, cause?: unknown): AnomalyError {
  return new AnomalyError('ANM_JOURNAL_CORRUPT', `cannot use the journal record at ${place} as ${reason}`, {
    ...(cause !== undefined && { cause }),
    details: { place },
  });
}
