import { KeyNode, type KeyPath } from '../encode/keyNode.ts';
import { ESCAPED, NESTED, QUOTED, type RowChunk, utf8Text } from '../rowChunk.ts';
import { CR, LF, lineTextEnd, nextLine, QUOTE, type RowScanner, type ScanFault, SPACE } from './rowScanner.ts';

/** Beyond this many names that the sample did not have, they are no longer remembered. */
const UNKNOWN_MAX = 64;
const BROKEN = -1;

/**
 * JSON Lines: one object a line. Members are found by path; objects inside objects are columns of their own, arrays
 * stay text. Values are not built: only their ranges are taken, and a line that is not valid JSON is bad.
 * Source: RFC 8259; https://jsonlines.org.
 */
export class JsonlScanner implements RowScanner {
  line: number;
  /** Names of members that are in no column: they are not sent. */
  readonly unknown: string[] = [];
  readonly #root: KeyNode;
  #chunk: RowChunk | null = null;
  #bytes: Uint8Array = new Uint8Array(0);
  #base = 0;
  #end = 0;
  /** Set by #string. */
  #escaped = false;

  constructor(paths: readonly KeyPath[], line: number) {
    this.#root = KeyNode.ofPaths(paths);
    this.line = line;
  }

  scan(pos: number, end: number, last: boolean, chunk: RowChunk, bad: ScanFault[]): number {
    const { bytes, columns } = chunk;
    this.#chunk = chunk;
    this.#bytes = bytes;
    let at = pos;
    while (chunk.count < chunk.capacity && at < end) {
      const next = nextLine(bytes, at, end);
      if (next === end && !last && bytes[end - 1] !== LF) return at;
      this.#end = lineTextEnd(bytes, at, next);
      const start = this.#skipSpace(at);
      if (start < this.#end) {
        this.#base = chunk.count * columns;
        chunk.fieldStart.fill(-1, this.#base, this.#base + columns);
        const after = bytes[start] === OPEN_BRACE ? this.#object(this.#root, start + 1) : BROKEN;
        if (after >= 0 && this.#skipSpace(after) === this.#end) {
          const row = chunk.count++;
          chunk.rowStart[row] = start;
          chunk.rowEnd[row] = after;
          chunk.lines[row] = this.line;
        } else {
          const reason = explain(utf8Text(bytes, start, this.#end));
          bad.push({ line: this.line, start: at, end: this.#end, reason });
        }
      }
      this.line++;
      at = next;
    }
    return at;
  }

  /** Reads members from after a brace; the result is the position after the closing one, or BROKEN. */
  #object(node: KeyNode, start: number): number {
    const bytes = this.#bytes;
    let at = this.#skipSpace(start);
    if (bytes[at] === CLOSE_BRACE && at < this.#end) return at + 1;
    for (;;) {
      if (at >= this.#end || bytes[at] !== QUOTE) return BROKEN;
      const nameEnd = this.#string(at + 1);
      if (nameEnd < 0) return BROKEN;
      const member = this.#member(node, at + 1, nameEnd);
      at = this.#skipSpace(nameEnd + 1);
      if (at >= this.#end || bytes[at] !== COLON) return BROKEN;
      at = this.#value(node, member, this.#skipSpace(at + 1));
      if (at < 0) return BROKEN;
      at = this.#skipSpace(at);
      if (at >= this.#end) return BROKEN;
      if (bytes[at] === CLOSE_BRACE) return at + 1;
      if (bytes[at] !== COMMA) return BROKEN;
      at = this.#skipSpace(at + 1);
    }
  }

  #member(node: KeyNode, start: number, end: number): number {
    let name = this.#bytes;
    let from = start;
    let to = end;
    if (this.#escaped) {
      name = Buffer.from(JSON.parse(`"${utf8Text(this.#bytes, start, end)}"`) as string);
      from = 0;
      to = name.length;
    }
    const found = node.find(name, from, to);
    if (found >= 0) return found;
    if (this.unknown.length >= UNKNOWN_MAX) return -1;
    const copy = Uint8Array.prototype.slice.call(name, from, to);
    node.ignore(copy);
    this.unknown.push(Buffer.from(copy).toString());
    return node.names.length - 1;
  }

  /** Takes the value at `at` for a member; the result is the position after it, or BROKEN. */
  #value(node: KeyNode, member: number, at: number): number {
    if (at >= this.#end) return BROKEN;
    const column = member < 0 ? -1 : node.columns[member]!;
    const code = this.#bytes[at]!;
    if (code === QUOTE) {
      const close = this.#string(at + 1);
      if (close < 0) return BROKEN;
      if (column >= 0) this.#take(column, at + 1, close, this.#escaped ? QUOTED | ESCAPED : QUOTED);
      return close + 1;
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      const child = member < 0 ? null : node.children[member]!;
      if (child !== null && code === OPEN_BRACE) return this.#object(child, at + 1);
      const after = this.#nested(at);
      if (after >= 0 && column >= 0) this.#take(column, at, after, NESTED);
      return after;
    }
    const after = code === MINUS || isDigit(code) ? this.#number(at) : this.#literal(at);
    if (after < 0 || column < 0) return after;
    // A later member of the same name replaces an earlier one, also by null.
    if (code === LOWER_N) this.#chunk!.fieldStart[this.#base + column] = -1;
    else this.#take(column, at, after, 0);
    return after;
  }

  #take(column: number, start: number, end: number, flags: number): void {
    const chunk = this.#chunk!;
    chunk.fieldStart[this.#base + column] = start;
    chunk.fieldEnd[this.#base + column] = end;
    chunk.fieldFlags[this.#base + column] = flags;
  }

  /** Position of the quote that closes the string whose text begins at `start`, or BROKEN. */
  #string(start: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let escaped = false;
    for (let at = start; at < end; at++) {
      const code = bytes[at]!;
      if (code === QUOTE) {
        this.#escaped = escaped;
        return escaped && !isJson(utf8Text(bytes, start - 1, at + 1)) ? BROKEN : at;
      }
      if (code === BACKSLASH) {
        escaped = true;
        at++;
      } else if (code < SPACE) return BROKEN;
    }
    return BROKEN;
  }

  #number(start: number): number {
    const bytes = this.#bytes;
    let at = bytes[start] === MINUS ? start + 1 : start;
    const whole = at;
    at = this.#digits(at);
    if (at === whole || (bytes[whole] === ZERO && at > whole + 1)) return BROKEN;
    if (at < this.#end && bytes[at] === POINT) {
      const fraction = at + 1;
      at = this.#digits(fraction);
      if (at === fraction) return BROKEN;
    }
    if (at < this.#end && (bytes[at] === LOWER_E || bytes[at] === UPPER_E)) {
      let exponent = at + 1;
      if (bytes[exponent] === MINUS || bytes[exponent] === PLUS) exponent++;
      at = this.#digits(exponent);
      if (at === exponent) return BROKEN;
    }
    return at;
  }

  #digits(start: number): number {
    let at = start;
    while (at < this.#end && isDigit(this.#bytes[at]!)) at++;
    return at;
  }

  #literal(at: number): number {
    for (const word of LITERALS) {
      if (this.#bytes[at] === word[0] && at + word.length <= this.#end) {
        for (let i = 1; i < word.length; i++) if (this.#bytes[at + i] !== word[i]) return BROKEN;
        return at + word.length;
      }
    }
    return BROKEN;
  }

  /** Skips an array, or an object that has no columns: finds its end by its brackets, then lets JSON.parse judge. */
  #nested(start: number): number {
    const bytes = this.#bytes;
    let depth = 0;
    for (let at = start; at < this.#end; at++) {
      const code = bytes[at]!;
      if (code === QUOTE) {
        at = this.#string(at + 1);
        if (at < 0) return BROKEN;
      } else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
      else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) {
        return isJson(utf8Text(bytes, start, at + 1)) ? at + 1 : BROKEN;
      }
    }
    return BROKEN;
  }

  #skipSpace(start: number): number {
    const bytes = this.#bytes;
    let at = start;
    while (at < this.#end && (bytes[at] === SPACE || bytes[at] === TAB || bytes[at] === CR)) at++;
    return at;
  }
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Why a line is no JSON object, in the words of JSON.parse. */
function explain(text: string): string {
  try {
    JSON.parse(text);
    return 'not a JSON object';
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
}

const LITERALS = ['true', 'false', 'null'].map((word) => Buffer.from(word));
const TAB = 9;
const PLUS = 43;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const UPPER_E = 69;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const LOWER_E = 101;
const LOWER_N = 110;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
