import { checkEnum, checkMessage } from './protobufChecks.ts';
import { takeFieldOptions, takeOption, takeValue } from './protobufOptions.ts';
import type { EnumSyntax, FieldSyntax, FileSyntax, MessageSyntax, TypeUse } from './protobufSyntax.ts';
import { Tokens } from './protobufTokens.ts';

/** Messages inside messages. */
const MAX_DEPTH = 64;
const MAX_PACKAGE_PARTS = 50;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;
const MAX_ENUM_NUMBER = 2 ** 31 - 1;

/**
 * Reads a .proto file: proto2, proto3 and editions. Options are read and forgotten: whether they exist is not checked.
 * Source: protobuf.dev, "Protocol Buffers Language Specification" of proto2, proto3 and edition 2023.
 * @throws AnomalyError ANM_SCHEMA_INVALID with the line
 */
export function parseProtobuf(text: string, file: string): FileSyntax {
  return new Parser(text, file).file();
}

class Parser {
  private readonly tokens: Tokens;
  private syntax: FileSyntax['syntax'] = 'proto2';
  private readonly uses: TypeUse[] = [];

  constructor(text: string, file: string) {
    this.tokens = new Tokens(text, file);
  }

  file(): FileSyntax {
    const { tokens } = this;
    this.readSyntax();
    const imports: string[] = [];
    const messages: MessageSyntax[] = [];
    const enums: EnumSyntax[] = [];
    let name = '';
    while (tokens.next.kind !== 'end') {
      if (tokens.skip(';')) continue;
      if (tokens.skip('import')) imports.push(this.importPath());
      else if (tokens.skip('package')) name = this.packageName(name);
      else if (tokens.skip('option')) takeOption(this.tokens);
      else if (tokens.skip('message')) messages.push(this.message(0));
      else if (tokens.skip('enum')) enums.push(this.enumeration());
      else if (tokens.skip('extend')) this.extend(messages, this.uses, 0);
      else if (tokens.skip('service')) this.service();
      else if (tokens.next.text === 'export' || tokens.next.text === 'local') tokens.take();
      else throw tokens.unexpected('a message, enum, service, import, package or option');
    }
    return { syntax: this.syntax, package: name, imports, messages, enums, uses: this.uses };
  }

  private readSyntax(): void {
    const { tokens } = this;
    const isEdition = tokens.skip('edition');
    if (!isEdition && !tokens.skip('syntax')) return;
    tokens.expect('=');
    const given = tokens.string();
    tokens.expect(';');
    if (isEdition && /^20\d\d$/.test(given)) this.syntax = 'editions';
    else if (!isEdition && (given === 'proto2' || given === 'proto3')) this.syntax = given;
    else throw tokens.failure(`the ${isEdition ? 'edition' : 'syntax'} "${given}" is not known`);
  }

  private importPath(): string {
    for (const word of ['public', 'weak', 'option']) if (this.tokens.skip(word)) break;
    const path = this.tokens.string();
    this.tokens.expect(';');
    return path;
  }

  private packageName(known: string): string {
    if (known !== '') throw this.tokens.failure('the package is named twice');
    const name = this.tokens.path();
    if (name.startsWith('.') || name.split('.').length > MAX_PACKAGE_PARTS) {
      throw this.tokens.failure(`a package name has from 1 to ${MAX_PACKAGE_PARTS} parts`);
    }
    this.tokens.expect(';');
    return name;
  }

  private message(depth: number): MessageSyntax {
    const { line } = this.tokens.next;
    return this.messageBody(this.tokens.name(), line, depth, false);
  }

  private messageBody(name: string, line: number, depth: number, isGroup: boolean): MessageSyntax {
    const { tokens } = this;
    if (depth > MAX_DEPTH) throw tokens.failure(`messages are nested more than ${MAX_DEPTH} deep`);
    const message: MessageSyntax = {
      name,
      line,
      fields: [],
      oneofs: [],
      messages: [],
      enums: [],
      uses: [],
      reserved: [],
      reservedNames: [],
      isGroup,
    };
    tokens.expect('{');
    while (!tokens.skip('}')) this.member(message, depth);
    checkMessage(message, tokens);
    return message;
  }

  /** A word that opens a statement can also be the name of a type: `message` is followed by a name, a type by two. */
  private member(message: MessageSyntax, depth: number): void {
    const { tokens } = this;
    if (tokens.skip(';')) return;
    if (tokens.skip('option')) takeOption(this.tokens);
    else if (tokens.skip('message')) message.messages.push(this.message(depth + 1));
    else if (tokens.skip('enum')) message.enums.push(this.enumeration());
    else if (tokens.skip('oneof')) this.oneof(message, depth);
    else if (tokens.skip('extensions')) this.fieldRanges(() => {});
    else if (tokens.skip('reserved')) this.reserved(message);
    else if (tokens.skip('extend')) this.extend(message.messages, message.uses, depth);
    else if (tokens.next.text === 'export' || tokens.next.text === 'local') tokens.take();
    else message.fields.push(this.field(message.messages, depth, null));
  }

  private oneof(message: MessageSyntax, depth: number): void {
    const { tokens } = this;
    const name = tokens.name();
    message.oneofs.push(name);
    tokens.expect('{');
    const before = message.fields.length;
    while (!tokens.skip('}')) {
      if (tokens.skip(';')) continue;
      if (tokens.skip('option')) takeOption(this.tokens);
      else message.fields.push(this.field(message.messages, depth, name));
    }
    if (message.fields.length === before) throw tokens.failure(`the oneof '${name}' has no field`);
  }

  /** Pushes the message of a group to `groups`. */
  private field(groups: MessageSyntax[], depth: number, oneof: string | null): FieldSyntax {
    const { tokens } = this;
    const { line } = tokens.next;
    const label = this.label(oneof);
    if (label === null && oneof === null && this.syntax === 'proto2' && tokens.next.text !== 'map') {
      throw tokens.unexpected("'required', 'optional' or 'repeated'");
    }
    let keyType: string | null = null;
    let type = tokens.path();
    const isGroup = type === 'group' && this.syntax === 'proto2';
    if (type === 'map' && tokens.skip('<')) {
      if (label !== null || oneof !== null) throw tokens.failure('a map has no label, and is in no oneof');
      keyType = tokens.path();
      tokens.expect(',');
      type = tokens.path();
      tokens.expect('>');
    }
    const name = tokens.name();
    tokens.expect('=');
    const number = tokens.integer();
    if (number < 1 || number > MAX_FIELD_NUMBER || (number >= 19_000 && number <= 19_999)) {
      throw tokens.failure(`the field '${name}' has the number ${number}, which is out of range or reserved`, line);
    }
    if (tokens.skip('[')) takeFieldOptions(this.tokens);
    if (isGroup) {
      groups.push(this.messageBody(name, line, depth + 1, true));
      return { name: name.toLowerCase(), number, line, label, oneof, type: name, keyType: null };
    }
    tokens.expect(';');
    return { name, number, line, label, oneof, type, keyType };
  }

  private label(oneof: string | null): FieldSyntax['label'] {
    const { text } = this.tokens.next;
    if (text !== 'required' && text !== 'optional' && text !== 'repeated') return null;
    if (oneof !== null) throw this.tokens.failure(`'${text}' cannot stand in a oneof`);
    if (text === 'required' && this.syntax !== 'proto2') {
      throw this.tokens.failure(`'required' is not part of ${this.syntax}`);
    }
    if (text === 'optional' && this.syntax === 'editions')
      throw this.tokens.failure("'optional' is not part of editions");
    this.tokens.take();
    return text;
  }

  private reserved(message: MessageSyntax): void {
    const { tokens } = this;
    if (tokens.next.kind === 'number') {
      this.fieldRanges((from, to) => message.reserved.push([from, to]));
      return;
    }
    do {
      message.reservedNames.push(tokens.next.kind === 'string' ? tokens.string() : tokens.name());
    } while (tokens.skip(','));
    tokens.expect(';');
  }

  private fieldRanges(add: (from: number, to: number) => void): void {
    this.ranges(MAX_FIELD_NUMBER, (from, to) => {
      if (from < 1) throw this.tokens.failure(`numbers of fields begin at 1, not at ${from}`);
      add(from, to);
    });
  }

  private ranges(max: number, add: (from: number, to: number) => void): void {
    const { tokens } = this;
    do {
      const from = tokens.integer();
      const to = tokens.skip('to') ? (tokens.skip('max') ? max : tokens.integer()) : from;
      if (to < from) throw tokens.failure(`the range from ${from} to ${to} is empty`);
      add(from, to);
    } while (tokens.skip(','));
    if (tokens.skip('[')) takeFieldOptions(this.tokens);
    tokens.expect(';');
  }

  private enumeration(): EnumSyntax {
    const { tokens } = this;
    const { line } = tokens.next;
    const name = tokens.name();
    const values: { name: string; number: number }[] = [];
    let allowsAlias = false;
    tokens.expect('{');
    while (!tokens.skip('}')) {
      if (tokens.skip(';')) continue;
      if (tokens.skip('option')) allowsAlias = takeOption(this.tokens) === 'allow_alias' || allowsAlias;
      else if (tokens.skip('reserved')) {
        if (tokens.next.kind === 'number' || tokens.next.text === '-') this.ranges(MAX_ENUM_NUMBER, () => {});
        else this.names();
      } else {
        const value = { name: tokens.name(), number: 0 };
        tokens.expect('=');
        value.number = tokens.integer();
        if (tokens.skip('[')) takeFieldOptions(this.tokens);
        tokens.expect(';');
        values.push(value);
      }
    }
    checkEnum({ name, line, values, allowsAlias, isOpen: this.syntax === 'proto3' }, tokens);
    return { name };
  }

  private names(): void {
    do {
      if (this.tokens.next.kind === 'string') this.tokens.string();
      else this.tokens.name();
    } while (this.tokens.skip(','));
    this.tokens.expect(';');
  }

  /** Extensions add fields to messages of others; their types have to exist, they themselves are not compared. */
  private extend(groups: MessageSyntax[], uses: TypeUse[], depth: number): void {
    const { tokens } = this;
    uses.push({ line: tokens.next.line, type: tokens.path() });
    tokens.expect('{');
    while (!tokens.skip('}')) {
      if (tokens.skip(';')) continue;
      const { type, line } = this.field(groups, depth, null);
      uses.push({ type, line });
    }
  }

  private service(): void {
    const { tokens } = this;
    tokens.name();
    tokens.expect('{');
    while (!tokens.skip('}')) {
      if (tokens.skip(';')) continue;
      if (tokens.skip('option')) {
        takeOption(this.tokens);
        continue;
      }
      tokens.expect('rpc');
      tokens.name();
      this.rpcType();
      tokens.expect('returns');
      this.rpcType();
      if (tokens.next.text === '{') takeValue(this.tokens, 0);
      else tokens.expect(';');
    }
  }

  private rpcType(): void {
    const { tokens } = this;
    tokens.expect('(');
    const { line } = tokens.next;
    const first = tokens.path();
    // A message may be called stream.
    const type = first === 'stream' && tokens.next.text !== ')' ? tokens.path() : first;
    tokens.expect(')');
    this.uses.push({ type, line });
  }
}
