import type { AvroNode, AvroUnion } from '../schemas/avroNode.ts';
import type { Rows } from './rowChunk.ts';
import type { RowSource } from './rowSource.ts';
import type { TypedTime } from './time/typedTime.ts';

/** A file whose columns have types: Parquet, or an Avro container. */
export interface TypedFile {
  readonly columns: readonly TypedColumn[];
  /** Schema of the records as they stand in the file, where that is Avro. */
  readonly schema: string | null;
  /** `time` is the column with the event time; null for none. With `peek`, standard input can be read again. */
  open(time: TypedTime | null, onBadRow: TypedBadRow, peek: boolean): Promise<RowSource>;
}

/** A row without an event time: its place, why, and the row as JSON. */
export type TypedBadRow = (line: number, reason: string, raw: string) => void;

export interface TypedColumn {
  readonly name: string;
  /** Type of the values that are not null; a union only where there are several such types. */
  readonly node: AvroNode;
  readonly nullable: boolean;
}

/** Rows whose fields have values as `readAvro` gives them; text may also be UTF-8 bytes, a decimal its bare integer. */
export interface TypedRows extends Rows {
  /** Null for null. */
  value(row: number, column: number): unknown;
}

export function isTyped(rows: Rows): rows is TypedRows {
  return 'value' in rows;
}

/** The column that a field of a record stands for: null and one other type are a nullable column of that type. */
export function columnOfField(name: string, type: AvroNode): TypedColumn {
  if (type.kind !== 'union') return { name, node: type, nullable: type.kind === 'null' };
  const others = (type as AvroUnion).branches.filter((branch) => branch.kind !== 'null');
  const nullable = others.length < type.branches.length;
  return { name, node: others.length === 1 ? others[0]! : type, nullable };
}
