import type { FileMetaData, SchemaElement, SchemaTree } from 'hyparquet';
import type { AvroField, AvroLogical, AvroNode } from '../../schemas/avroNode.ts';
import { columnOfField, type TypedColumn } from '../typedFile.ts';

/** The columns of a Parquet file, and its metadata as the reader is to take them. */
export interface ParquetShape {
  readonly columns: readonly TypedColumn[];
  /** Without the annotations of values that would be changed: decimals to doubles, times to dates of milliseconds. */
  readonly metadata: FileMetaData;
}

/** A column that cannot be read: its path, and why. */
export class ParquetTypeError extends Error {}

const SIMPLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What the columns are in Avro. Source: Apache Parquet "Logical Types"; lists and maps are recognised as hyparquet puts
 * them together. @throws ParquetTypeError
 */
export function parquetShape(metadata: FileMetaData, tree: SchemaTree): ParquetShape {
  const kept = new Set<SchemaElement>();
  const columns = tree.children.map((child) => columnOfField(child.element.name, fieldNode(child, kept)));
  const schema = metadata.schema.map((element) => (kept.has(element) ? element : bare(element)));
  return { columns, metadata: { ...metadata, schema } };
}

/** Values as they are stored: integers, doubles and bytes. Groups keep what makes them lists and maps. */
function bare(element: SchemaElement): SchemaElement {
  if (element.num_children !== undefined && element.num_children > 0) return element;
  const { converted_type: _converted, logical_type: _logical, ...rest } = element;
  return rest;
}

/** The type of a group's child, by how often it may stand there. */
function fieldNode(child: SchemaTree, kept: Set<SchemaElement>): AvroNode {
  const node = valueNode(child, kept);
  const { repetition_type: repetition } = child.element;
  if (repetition === 'REPEATED') return { kind: 'array', items: node };
  return repetition === 'OPTIONAL' ? { kind: 'union', branches: [{ kind: 'null' }, node] } : node;
}

function valueNode(tree: SchemaTree, kept: Set<SchemaElement>): AvroNode {
  const { element, children } = tree;
  if (children.length === 0) return leafNode(tree, kept);
  if (element.logical_type?.type === 'VARIANT') throw new ParquetTypeError(`${pathText(tree)} is a VARIANT`);
  if (isList(tree)) {
    const repeated = children[0]!;
    // A list of the third level, as the format has it; or of the second, as old writers did.
    const items = repeated.children.length === 1 ? fieldNode(repeated.children[0]!, kept) : valueNode(repeated, kept);
    return { kind: 'array', items };
  }
  if (isMap(tree)) {
    const [key, value] = children[0]!.children;
    // The reader makes the keys names of an object: text, whatever they are.
    kept.add(key!.element);
    return { kind: 'map', values: fieldNode(value!, kept) };
  }
  const fields = children.map((child): AvroField => {
    const { name } = child.element;
    if (!SIMPLE_NAME.test(name)) {
      throw new ParquetTypeError(`${pathText(child)} is no name that Avro allows inside a column`);
    }
    return { name, aliases: [], type: fieldNode(child, kept), hasDefault: false };
  });
  return { kind: 'record', name: typeName(tree), aliases: [], fields };
}

function leafNode(tree: SchemaTree, kept: Set<SchemaElement>): AvroNode {
  const { element } = tree;
  switch (element.type) {
    case 'BOOLEAN':
      return { kind: 'boolean' };
    case 'INT32':
    case 'INT64':
      return integerNode(element, kept);
    case 'INT96':
      return { kind: 'long', logical: logicalOf('timestamp-nanos') };
    case 'FLOAT':
      return { kind: 'float' };
    case 'DOUBLE':
      return { kind: 'double' };
    case 'BYTE_ARRAY':
      return isDecimal(element) ? decimalNode(element) : { kind: isText(element) ? 'string' : 'bytes' };
    case 'FIXED_LEN_BYTE_ARRAY':
      return fixedNode(tree, kept);
    default:
      throw new ParquetTypeError(`${pathText(tree)} is of type ${element.type}`);
  }
}

function integerNode(element: SchemaElement, kept: Set<SchemaElement>): AvroNode {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (isDecimal(element)) return decimalNode(element);
  const kind = type === 'INT32' ? 'int' : 'long';
  if (logical?.type === 'TIMESTAMP' || converted?.startsWith('TIMESTAMP_')) {
    const unit = logical?.type === 'TIMESTAMP' ? logical.unit : converted!.slice('TIMESTAMP_'.length);
    const local = logical?.type === 'TIMESTAMP' && !logical.isAdjustedToUTC ? 'local-' : '';
    return { kind, logical: logicalOf(`${local}timestamp-${unit.toLowerCase()}`) };
  }
  if (logical?.type === 'TIME' || converted?.startsWith('TIME_')) {
    const unit = logical?.type === 'TIME' ? logical.unit : converted!.slice('TIME_'.length);
    // Avro has no time of day in nanoseconds: it stays the number.
    return unit === 'NANOS' ? { kind } : { kind, logical: logicalOf(`time-${unit.toLowerCase()}`) };
  }
  if (converted === 'DATE' || logical?.type === 'DATE') return { kind, logical: logicalOf('date') };
  const isUnsigned = converted?.startsWith('UINT_') || (logical?.type === 'INTEGER' && !logical.isSigned);
  if (!isUnsigned) return { kind };
  // The reader gives the upper half of the range as what it means; 64 unsigned bits are more than a long.
  kept.add(element);
  return kind === 'int' ? { kind: 'long' } : { kind: 'bytes', logical: { name: 'decimal', precision: 20, scale: 0 } };
}

function fixedNode(tree: SchemaTree, kept: Set<SchemaElement>): AvroNode {
  const { element } = tree;
  const { type_length: size = 0, converted_type: converted, logical_type: logical } = element;
  if (isDecimal(element)) return decimalNode(element);
  if (logical?.type === 'FLOAT16') {
    kept.add(element);
    return { kind: 'float' };
  }
  if (size < 1) throw new ParquetTypeError(`${pathText(tree)} is of fixed length ${size}`);
  const name = logical?.type === 'UUID' ? 'uuid' : converted === 'INTERVAL' ? 'duration' : null;
  const base = { kind: 'fixed', name: typeName(tree), aliases: [], sizeBytes: size } as const;
  return name === null ? base : { ...base, logical: logicalOf(name) };
}

function decimalNode({ precision, scale, logical_type: logical }: SchemaElement): AvroNode {
  const digits = logical?.type === 'DECIMAL' ? logical : { precision, scale };
  return { kind: 'bytes', logical: { name: 'decimal', precision: digits.precision ?? 38, scale: digits.scale ?? 0 } };
}

function isDecimal({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return converted === 'DECIMAL' || logical?.type === 'DECIMAL';
}

function isText({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  const name = logical?.type ?? converted;
  return name === 'STRING' || name === 'UTF8' || name === 'ENUM' || name === 'JSON';
}

function isList({ element, children }: SchemaTree): boolean {
  const [only, second] = children;
  if (element.converted_type !== 'LIST' || only === undefined || second !== undefined) return false;
  return only.children.length <= 1 && only.element.repetition_type === 'REPEATED';
}

function isMap({ element, children }: SchemaTree): boolean {
  const [only, second] = children;
  if (element.converted_type !== 'MAP' || only === undefined || second !== undefined) return false;
  const [key, value] = only.children;
  if (only.children.length !== 2 || only.element.repetition_type !== 'REPEATED') return false;
  return key!.element.name === 'key' && value!.element.name === 'value';
}

function logicalOf(name: string): AvroLogical {
  return { name, precision: 0, scale: 0 };
}

/** A name of its own for each named type: where it stands. */
function typeName(tree: SchemaTree): string {
  return `${tree.path
    .join('_')
    .replace(/[^A-Za-z0-9_]/g, '_')
    .replace(/^(?=\d)/, '_')}_type`;
}

function pathText(tree: SchemaTree): string {
  return tree.path.join('.');
}
