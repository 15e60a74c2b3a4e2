import { AnomalyError } from '../errors.ts';
import { isSameType } from '../schemas/avroJson.ts';
import type { AvroNode } from '../schemas/avroNode.ts';
import type { ColumnType } from './columnStats.ts';
import type { FileSample, SampledColumn } from './fileSample.ts';
import { KEY_NAMES } from './keyNames.ts';
import type { TimeFormat } from './time/time.ts';
import { timestampUnit } from './time/typedTime.ts';

/** A column of the whole input, over all its files. */
export interface InputColumn {
  readonly name: string;
  /** Name in Avro: letters, digits and underscores. */
  readonly field: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Some rows of the samples lack a value, or some files the column. */
  readonly isSparse: boolean;
  /** Times need microseconds. */
  readonly micros: boolean;
  /** The type in Avro, without null, where every file that has the column has it so; absent: as `type` says. */
  readonly node?: AvroNode;
}

/** Where a file has the columns of the whole input. */
export interface FileColumns {
  /** Index in the file of each input column; -1 where the file lacks it. */
  readonly indexes: Int32Array;
  /** Format of each input column that is a time in this file. */
  readonly formats: readonly (TimeFormat | null)[];
}

/** The name of the column that holds the file's name when rows are keyed by file. */
export const SERIES_COLUMN = 'series';

/** The columns of all files together: a type that holds each file's, null where a file lacks a column. */
export function unifyColumns(samples: readonly FileSample[]): InputColumn[] {
  const found = new Map<string, SampledColumn[]>();
  for (const sample of samples) {
    for (const column of sample.columns) {
      const same = found.get(column.name);
      if (same === undefined) found.set(column.name, [column]);
      else same.push(column);
    }
  }
  const taken = new Set<string>();
  return [...found].map(([name, columns]) => {
    const type = columns.reduce<ColumnType | null>((all, column) => widen(all, column.type), null);
    const nullable =
      columns.length < samples.length || columns.some((column) => column.nullable || column.type === null);
    const isSparse =
      columns.length < samples.length ||
      columns.some((column) => (column.isSparse ?? column.nullable) || column.type === null);
    const micros = columns.some((column) => column.micros);
    const node = commonNode(
      columns,
      samples.some(({ typed }) => typed === null),
    );
    const base = { name, field: fieldName(name, taken), type: type ?? 'string', nullable, isSparse, micros };
    return node === undefined ? base : { ...base, node };
  });
}

/** Beside text files only types that text has too: their encoder knows no others. */
function commonNode(columns: readonly SampledColumn[], besideText: boolean): AvroNode | undefined {
  const node = columns[0]!.node;
  if (node === undefined || (besideText && !isPlain(node))) return undefined;
  return columns.every((column) => column.node !== undefined && isSameType(column.node, node)) ? node : undefined;
}

function isPlain(node: AvroNode): boolean {
  const unit = timestampUnit(node);
  if (unit !== null) return (unit === 'ms' || unit === 'us') && node.kind === 'long';
  if ('logical' in node && node.logical !== undefined) return false;
  return ['boolean', 'int', 'long', 'float', 'double', 'string'].includes(node.kind);
}

export function mapColumns(columns: readonly InputColumn[], sample: FileSample): FileColumns {
  const names = sample.columns.map((column) => column.name);
  const indexes = Int32Array.from(columns, (column) => names.indexOf(column.name));
  return { indexes, formats: Array.from(indexes, (index) => sample.columns[index]?.format ?? null) };
}

/** The column that most likely names the series: by its name, and of a type that can be a key; -1 for none. */
export function guessKeyColumn(columns: readonly InputColumn[]): number {
  const fits = (column: InputColumn): boolean =>
    !column.isSparse && (column.type === 'string' || column.type === 'long');
  const named = columns.findIndex((column) => KEY_NAMES.has(column.name.toLowerCase()) && fits(column));
  return named >= 0 ? named : columns.findIndex((column) => column.name.toLowerCase().endsWith('_id') && fits(column));
}

/** @throws ANM_USAGE */
export function columnNamed(columns: readonly InputColumn[], name: string, option: string): number {
  const index = columns.findIndex((column) => column.name === name || column.field === name);
  if (index >= 0) return index;
  throw new AnomalyError('ANM_USAGE', `${option} cannot be ${name} as no file has such a column`, {
    hint: `one of: ${columns.map((column) => column.name).join(', ')}`,
  });
}

function widen(a: ColumnType | null, b: ColumnType | null): ColumnType | null {
  if (a === null || a === b) return b;
  if (b === null) return a;
  const numbers = (a === 'long' || a === 'double') && (b === 'long' || b === 'double');
  return numbers ? 'double' : 'string';
}

/** The name with everything that Avro does not allow replaced by an underscore, told apart from those in `taken`. */
export function fieldName(name: string, taken: Set<string>): string {
  const cleaned = name.replace(/[^A-Za-z0-9_]/g, '_');
  const base = /^[A-Za-z_]/.test(cleaned) ? cleaned : `_${cleaned}`;
  let unique = base;
  for (let n = 2; taken.has(unique); n++) unique = `${base}_${n}`;
  taken.add(unique);
  return unique;
}
