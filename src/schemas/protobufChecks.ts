import type { MessageSyntax } from './protobufSyntax.ts';
import type { Tokens } from './protobufTokens.ts';

interface EnumParts {
  readonly name: string;
  readonly line: number;
  readonly values: readonly { readonly name: string; readonly number: number }[];
  readonly allowsAlias: boolean;
  /** In proto3 the first value is the default, and has to be 0. */
  readonly isOpen: boolean;
}

/** Numbers and names that occur twice, or are reserved. @throws AnomalyError ANM_SCHEMA_INVALID */
export function checkMessage(message: MessageSyntax, tokens: Tokens): void {
  const { name, fields, oneofs, messages, enums, line } = message;
  const numbers = new Set<number>();
  const names = new Set<string>(message.oneofs);
  if (names.size < oneofs.length) throw tokens.failure(`message ${name} has two oneofs of one name`, line);
  for (const each of [...messages.filter(({ isGroup }) => !isGroup), ...enums]) {
    if (names.has(each.name)) throw tokens.failure(`message ${name} declares '${each.name}' twice`, line);
    names.add(each.name);
  }
  const reservedNames = new Set(message.reservedNames);
  for (const field of fields) {
    if (numbers.has(field.number)) {
      throw tokens.failure(`message ${name} has two fields with the number ${field.number}`, field.line);
    }
    if (names.has(field.name)) throw tokens.failure(`message ${name} declares '${field.name}' twice`, field.line);
    if (reservedNames.has(field.name)) throw tokens.failure(`the name '${field.name}' is reserved`, field.line);
    numbers.add(field.number);
    names.add(field.name);
  }
  checkReserved(message, tokens);
}

function checkReserved({ reserved, fields }: MessageSyntax, tokens: Tokens): void {
  const ranges = [...reserved].sort((left, right) => left[0] - right[0]);
  const byNumber = [...fields].sort((left, right) => left.number - right.number);
  let at = 0;
  for (const field of byNumber) {
    while (at < ranges.length && ranges[at]![1] < field.number) at++;
    const range = ranges[at];
    if (range !== undefined && range[0] <= field.number) {
      throw tokens.failure(`the number ${field.number} of field '${field.name}' is reserved`, field.line);
    }
  }
}

export function checkEnum({ name, line, values, allowsAlias, isOpen }: EnumParts, tokens: Tokens): void {
  if (values.length === 0) throw tokens.failure(`enum ${name} has no value`, line);
  if (isOpen && values[0]!.number !== 0) {
    throw tokens.failure(`the first value of enum ${name} is ${values[0]!.number}, not 0, as proto3 wants it`, line);
  }
  if (new Set(values.map((value) => value.name)).size < values.length) {
    throw tokens.failure(`enum ${name} has two values of one name`, line);
  }
  if (!allowsAlias && new Set(values.map((value) => value.number)).size < values.length) {
    throw tokens.failure(`enum ${name} has two values of one number, and no allow_alias`, line);
  }
  if (values.some(({ number }) => number < -(2 ** 31) || number > 2 ** 31 - 1)) {
    throw tokens.failure(`enum ${name} has a value beyond 32 bits`, line);
  }
}
