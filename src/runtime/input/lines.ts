/**
 * The lines of a pipe between stages: NDJSON, told apart by `type`. Together they give a later stage the same bytes as
 * the partitions themselves, so that it comes to the same results; `value` and `key` are there to be read, too.
 *
 * - `source`, once a topic: how many partitions it has.
 * - `schema`, once a schema: the Avro schema that values name by its id.
 * - `record` and `window`: the data; `anomaly` from the last stage.
 */
export interface SourceLine {
  readonly type: 'source';
  readonly topic: string;
  readonly partitions: number;
}

export interface SchemaLine {
  readonly type: 'schema';
  readonly id: number;
  /** Text of the schema; null where the registry does not know the id. */
  readonly schema: string | null;
}

/** One record. It has `key` or `key_base64`, and `value`, `value_text` or `value_base64`. */
export interface RecordLine {
  readonly type: 'record';
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly record_time: number;
  /** UTF-8 text without a zero byte. */
  readonly key?: string | null;
  /** A key of other bytes. */
  readonly key_base64?: string;
  /** Where the value is Avro: the id of its schema. */
  readonly schema?: number;
  /** A JSON object, an Avro value in the form of avroJson.ts, or null for a tombstone. */
  readonly value?: unknown;
  /** Other text, such as a CSV row. */
  readonly value_text?: string;
  /** Bytes that none of the above gives back, a malformed value included. */
  readonly value_base64?: string;
  /** Epoch ms; how far event time has come after it. */
  readonly watermark?: number;
}

export type Line = Record<string, unknown>;

/** Whether a value has the shape of schemas/window.avsc. */
export function isWindow(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return ['series', 'window', 'field', 'start', 'end', 'record_time'].every((name) => name in value);
}

/** A line of the input of a stage, with its number in it. */
export interface NumberedLine {
  readonly number: number;
  /** Absent where it cannot be read. */
  readonly value?: Line;
  /** Why it cannot. */
  readonly fault?: string;
}
