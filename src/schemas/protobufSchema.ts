import { AnomalyError } from '../errors.ts';
import type { ParsedSchema, ReferencedSchema } from './parsedSchema.ts';
import {
  type ProtobufField,
  type ProtobufFile,
  type ProtobufMessage,
  type ProtobufType,
  SCALAR_ENCODINGS,
} from './protobufModel.ts';
import { parseProtobuf } from './protobufParser.ts';
import type { FieldSyntax, FileSyntax, MessageSyntax, TypeUse } from './protobufSyntax.ts';
import { WELL_KNOWN_ENUMS, WELL_KNOWN_FILES } from './protobufWellKnown.ts';

const OWN_FILE = 'the schema';
const KEY_TYPES = new Set(Object.keys(SCALAR_ENCODINGS).filter((name) => !['float', 'double', 'bytes'].includes(name)));

/**
 * Reads a .proto file. Imports are those of Google's well-known types and the names of the references. Serialized
 * descriptors (base64), which Redpanda takes as well, are refused. An own parser, since protobufjs takes minutes for a
 * hostile file of 256 KB.
 */
export function parseProtobufSchema(text: string, referenced: readonly ReferencedSchema[]): ParsedSchema {
  if (/^[A-Za-z0-9+/]{20,}={0,2}$/.test(text.trim())) {
    throw new AnomalyError(
      'ANM_SCHEMA_INVALID',
      'invalid Protobuf schema: it is a serialized descriptor (base64); only the text of a .proto file is supported',
    );
  }
  const types = new TypeTable();
  for (const file of new Map(referenced.map((each) => [each.name, each])).values()) {
    types.add(parseProtobuf(file.text, file.name), file.name);
  }
  const own = parseProtobuf(text, OWN_FILE);
  const messages = types.add(own, OWN_FILE);
  types.resolve();
  return { type: 'PROTOBUF', root: { messages } satisfies ProtobufFile, text: text.trim(), normalText: plain(text) };
}

interface Pending {
  readonly syntax: MessageSyntax;
  readonly message: ProtobufMessage;
  readonly file: string;
}

/** All types by full name; fields get their types when all files are there. */
class TypeTable {
  private readonly types = new Map<string, ProtobufMessage | 'enum'>();
  private readonly files = new Set<string>();
  private readonly pending: Pending[] = [];
  private readonly uses: { readonly use: TypeUse; readonly scope: string; readonly file: string }[] = [];

  /** The messages at the top level of the file. */
  add(syntax: FileSyntax, file: string): ProtobufMessage[] {
    this.files.add(file);
    for (const path of syntax.imports) this.addImport(path, file);
    for (const { name } of syntax.enums) this.declare(join(syntax.package, name), 'enum', file);
    for (const use of syntax.uses) this.uses.push({ use, scope: syntax.package, file });
    return syntax.messages.map((message) => this.addMessage(message, syntax.package, file));
  }

  resolve(): void {
    for (const { syntax, message, file } of this.pending) {
      for (const field of syntax.fields) message.fields.set(field.number, this.field(field, message.fullName, file));
    }
    for (const { use, scope, file } of this.uses) this.type(use.type, scope, use.line, file);
  }

  private addImport(path: string, file: string): void {
    if (this.files.has(path)) return;
    const names = Object.hasOwn(WELL_KNOWN_FILES, path) ? WELL_KNOWN_FILES[path]! : undefined;
    if (names === undefined) {
      const reason = `it imports '${path}', which is neither a reference nor a well-known file of Google's`;
      throw invalid(file, reason);
    }
    this.files.add(path);
    for (const name of names) {
      const fullName = `google.protobuf.${name}`;
      const message = { name, fullName, fields: new Map(), oneofs: new Set<string>(), nested: [] };
      this.types.set(fullName, WELL_KNOWN_ENUMS.has(name) ? 'enum' : message);
    }
  }

  private addMessage(syntax: MessageSyntax, scope: string, file: string): ProtobufMessage {
    const fullName = join(scope, syntax.name);
    const message: ProtobufMessage = {
      name: syntax.name,
      fullName,
      fields: new Map(),
      oneofs: new Set(syntax.oneofs),
      nested: [],
    };
    this.declare(fullName, message, file);
    this.pending.push({ syntax, message, file });
    for (const { name } of syntax.enums) this.declare(join(fullName, name), 'enum', file);
    for (const use of syntax.uses) this.uses.push({ use, scope: fullName, file });
    for (const child of syntax.messages) {
      const nested = this.addMessage(child, fullName, file);
      // Groups are compared where their field is.
      if (!child.isGroup) message.nested.push(nested);
    }
    return message;
  }

  private declare(fullName: string, type: ProtobufMessage | 'enum', file: string): void {
    if (this.types.has(fullName)) throw invalid(file, `the type '${fullName}' is declared twice`);
    this.types.set(fullName, type);
  }

  private field(field: FieldSyntax, scope: string, file: string): ProtobufField {
    const { name, number, label, oneof, keyType, line } = field;
    const value = this.type(field.type, scope, line, file);
    if (keyType !== null && !KEY_TYPES.has(keyType)) {
      throw invalid(`${file}, line ${line}`, `a map cannot have keys of type ${keyType}`);
    }
    const type = keyType === null ? value : { kind: 'map' as const, key: this.type(keyType, scope, line, file), value };
    return { name, number, isRequired: label === 'required', oneof, type };
  }

  /** Names are looked up from the inside out. */
  private type(name: string, scope: string, line: number, file: string): ProtobufType {
    const encoding = Object.hasOwn(SCALAR_ENCODINGS, name) ? SCALAR_ENCODINGS[name] : undefined;
    if (encoding !== undefined) return { kind: 'scalar', name, encoding };
    for (let at = scope; ; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
      const found = this.types.get(name.startsWith('.') ? name.slice(1) : join(at, name));
      // An enum is written as an int32.
      if (found === 'enum') return { kind: 'scalar', name, encoding: 'varint' };
      if (found !== undefined) return { kind: 'message', message: found };
      if (at === '' || name.startsWith('.')) break;
    }
    throw invalid(`${file}, line ${line}`, `the type '${name}' is not defined`);
  }
}

/** The text without comments, and with one space for each white space. */
function plain(text: string): string {
  return text
    .replace(
      /"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|'[^'\\\n]*(?:\\[^\n][^'\\\n]*)*'|\/\/[^\n]*|\/\*[^*]*(?:\*(?!\/)[^*]*)*\*\/|\s+/g,
      (piece) => (piece.startsWith('"') || piece.startsWith("'") ? piece : ' '),
    )
    .replace(/ {2,}/g, ' ')
    .trim();
}

function join(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}

function invalid(place: string, reason: string): AnomalyError {
  return new AnomalyError('ANM_SCHEMA_INVALID', `invalid Protobuf schema at ${place}: ${reason}`);
}
