import { AnomalyError } from '../../errors.ts';
import { isSameType } from '../../schemas/avroJson.ts';
import type { AvroNode, AvroRecord } from '../../schemas/avroNode.ts';
import { avroPlain } from '../../schemas/avroPlain.ts';
import { parseAvroSchema } from '../../schemas/avroSchema.ts';
import { AvroMisfit, type AvroWrite, avroWriter } from '../../schemas/avroWriter.ts';
import type { InputColumn } from '../columns.ts';
import type { FileSample } from '../fileSample.ts';
import { jsonText } from '../text/jsonText.ts';
import type { TimeFormat } from '../time/time.ts';
import { inUnit, timestampUnit } from '../time/typedTime.ts';
import { columnOfField } from '../typedFile.ts';
import { columnOf, NO_COLUMN, SERIES } from './avroPlan.ts';

/** How one field of a record is written from the values of one file. */
export interface ValueField {
  readonly name: string;
  /** Index of the column in the file; SERIES for the name of the series, NO_COLUMN where the file has none. */
  readonly column: number;
  /** Branch of null in the field's union, and of the value; -1 both where the field is no union, or one that `write` knows. */
  readonly nullBranch: number;
  readonly valueBranch: number;
  readonly write: AvroWrite;
  /** Of the event time: its value at another time. */
  readonly timeValue: ((timeMs: number) => unknown) | null;
  /** The event time is written so in any case: the file spells it in another way than the schema. */
  readonly isConvertedTime: boolean;
}

/** The record of a schema. @throws ANM_SCHEMA_INVALID, ANM_SCHEMA_UNSUPPORTED */
export function recordOf(schema: string): AvroRecord {
  const node = parseAvroSchema(schema);
  if (node.kind === 'record') return node;
  throw new AnomalyError('ANM_SCHEMA_UNSUPPORTED', `cannot write rows with a schema of type ${node.kind}`, {
    hint: 'give the schema of a record',
  });
}

/**
 * Matches the fields of a record with the columns of a file whose columns have types. @throws ANM_SCHEMA_UNSUPPORTED
 */
export function planValues(
  record: AvroRecord,
  columns: readonly InputColumn[],
  sample: FileSample,
  indexes: Int32Array,
  withSeries: boolean,
): ValueField[] {
  return record.fields.map(({ name, type }) => {
    const input = columnOf(name, columns, withSeries);
    const target = columnOfField(name, type);
    const nulls = branchesOf(type, target.node);
    const none = { name, ...nulls, timeValue: null, isConvertedTime: false };
    if (input === SERIES) return { ...none, column: SERIES, write: avroWriter(target.node) };
    const column = input === NO_COLUMN ? NO_COLUMN : indexes[input]!;
    if (column < 0) {
      if (target.nullable) return { ...none, column: NO_COLUMN, write: avroWriter(type) };
      throw unsupported(`cannot fill field ${name} as ${sample.file.name} has no such column and it is not nullable`);
    }
    const sampled = sample.columns[column]!;
    const isTime = column === sample.timeColumn;
    const unit = timestampUnit(target.node);
    const isConvertedTime = isTime && unit !== null && !isSameType(sampled.node!, target.node);
    const write = isConvertedTime ? avroWriter(target.node) : conversion(sampled.node!, target.node);
    if (write === null) {
      throw unsupported(`cannot fill field ${name} as ${sample.file.name} has another type there`);
    }
    const format: TimeFormat | undefined = unit === null ? sampled.format : { kind: 'epoch', unit };
    const timeValue = isTime && format !== undefined ? (timeMs: number) => timeAs(format, timeMs) : null;
    return { name, column, ...nulls, write, timeValue, isConvertedTime };
  });
}

/** Whether a schema that the topic has holds each column in its own type, and needs nothing else. */
export function fitsValues(schema: string, columns: readonly InputColumn[], withSeries: boolean): boolean {
  let record: AvroRecord;
  try {
    record = recordOf(schema);
  } catch (error) {
    // Why it does not fit is of no matter: the inferred one is registered then.
    if (error instanceof AnomalyError) return false;
    throw error;
  }
  const used = new Set<number>();
  const fits = record.fields.every(({ name, type }) => {
    const target = columnOfField(name, type);
    const index = columnOf(name, columns, withSeries);
    if (index === SERIES) return target.node.kind === 'string';
    if (index === NO_COLUMN) return target.nullable;
    used.add(index);
    const column = columns[index]!;
    return (target.nullable || !column.nullable) && holds(target.node, column);
  });
  return fits && used.size === columns.length;
}

/** Columns that a schema has no field for. */
export function valuesLeftOut(record: AvroRecord, columns: readonly InputColumn[], withSeries: boolean): string[] {
  const used = new Set(record.fields.map(({ name }) => columnOf(name, columns, withSeries)));
  return columns.filter((_, i) => !used.has(i)).map((column) => column.name);
}

function holds(target: AvroNode, column: InputColumn): boolean {
  if (column.node !== undefined) return isSameType(target, column.node);
  const unit = timestampUnit(target);
  if (column.type === 'time') return unit === 'us' || (unit === 'ms' && !column.micros);
  if ('logical' in target && target.logical !== undefined) return false;
  return target.kind === column.type || (column.type === 'long' && target.kind === 'double');
}

function branchesOf(type: AvroNode, value: AvroNode): { nullBranch: number; valueBranch: number } {
  // A union of several types is written by its own writer, which knows all of them.
  if (type.kind !== 'union' || value === type) return { nullBranch: -1, valueBranch: -1 };
  const nullBranch = type.branches.findIndex((branch) => branch.kind === 'null');
  return { nullBranch, valueBranch: type.branches.indexOf(value) };
}

const NUMBERS = new Set(['int', 'long', 'float', 'double']);

/** Writes values of one type as another one; null where that would change what they are. */
function conversion(source: AvroNode, target: AvroNode): AvroWrite | null {
  const write = avroWriter(target);
  if (isSameType(source, target)) return write;
  const sourceUnit = timestampUnit(source);
  const targetUnit = timestampUnit(target);
  if (sourceUnit !== null && targetUnit !== null) {
    const [from, to] = [NANOS[sourceUnit], NANOS[targetUnit]];
    return (out, value) => {
      const nanos = BigInt(value as number | bigint) * from;
      if (nanos % to !== 0n)
        throw new AvroMisfit(`is ${value} ${sourceUnit}, which is no whole number of ${targetUnit}`);
      write(out, nanos / to);
    };
  }
  if (target.kind === 'string' && target.logical === undefined) {
    return (out, value) => {
      const plain = avroPlain(source, value);
      write(out, typeof plain === 'string' ? plain : jsonText(plain));
    };
  }
  const isBare = !('logical' in target && target.logical !== undefined);
  const fromNumber = NUMBERS.has(source.kind) && !('logical' in source && source.logical !== undefined);
  if (fromNumber && NUMBERS.has(target.kind) && isBare && target.kind !== 'float') return write;
  return source.kind === 'string' && target.kind === 'enum' ? write : null;
}

const NANOS = { s: 10n ** 9n, ms: 10n ** 6n, us: 1000n, ns: 1n } as const;

function timeAs(format: TimeFormat, timeMs: number): unknown {
  if (format.kind === 'epoch') return inUnit(format.unit, timeMs);
  return new Date(Math.floor(timeMs)).toISOString();
}

function unsupported(message: string): AnomalyError {
  return new AnomalyError('ANM_SCHEMA_UNSUPPORTED', message, { hint: 'give another schema by --schema' });
}
