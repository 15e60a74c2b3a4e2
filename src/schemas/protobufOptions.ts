import type { Tokens } from './protobufTokens.ts';

/** Values inside values. */
const MAX_DEPTH = 64;

/** Takes `name = value;` after the word option; the result is the name. */
export function takeOption(tokens: Tokens): string {
  const name = optionName(tokens);
  tokens.expect('=');
  takeValue(tokens, 0);
  tokens.expect(';');
  return name;
}

/** Takes `name = value, ...]` after the opening bracket. */
export function takeFieldOptions(tokens: Tokens): void {
  do {
    optionName(tokens);
    tokens.expect('=');
    takeValue(tokens, 0);
  } while (tokens.skip(','));
  tokens.expect(']');
}

function optionName(tokens: Tokens): string {
  let name = '';
  do {
    if (tokens.skip('(')) {
      name += `(${tokens.path()})`;
      tokens.expect(')');
    } else name += tokens.path();
    // A dot after a bracket belongs to the word that follows.
  } while (tokens.next.kind === 'word');
  return name;
}

/** Takes a scalar, or anything between brackets. */
export function takeValue(tokens: Tokens, depth: number): void {
  if (depth > MAX_DEPTH) throw tokens.failure(`values are nested more than ${MAX_DEPTH} deep`);
  for (const [open, close] of [
    ['{', '}'],
    ['[', ']'],
    ['<', '>'],
  ] as const) {
    if (!tokens.skip(open)) continue;
    while (!tokens.skip(close)) {
      if (tokens.next.kind === 'end') throw tokens.unexpected(`'${close}'`);
      takeValue(tokens, depth + 1);
    }
    return;
  }
  if (tokens.next.kind === 'string') tokens.string();
  else if (tokens.skip('-') || tokens.skip('+')) takeValue(tokens, depth + 1);
  else if (tokens.next.kind === 'word' || tokens.next.kind === 'number') tokens.take();
  else if (depth > 0 && /^[:,;=/()]$/.test(tokens.next.text)) tokens.take();
  else throw tokens.unexpected('a value');
}
