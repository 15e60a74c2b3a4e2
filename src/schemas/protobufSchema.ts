import type protobufjs from 'protobufjs';
import { AnomalyError } from '../errors.ts';
import {
  type ProtobufField,
  type ProtobufFile,
  type ProtobufMessage,
  type ProtobufType,
  SCALAR_ENCODINGS,
} from './protobufModel.ts';
import type { ParsedSchema, ReferencedSchema, SchemaParser } from './schemaParser.ts';

/** The file that is being read, for messages and for `filename` of what it declares: missing in the library's types. */
type Library = typeof protobufjs & { parse: { filename: string | null } };

const OWN_FILE = 'the schema';
/** Messages inside messages; above it, what walks them could exhaust the stack. */
const MAX_DEPTH = 500;
/** Declares the options of options, which name no type of a field. */
const DESCRIPTOR = 'google/protobuf/descriptor.proto';

/**
 * Reads .proto files (proto2, proto3, editions) by protobufjs. Imports are those of Google's well-known types and the
 * names of the references. Serialized descriptors (base64), which Redpanda takes as well, are refused.
 */
export async function loadProtobufParser(): Promise<SchemaParser> {
  const library = (await import('protobufjs')).default as Library;
  return (text, referenced): ParsedSchema => {
    const root = readFile(library, text, referenced);
    return { type: 'PROTOBUF', root, text: text.trim(), normalText: withoutComments(text) };
  };
}

function readFile(library: Library, text: string, referenced: readonly ReferencedSchema[]): ProtobufFile {
  if (/^[A-Za-z0-9+/]{20,}={0,2}$/.test(text.trim())) {
    throw invalid('it is a serialized descriptor (base64); only the text of a .proto file is supported');
  }
  const root = new library.Root();
  const known = new Set<string>([DESCRIPTOR]);
  for (const file of referenced) {
    if (known.has(file.name)) continue;
    parseInto(library, root, file.name, file.text, known);
    known.add(file.name);
  }
  parseInto(library, root, OWN_FILE, text, known);
  try {
    root.resolveAll();
  } catch (cause) {
    throw invalid(reasonOf(cause), cause);
  }
  return new FileReader(library).read(root);
}

function parseInto(library: Library, root: protobufjs.Root, name: string, text: string, known: Set<string>): void {
  let imports: readonly string[];
  try {
    library.parse.filename = name;
    const parsed = library.parse(text, root, { keepCase: true, preferTrailingComment: false });
    imports = [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])];
  } catch (cause) {
    throw invalid(reasonOf(cause), cause);
  } finally {
    library.parse.filename = null;
  }
  for (const path of imports) {
    if (known.has(path)) continue;
    const bundled = library.common.get(path);
    if (bundled?.nested === undefined) {
      throw invalid(`it imports '${path}', which is neither a reference nor one of the bundled well-known types`);
    }
    known.add(path);
    root.addJSON(bundled.nested);
  }
}

/** From the library's objects to the model. */
class FileReader {
  private readonly library: Library;
  private readonly known = new Map<protobufjs.Type, ProtobufMessage>();

  constructor(library: Library) {
    this.library = library;
  }

  read(root: protobufjs.Root): ProtobufFile {
    const messages: ProtobufMessage[] = [];
    const visit = (namespace: protobufjs.NamespaceBase): void => {
      for (const child of namespace.nestedArray) {
        if (child instanceof this.library.Type) {
          if (child.filename === OWN_FILE) messages.push(this.message(child, 0));
        } else if (child instanceof this.library.Namespace) visit(child);
      }
    };
    visit(root);
    return { messages };
  }

  private message(type: protobufjs.Type, depth: number): ProtobufMessage {
    const known = this.known.get(type);
    if (known !== undefined) return known;
    if (depth > MAX_DEPTH) throw invalid(`messages are nested more than ${MAX_DEPTH} deep in ${type.fullName}`);
    const fullName = type.fullName.replace(/^\./, '');
    const oneofs = new Set(type.oneofsArray.filter((oneof) => !isOptional(oneof)).map((oneof) => oneof.name));
    const message: ProtobufMessage = { name: type.name, fullName, fields: new Map(), oneofs, nested: [] };
    this.known.set(type, message);
    for (const field of type.fieldsArray) message.fields.set(field.id, this.field(field, depth));
    for (const child of type.nestedArray) {
      // Groups are messages of a field, not of their own.
      if (child instanceof this.library.Type && (child as { group?: boolean }).group !== true)
        message.nested.push(this.message(child, depth + 1));
    }
    return message;
  }

  private field(field: protobufjs.Field, depth: number): ProtobufField {
    const oneof = field.partOf === null || isOptional(field.partOf) ? null : field.partOf.name;
    const type =
      field instanceof this.library.MapField
        ? { kind: 'map' as const, key: this.type(field.keyType, null, depth), value: this.valueType(field, depth) }
        : this.valueType(field, depth);
    return { name: field.name, number: field.id, isRequired: field.required, oneof, type };
  }

  private valueType(field: protobufjs.Field, depth: number): ProtobufType {
    return this.type(field.type, field.resolvedType, depth);
  }

  private type(name: string, resolved: protobufjs.ReflectionObject | null, depth: number): ProtobufType {
    if (resolved instanceof this.library.Type) return { kind: 'message', message: this.message(resolved, depth + 1) };
    // An enum is written as an int32.
    return { kind: 'scalar', name, encoding: resolved === null ? SCALAR_ENCODINGS[name]! : 'varint' };
  }
}

/** `optional` of proto3 is kept as a oneof of its one field. */
function isOptional(oneof: protobufjs.OneOf): boolean {
  const [field] = oneof.fieldsArray;
  return oneof.fieldsArray.length === 1 && field?.options?.['proto3_optional'] === true;
}

/** The text without comments, and with one space or none for each white space. */
function withoutComments(text: string): string {
  const pieces = text.replace(
    /"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*'|\/\/[^\n]*|\/\*[\s\S]*?\*\/|\s+/g,
    (piece) => (piece.startsWith('"') || piece.startsWith("'") ? piece : ' '),
  );
  return pieces.replace(/ +/g, ' ').trim();
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function invalid(reason: string, cause?: unknown): AnomalyError {
  return new AnomalyError('ANM_SCHEMA_INVALID', `invalid Protobuf schema: ${reason}`, { cause });
}
