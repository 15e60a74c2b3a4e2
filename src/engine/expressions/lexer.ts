import { expressionError } from './expressionError.ts';

export interface Token {
  /** name: an identifier; quoted: one in backticks; symbol: an operator, parenthesis or comma; end: after the last. */
  readonly kind: 'number' | 'text' | 'name' | 'quoted' | 'symbol' | 'end';
  readonly at: number;
  /** Of a text or quoted name without its quotes; of a name as it is written. */
  readonly text: string;
}

const SPACE = /\s+/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
/** Dots belong to names, as in w5m.mean. */
const NAME = /[A-Za-z_]\w*(?:\.\w+)*/y;
const SYMBOL = /==|!=|<=|>=|[-+*/%<>~(),]/y;

/** How a sign of another language is written here. */
const INSTEAD: readonly (readonly [string, string])[] = [
  ['&&', 'and'],
  ['||', 'or'],
  ['<>', '!='],
  ['!', 'not'],
  ['=', '=='],
];

/** @throws ANM_CONFIG at a character that begins nothing, or a quote that does not end */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  while (at < text.length) {
    const space = take(SPACE);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const token = quotedToken(text, at) ?? plainToken(at, take);
    if (token === undefined) throw noToken(text, at);
    tokens.push(token.token);
    at = token.end;
  }
  tokens.push({ kind: 'end', at, text: '' });
  return tokens;
}

function plainToken(at: number, take: (pattern: RegExp) => string | undefined): Taken | undefined {
  for (const [kind, pattern] of PLAIN) {
    const found = take(pattern);
    if (found !== undefined) return { token: { kind, at, text: found }, end: at + found.length };
  }
  return undefined;
}

interface Taken {
  readonly token: Token;
  readonly end: number;
}

const PLAIN: readonly (readonly [Token['kind'], RegExp])[] = [
  ['number', NUMBER],
  ['name', NAME],
  ['symbol', SYMBOL],
];

/** 'text', "text" or `name`; a quote inside is written twice. */
function quotedToken(text: string, at: number): Taken | undefined {
  const quote = text[at]!;
  if (quote !== "'" && quote !== '"' && quote !== '`') return undefined;
  const end = quotedEnd(text, at);
  if (end < 0) throw expressionError(text, at, `the ${quote} here has no other one behind it`);
  const inner = text.slice(at + 1, end - 1).replaceAll(quote + quote, quote);
  const isName = quote === '`';
  if (isName && inner === '') throw expressionError(text, at, 'a name between `` is empty');
  return { token: { kind: isName ? 'quoted' : 'text', at, text: inner }, end };
}

/** Index behind the quote that ends what begins at `at`; -1 where none does. */
function quotedEnd(text: string, at: number): number {
  const quote = text[at]!;
  let end = at + 1;
  for (;;) {
    end = text.indexOf(quote, end);
    if (end < 0) return -1;
    if (text[end + 1] !== quote) return end + 1;
    end += 2;
  }
}

function noToken(text: string, at: number): Error {
  const other = INSTEAD.find(([sign]) => text.startsWith(sign, at));
  if (other !== undefined) return expressionError(text, at, `${other[0]} is no operator here: write ${other[1]}`);
  const sign = String.fromCodePoint(text.codePointAt(at)!);
  return expressionError(text, at, `${JSON.stringify(sign)} begins neither a value nor an operator`);
}
