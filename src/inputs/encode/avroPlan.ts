import { AnomalyError } from '../../errors.ts';
import { schemaJson } from '../../schemas/avroJson.ts';
import { fieldName, type InputColumn, SERIES_COLUMN } from '../columns.ts';

/** How one field of a record is written. */
export type FieldKind =
  | 'long'
  | 'int'
  | 'double'
  | 'float'
  | 'boolean'
  | 'string'
  | 'bytes'
  | 'enum'
  | 'timeMillis'
  | 'timeMicros';

export interface PlannedField {
  readonly name: string;
  readonly kind: FieldKind;
  /** Index of the input column; SERIES for the file's series name; NO_COLUMN where no file has it. */
  readonly column: number;
  /** Branch of null in the field's union, and of the value; -1 both where the field is no union. */
  readonly nullBranch: number;
  readonly valueBranch: number;
  readonly symbols?: readonly string[];
}

export const SERIES = -2;
export const NO_COLUMN = -1;

/** Fields in schema order; null when the schema has a shape that only avsc writes, from JSON objects. */
export interface AvroPlan {
  readonly schema: string;
  readonly fields: readonly PlannedField[] | null;
}

type AvroType = string | { readonly [key: string]: unknown } | readonly AvroType[];
interface AvroField {
  readonly name: string;
  readonly type: AvroType;
}

/** The Avro schema of inferred columns, as JSON text. A column whose name Avro does not allow keeps it as `doc`. */
export function inferSchema(columns: readonly InputColumn[], topic: string, withSeries: boolean): string {
  const defined = new Set<string>();
  const fields = columns.map((column) => {
    const type = inferredType(column, defined);
    return {
      name: column.field,
      type,
      ...(Array.isArray(type) && type[0] === 'null' && { default: null }),
      ...(column.field !== column.name && { doc: column.name }),
    };
  });
  if (withSeries) fields.push({ name: seriesField(columns), type: 'string' });
  return JSON.stringify({ type: 'record', name: fieldName(topic, new Set()), fields });
}

/** Matches the fields of a record schema with the columns by name. @throws ANM_SCHEMA_UNSUPPORTED, ANM_SCHEMA_INVALID */
export function planAvro(schema: string, columns: readonly InputColumn[], withSeries: boolean): AvroPlan {
  const parsed = parseRecord(schema);
  const planned: PlannedField[] = [];
  for (const field of parsed) {
    const kind = planType(field.type);
    if (kind === null) return { schema, fields: null };
    planned.push({ name: field.name, column: columnOf(field.name, columns, withSeries), ...kind });
  }
  for (const { name, column, nullBranch } of planned) {
    if (column === NO_COLUMN && nullBranch < 0) {
      throw new AnomalyError(
        'ANM_SCHEMA_UNSUPPORTED',
        `cannot fill field ${name} as no file has such a column and it is not nullable`,
        {
          hint: `columns: ${columns.map((each) => each.name).join(', ')}`,
        },
      );
    }
  }
  return { schema, fields: planned };
}

/**
 * Whether inferred columns can be written with a schema that the topic has already: each column has a field that
 * holds its type, and each field a column or null. So loading a second file does not need a second schema.
 */
export function fitsSchema(schema: string, columns: readonly InputColumn[], withSeries: boolean): boolean {
  let plan: AvroPlan;
  try {
    plan = planAvro(schema, columns, withSeries);
  } catch (error) {
    // A schema that cannot be filled does not fit: why does not matter here, as the inferred one is registered then.
    if (error instanceof AnomalyError) return false;
    throw error;
  }
  const fields = plan.fields;
  if (fields === null) return false;
  const fits = columns.every((column, i) => {
    const field = fields.find((each) => each.column === i);
    return field !== undefined && holds(field, column);
  });
  return fits && (!withSeries || fields.some((field) => field.column === SERIES && field.kind === 'string'));
}

/** Columns that the plan leaves out: they are in the files but not in the schema. */
export function columnsLeftOut(plan: AvroPlan, columns: readonly InputColumn[]): string[] {
  const { fields } = plan;
  if (fields === null) return [];
  return columns.filter((_, i) => !fields.some((field) => field.column === i)).map((column) => column.name);
}

/** Name of the added field with the series, beside a column that may be called so already. */
export function seriesField(columns: readonly InputColumn[]): string {
  return columns.some((column) => column.field === SERIES_COLUMN) ? `${SERIES_COLUMN}_file` : SERIES_COLUMN;
}

function holds(field: PlannedField, column: InputColumn): boolean {
  if (column.nullable && field.nullBranch < 0) return false;
  switch (column.type) {
    case 'long':
      return field.kind === 'long' || field.kind === 'double';
    case 'time':
      return field.kind === 'timeMicros' || (field.kind === 'timeMillis' && !column.micros);
    default:
      return field.kind === column.type;
  }
}

/** The input column of a field, by name; SERIES or NO_COLUMN. */
export function columnOf(name: string, columns: readonly InputColumn[], withSeries: boolean): number {
  if (withSeries && name === seriesField(columns)) return SERIES;
  const exact = columns.findIndex((column) => column.name === name || column.field === name);
  if (exact >= 0) return exact;
  const lower = name.toLowerCase();
  return columns.findIndex((column) => column.field.toLowerCase() === lower);
}

/** Types that are named are written in full where they come first. */
function inferredType(column: InputColumn, defined: Set<string>): AvroType {
  const type = column.node === undefined ? avroType(column) : (schemaJson(column.node, defined) as AvroType);
  if (!column.nullable) return type;
  if (!Array.isArray(type)) return ['null', type];
  return type.includes('null') ? type : ['null', ...type];
}

function avroType({ type, micros }: InputColumn): AvroType {
  if (type !== 'time') return type;
  return { type: 'long', logicalType: micros ? 'timestamp-micros' : 'timestamp-millis' };
}

function parseRecord(schema: string): readonly AvroField[] {
  let parsed: { type?: unknown; fields?: unknown };
  try {
    parsed = JSON.parse(schema) as typeof parsed;
  } catch (error) {
    throw new AnomalyError(
      'ANM_SCHEMA_INVALID',
      `cannot read the schema as it is not JSON: ${(error as Error).message}`,
      { cause: error },
    );
  }
  if (parsed.type !== 'record' || !Array.isArray(parsed.fields)) {
    throw new AnomalyError(
      'ANM_SCHEMA_UNSUPPORTED',
      `cannot write rows with a schema of type ${JSON.stringify(parsed.type)}`,
      {
        hint: 'give the schema of a record',
      },
    );
  }
  return parsed.fields as AvroField[];
}

type PlannedType = Pick<PlannedField, 'kind' | 'nullBranch' | 'valueBranch' | 'symbols'>;

function planType(type: AvroType): PlannedType | null {
  if (Array.isArray(type)) {
    const nullBranch = type.indexOf('null');
    if (type.length !== 2 || nullBranch < 0) return null;
    const value = planType(type[1 - nullBranch]);
    return value === null || value.nullBranch >= 0 ? null : { ...value, nullBranch, valueBranch: 1 - nullBranch };
  }
  const plain = { nullBranch: -1, valueBranch: -1 };
  if (typeof type === 'string') return PRIMITIVES.has(type) ? { kind: type as FieldKind, ...plain } : null;
  const { type: base, logicalType, symbols } = type as { type?: unknown; logicalType?: unknown; symbols?: unknown };
  if (base === 'enum' && Array.isArray(symbols)) return { kind: 'enum', ...plain, symbols: symbols.map(String) };
  if (typeof base === 'object' && base !== null) return planType(base as AvroType);
  if (base === 'long' && typeof logicalType === 'string' && logicalType.endsWith('timestamp-millis'))
    return { kind: 'timeMillis', ...plain };
  if (base === 'long' && typeof logicalType === 'string' && logicalType.endsWith('timestamp-micros'))
    return { kind: 'timeMicros', ...plain };
  // A date, a time of day or a decimal would be written as the bare number, which is something else.
  if (logicalType !== undefined && logicalType !== 'uuid') return null;
  return typeof base === 'string' ? planType(base) : null;
}

const PRIMITIVES = new Set(['long', 'int', 'double', 'float', 'boolean', 'string', 'bytes']);
