import { type ByteReader, ByteWriter } from './bytes.ts';
import type { AnyField, Decoded, Encodable, Shape } from './schema.ts';

/**
 * The one encoder and decoder behind every table. A shape is reduced once per version to the fields which that version
 * carries; after that a message is a walk over them.
 *
 * Flexible versions (KIP-482): lengths are unsigned varints of length + 1 (0 = null), and each struct ends with a
 * section of tagged fields.
 */
interface Plan {
  readonly flexible: boolean;
  readonly fixed: readonly Step[];
  /** By ascending tag. */
  readonly tagged: readonly Step[];
  /** Fields that this version lacks, with what stands in for them. */
  readonly absent: readonly Step[];
}

interface Step {
  readonly name: string;
  readonly field: AnyField;
  readonly nullable: boolean;
  /** Plan of the struct, or of an array's element struct. */
  readonly inner: Plan | null;
  readonly element: Step | null;
}

type Message = Record<string, unknown>;

/** A shape together with the first version in which it is flexible. */
export class Codec<S extends Shape> {
  readonly shape: S;
  readonly flexibleSince: number;
  private readonly plans: Plan[] = [];

  constructor(shape: S, flexibleSince: number) {
    this.shape = shape;
    this.flexibleSince = flexibleSince;
  }

  isFlexible(version: number): boolean {
    return version >= this.flexibleSince;
  }

  /** Throws RangeError on a message that ends too early or has a length that cannot be. */
  decode(reader: ByteReader, version: number): Decoded<S> {
    return readStruct(reader, this.plan(version)) as Decoded<S>;
  }

  encode(writer: ByteWriter, version: number, message: Encodable<S>): void {
    writeStruct(writer, this.plan(version), message);
  }

  private plan(version: number): Plan {
    this.plans[version] ??= makePlan(this.shape, version, this.isFlexible(version));
    return this.plans[version];
  }
}

function makePlan(shape: Shape, version: number, flexible: boolean): Plan {
  const fixed: Step[] = [];
  const tagged: Step[] = [];
  const absent: Step[] = [];
  for (const [name, field] of Object.entries(shape)) {
    const step = makeStep(name, field, version, flexible);
    if (version < field.since || version > field.until) absent.push(step);
    else if (field.tag >= 0) tagged.push(step);
    else fixed.push(step);
  }
  tagged.sort((a, b) => a.field.tag - b.field.tag);
  return { flexible, fixed, tagged, absent };
}

function makeStep(name: string, field: AnyField, version: number, flexible: boolean): Step {
  return {
    name,
    field,
    nullable: version >= field.nullableSince || field.kind === 'records',
    inner: field.shape === undefined ? null : makePlan(field.shape, version, flexible),
    element: field.element === undefined ? null : makeStep(name, field.element, version, flexible),
  };
}

function readStruct(reader: ByteReader, plan: Plan): Message {
  const message: Message = {};
  for (const step of plan.fixed) message[step.name] = readValue(reader, step, plan.flexible);
  for (const step of plan.absent) message[step.name] = fallbackOf(step);
  for (const step of plan.tagged) message[step.name] = fallbackOf(step);
  if (plan.flexible) readTags(reader, plan, message);
  return message;
}

function readTags(reader: ByteReader, plan: Plan, message: Message): void {
  for (let count = reader.uvarint(); count > 0; count--) {
    const tag = reader.uvarint();
    const length = reader.uvarint();
    const end = reader.position + length;
    const step = plan.tagged.find((candidate) => candidate.field.tag === tag);
    if (step === undefined) reader.take(length);
    else message[step.name] = readValue(reader, step, true);
    if (reader.position !== end) throw new RangeError(`cannot read tag ${tag} as its length ${length} does not fit`);
  }
}

function readValue(reader: ByteReader, step: Step, flexible: boolean): unknown {
  switch (step.field.kind) {
    case 'bool':
      return reader.int8() !== 0;
    case 'int8':
      return reader.int8();
    case 'int16':
      return reader.int16();
    case 'int32':
      return reader.int32();
    case 'int64':
      return reader.int64();
    case 'float64':
      return reader.float64();
    case 'uuid':
      return reader.take(16).toString('hex');
    case 'string': {
      const length = flexible ? reader.uvarint() - 1 : reader.int16();
      return length < 0 ? nullOf(step) : reader.utf8(length);
    }
    case 'bytes':
    case 'records': {
      const length = flexible ? reader.uvarint() - 1 : reader.int32();
      return length < 0 ? nullOf(step) : reader.take(length);
    }
    case 'struct':
      return readStruct(reader, step.inner!);
    case 'array':
      return readArray(reader, step, flexible);
  }
}

function readArray(reader: ByteReader, step: Step, flexible: boolean): unknown[] | null {
  const count = flexible ? reader.uvarint() - 1 : reader.int32();
  if (count < 0) return nullOf(step) as unknown[] | null;
  // Each element takes a byte at the least: a larger count is no count, and would only burn memory.
  if (count > reader.remaining) throw new RangeError(`cannot read ${count} elements of ${step.name}`);
  reader.claim(count);
  const elements: unknown[] = [];
  for (let i = 0; i < count; i++) elements.push(readValue(reader, step.element!, flexible));
  return elements;
}

/** Null where it is allowed; else the fallback, as brokers take a null array or string where clients send one. */
function nullOf(step: Step): unknown {
  return step.nullable ? null : fallbackOf(step);
}

/** A list of its own for each message. */
function fallbackOf(step: Step): unknown {
  const { fallback } = step.field;
  return Array.isArray(fallback) ? [] : fallback;
}

function writeStruct(writer: ByteWriter, plan: Plan, message: Message): void {
  for (const step of plan.fixed) {
    const value = message[step.name];
    writeValue(writer, step, value === undefined ? step.field.fallback : value, plan.flexible);
  }
  if (!plan.flexible) return;
  const present = plan.tagged.filter((step) => message[step.name] !== undefined);
  writer.uvarint(present.length);
  for (const step of present) {
    // The length goes first, so the value is written aside; tags are rare and small.
    const aside = new ByteWriter();
    writeValue(aside, step, message[step.name], true);
    const value = aside.frame()[0]!.subarray(4);
    writer.uvarint(step.field.tag);
    writer.uvarint(value.length);
    writer.copy(value);
  }
}

function writeValue(writer: ByteWriter, step: Step, value: unknown, flexible: boolean): void {
  if (value === null) {
    if (!step.nullable) throw new TypeError(`cannot write null into ${step.name} as this version does not allow it`);
    writeLength(writer, -1, flexible, step.field.kind === 'string' ? 2 : 4);
    return;
  }
  switch (step.field.kind) {
    case 'bool':
      writer.int8(value === true ? 1 : 0);
      break;
    case 'int8':
      writer.int8(value as number);
      break;
    case 'int16':
      writer.int16(value as number);
      break;
    case 'int32':
      writer.int32(value as number);
      break;
    case 'int64':
      writer.int64(value as number);
      break;
    case 'float64':
      writer.float64(value as number);
      break;
    case 'uuid':
      writer.hex(value as string);
      break;
    case 'struct':
      writeStruct(writer, step.inner!, value as Message);
      break;
    case 'string':
      writeText(writer, value as string, flexible);
      break;
    case 'bytes':
      writeLength(writer, (value as Buffer).length, flexible, 4);
      writer.copy(value as Buffer);
      break;
    case 'records':
      writeRecords(writer, value as Buffer | readonly Buffer[], flexible);
      break;
    case 'array':
      writeLength(writer, (value as readonly unknown[]).length, flexible, 4);
      for (const element of value as readonly unknown[]) writeValue(writer, step.element!, element, flexible);
      break;
  }
}

function writeText(writer: ByteWriter, text: string, flexible: boolean): void {
  const length = Buffer.byteLength(text);
  writeLength(writer, length, flexible, 2);
  writer.utf8(text, length);
}

function writeRecords(writer: ByteWriter, value: Buffer | readonly Buffer[], flexible: boolean): void {
  const chunks = Buffer.isBuffer(value) ? [value] : value;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  writeLength(writer, length, flexible, 4);
  for (const chunk of chunks) writer.foreignChunk(chunk);
}

function writeLength(writer: ByteWriter, length: number, flexible: boolean, width: 2 | 4): void {
  if (flexible) writer.uvarint(length + 1);
  else if (width === 2) writer.int16(length);
  else writer.int32(length);
}
