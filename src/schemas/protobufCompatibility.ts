import { type Incompatibility, PLAIN_SIDES, type SideNames } from './incompatibility.ts';
import type { ProtobufField, ProtobufFile, ProtobufMessage, ProtobufType } from './protobufModel.ts';

/**
 * Every reason why `reader` cannot read what `writer` wrote, by the rules and under the names of Redpanda: messages
 * match by full name, fields by number, and scalars have to keep their encoding (int32, uint64, bool and enums are one,
 * sint32 and sint64 another, string and bytes a third). Labels (repeated), names of fields and services are not compared.
 */
export function findProtobufIncompatibilities(
  reader: ProtobufFile,
  writer: ProtobufFile,
  names: SideNames = PLAIN_SIDES,
): Incompatibility[] {
  const comparison = new Comparison(names);
  const own = new Map(reader.messages.map((message) => [message.fullName, message]));
  for (const message of writer.messages) {
    comparison.compareNamed(own.get(message.fullName), message, { field: '', path: `#/${message.fullName}` });
  }
  comparison.finish();
  return comparison.found;
}

interface Place {
  readonly field: string;
  readonly path: string;
}

class Comparison {
  readonly found: Incompatibility[] = [];
  private readonly names: SideNames;
  private readonly seen = new Map<ProtobufMessage, Set<ProtobufMessage>>();
  /** Messages to compare: a queue, as a chain of messages may be longer than the stack. */
  private readonly waiting: { reader: ProtobufMessage; writer: ProtobufMessage; at: Place }[] = [];

  constructor(names: SideNames) {
    this.names = names;
  }

  compareNamed(reader: ProtobufMessage | undefined, writer: ProtobufMessage, at: Place): void {
    if (reader !== undefined) this.enqueue(reader, writer, at);
    else this.add('MESSAGE_REMOVED', at, `${this.names.reader} has no message ${writer.fullName}`);
  }

  finish(): void {
    for (const { reader, writer, at } of this.waiting) this.compareMessages(reader, writer, at);
  }

  private enqueue(reader: ProtobufMessage, writer: ProtobufMessage, at: Place): void {
    const writers = this.seen.get(reader) ?? new Set();
    this.seen.set(reader, writers);
    if (writers.has(writer)) return;
    writers.add(writer);
    this.waiting.push({ reader, writer, at });
  }

  private compareMessages(reader: ProtobufMessage, writer: ProtobufMessage, at: Place): void {
    const nested = new Map(reader.nested.map((message) => [message.name, message]));
    for (const message of writer.nested) {
      this.compareNamed(nested.get(message.name), message, { ...at, path: `${at.path}/${message.name}` });
    }
    this.compareOneofs(reader, writer, at);
    this.compareFields(reader, writer, at);
  }

  private compareOneofs(reader: ProtobufMessage, writer: ProtobufMessage, at: Place): void {
    for (const field of writer.fields.values()) {
      if (field.oneof === null || !reader.oneofs.has(field.oneof)) continue;
      if ((reader.fields.get(field.number)?.oneof ?? null) !== null) continue;
      const path = `${at.path}/${field.oneof}/${field.number}`;
      const message = `${this.names.reader} has oneof ${field.oneof} without it`;
      this.add('ONEOF_FIELD_REMOVED', { field: below(at.field, field.name), path }, message);
    }
    const movedInto = new Map<string, ProtobufField[]>();
    for (const field of reader.fields.values()) {
      if (field.oneof === null || writer.fields.get(field.number)?.oneof !== null) continue;
      const moved = movedInto.get(field.oneof) ?? [];
      movedInto.set(field.oneof, moved);
      moved.push(field);
    }
    for (const [oneof, moved] of movedInto) {
      if (moved.length < 2) continue;
      const list = moved.map(({ name }) => name).join(', ');
      const message = `${list} are in oneof ${oneof} of ${this.names.reader}, and in none of ${this.names.writer}`;
      this.add('MULTIPLE_FIELDS_MOVED_TO_ONEOF', { ...at, path: `${at.path}/${oneof}` }, message);
    }
  }

  private compareFields(reader: ProtobufMessage, writer: ProtobufMessage, at: Place): void {
    for (const old of writer.fields.values()) {
      const own = reader.fields.get(old.number);
      const place = { field: below(at.field, old.name), path: `${at.path}/${old.number}` };
      if (own !== undefined) this.compareTypes(own.type, old.type, place);
      else if (old.isRequired) this.add('REQUIRED_FIELD_REMOVED', place, `${this.names.reader} has no such field`);
    }
    for (const own of reader.fields.values()) {
      if (!own.isRequired || writer.fields.get(own.number)?.isRequired === true) continue;
      const place = { field: below(at.field, own.name), path: `${at.path}/${own.number}` };
      this.add('REQUIRED_FIELD_ADDED', place, `${this.names.reader} requires it, ${this.names.writer} does not`);
    }
  }

  private compareTypes(reader: ProtobufType, writer: ProtobufType, at: Place): void {
    if (reader.kind !== writer.kind) {
      const message = `it is ${label(reader)} in ${this.names.reader}, ${label(writer)} in ${this.names.writer}`;
      this.add('FIELD_KIND_CHANGED', at, message);
    } else if (reader.kind === 'message' && writer.kind === 'message') {
      if (reader.message.name === writer.message.name) this.enqueue(reader.message, writer.message, at);
      else this.changed('FIELD_NAMED_TYPE_CHANGED', reader, writer, at);
    } else if (reader.kind === 'scalar' && writer.kind === 'scalar') {
      if (reader.encoding !== writer.encoding) this.changed('FIELD_SCALAR_KIND_CHANGED', reader, writer, at);
    } else if (reader.kind === 'map' && writer.kind === 'map') {
      this.compareTypes(reader.key, writer.key, at);
      this.compareTypes(reader.value, writer.value, at);
    }
  }

  private changed(rule: string, reader: ProtobufType, writer: ProtobufType, at: Place): void {
    this.add(
      rule,
      at,
      `${label(writer)} of ${this.names.writer} cannot be read as ${label(reader)} of ${this.names.reader}`,
    );
  }

  private add(rule: string, { field, path }: Place, message: string): void {
    this.found.push({ rule, field, path, message });
  }
}

function below(field: string, name: string): string {
  return field === '' ? name : `${field}.${name}`;
}

function label(type: ProtobufType): string {
  if (type.kind === 'message') return `message ${type.message.fullName}`;
  return type.kind === 'map' ? 'a map' : type.name;
}
