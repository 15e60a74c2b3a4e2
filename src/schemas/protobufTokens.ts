import { AnomalyError } from '../errors.ts';

export interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'symbol' | 'end';
  /** A string without its quotes, escapes as they were written. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const SPACE = /\s+|\/\/[^\n]*|\/\*[^*]*(?:\*(?!\/)[^*]*)*\*\//y;
const WORD = /\.?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?/y;
const STRING = /"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|'[^'\\\n]*(?:\\[^\n][^'\\\n]*)*'/y;
const SYMBOL = /[{}[\]()<>;=,:+/-]/y;

/** The tokens of a .proto file, one ahead; each character is looked at a fixed number of times. */
export class Tokens {
  private readonly source: string;
  private readonly file: string;
  private position = 0;
  private line = 1;
  private ahead: Token;

  constructor(source: string, file: string) {
    this.source = source;
    this.file = file;
    this.ahead = this.read();
  }

  get next(): Token {
    return this.ahead;
  }

  take(): Token {
    const token = this.ahead;
    if (token.kind !== 'end') this.ahead = this.read();
    return token;
  }

  /** Takes the token if it is this one. */
  skip(text: string): boolean {
    if (this.ahead.text !== text || this.ahead.kind === 'string' || this.ahead.kind === 'end') return false;
    this.take();
    return true;
  }

  expect(text: string): void {
    if (!this.skip(text)) throw this.unexpected(`'${text}'`);
  }

  /** A name without dots. */
  name(): string {
    const { kind, text } = this.ahead;
    if (kind !== 'word' || text.includes('.')) throw this.unexpected('a name');
    return this.take().text;
  }

  /** A name with or without dots. */
  path(): string {
    if (this.ahead.kind !== 'word') throw this.unexpected('a name');
    return this.take().text;
  }

  string(): string {
    if (this.ahead.kind !== 'string') throw this.unexpected('a string');
    let text = this.take().text;
    // Strings beside each other are one.
    while (this.next.kind === 'string') text += this.take().text;
    return text;
  }

  integer(): number {
    const sign = this.skip('-') ? -1 : 1;
    const { kind, text } = this.ahead;
    const value = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
    if (kind !== 'number' || !Number.isSafeInteger(value)) throw this.unexpected('a whole number');
    this.take();
    return sign * value;
  }

  unexpected(wanted: string): AnomalyError {
    const { kind, text } = this.ahead;
    const found = kind === 'end' ? 'the end' : `'${text.length > 40 ? `${text.slice(0, 40)}...` : text}'`;
    return this.failure(`${found} where ${wanted} should stand`);
  }

  failure(reason: string, line = this.ahead.line): AnomalyError {
    return new AnomalyError('ANM_SCHEMA_INVALID', `invalid Protobuf schema at ${this.file}, line ${line}: ${reason}`);
  }

  private read(): Token {
    for (let space = this.match(SPACE); space !== null; space = this.match(SPACE)) {
      for (const character of space) if (character === '\n') this.line += 1;
    }
    const { line } = this;
    if (this.position >= this.source.length) return { kind: 'end', text: '', line };
    const word = this.match(WORD);
    if (word !== null) return { kind: 'word', text: word, line };
    const number = this.match(NUMBER);
    if (number !== null) return { kind: 'number', text: number, line };
    const string = this.match(STRING);
    if (string !== null) return { kind: 'string', text: string.slice(1, -1), line };
    const symbol = this.match(SYMBOL);
    if (symbol !== null) return { kind: 'symbol', text: symbol, line };
    const rest = this.source.slice(this.position, this.position + 20);
    throw this.failure(`cannot read ${JSON.stringify(rest)}`, line);
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.source);
    if (found === null) return null;
    this.position = pattern.lastIndex;
    return found[0];
  }
}
