import { ESCAPED, QUOTED, type RowChunk } from '../rowChunk.ts';
import { CR, LF, lineTextEnd, nextLine, QUOTE, type RowScanner, type ScanFault, SPACE } from './rowScanner.ts';

/** Results of a quoted field beside a position. */
const INCOMPLETE = -1;
const BROKEN = -2;

/**
 * CSV as RFC 4180 has it, for any one-byte delimiter: CRLF or LF, quoted fields with `""` and line ends inside, blank
 * lines skipped. Spaces around a bare field are dropped. A quote inside a bare field is text. A row whose number of
 * fields differs from the header's, or whose quotes do not close, is bad, and reading goes on at the next line.
 */
export class CsvScanner implements RowScanner {
  line: number;
  readonly #delimiter: number;
  /** Result of #quoted: end of the text before the closing quote, and whether it holds `""`. */
  #textEnd = 0;
  #escaped = false;
  #sawQuotes = false;
  #fault = '';

  constructor(delimiter: number, line: number) {
    this.#delimiter = delimiter;
    this.line = line;
  }

  scan(pos: number, end: number, last: boolean, chunk: RowChunk, bad: ScanFault[]): number {
    const { bytes, columns, capacity } = chunk;
    const delimiter = this.#delimiter;
    let at = pos;
    while (chunk.count < capacity && at < end) {
      const rowStart = at;
      if (bytes[at] === LF || (bytes[at] === CR && bytes[at + 1] === LF && at + 1 < end)) {
        at += bytes[at] === LF ? 1 : 2;
        this.line++;
        continue;
      }
      const base = chunk.count * columns;
      let column = 0;
      for (;;) {
        at = this.#field(chunk, base, column, at, end, last);
        if (at < 0) break;
        column++;
        if (at >= end || bytes[at] !== delimiter) break;
        at++;
      }
      if (at === INCOMPLETE) return rowStart;
      if (at === BROKEN) {
        const next = nextLine(bytes, rowStart, end);
        bad.push({ line: this.line, start: rowStart, end: lineTextEnd(bytes, rowStart, next), reason: this.#fault });
        this.line++;
        at = next;
        continue;
      }
      at = this.#endRow(chunk, rowStart, at, end, column, bad);
    }
    return at;
  }

  /** Reads one field; the result is the position of the delimiter or line end after it, INCOMPLETE or BROKEN. */
  #field(chunk: RowChunk, base: number, column: number, start: number, end: number, last: boolean): number {
    const { bytes } = chunk;
    const delimiter = this.#delimiter;
    const wanted = column < chunk.columns;
    if (start < end && bytes[start] === QUOTE) {
      const after = this.#quoted(bytes, start + 1, end, last);
      if (after < 0 || !wanted) return after;
      chunk.fieldStart[base + column] = start + 1;
      chunk.fieldEnd[base + column] = this.#textEnd;
      chunk.fieldFlags[base + column] = this.#escaped ? QUOTED | ESCAPED : QUOTED;
      return after;
    }
    let at = start;
    while (at < end) {
      const code = bytes[at]!;
      if (code === delimiter || code === LF) break;
      at++;
    }
    if (at >= end && !last) return INCOMPLETE;
    if (!wanted) return at;
    let from = start;
    let to = at;
    if (to > from && bytes[to - 1] === CR && (to === end || bytes[to] === LF)) to--;
    while (from < to && bytes[from] === SPACE) from++;
    while (to > from && bytes[to - 1] === SPACE) to--;
    chunk.fieldStart[base + column] = to > from ? from : -1;
    chunk.fieldEnd[base + column] = to;
    chunk.fieldFlags[base + column] = 0;
    return at;
  }

  /** Reads from after an opening quote to after the closing one, which must stand before a delimiter or line end. */
  #quoted(bytes: Uint8Array, start: number, end: number, last: boolean): number {
    this.#escaped = false;
    this.#sawQuotes = true;
    let at = start;
    for (;;) {
      at = bytes.indexOf(QUOTE, at);
      if (at < 0 || at >= end) return this.#stop(last, 'a quoted field never closes');
      if (at + 1 >= end) break;
      if (bytes[at + 1] !== QUOTE) break;
      this.#escaped = true;
      at += 2;
    }
    this.#textEnd = at;
    const after = at + 1;
    if (after >= end) return last ? after : INCOMPLETE;
    const code = bytes[after];
    if (code === this.#delimiter || code === LF) return after;
    if (code === CR) {
      if (after + 1 >= end) return last ? after + 1 : INCOMPLETE;
      if (bytes[after + 1] === LF) return after + 1;
    }
    return this.#stop(true, 'text follows a closing quote');
  }

  #stop(certain: boolean, fault: string): number {
    if (!certain) return INCOMPLETE;
    this.#fault = fault;
    return BROKEN;
  }

  /** Takes the row, or reports it when ragged; `at` is its line end. Returns the position after it. */
  #endRow(chunk: RowChunk, rowStart: number, at: number, end: number, fields: number, bad: ScanFault[]): number {
    const { bytes, columns } = chunk;
    const next = at < end ? at + 1 : end;
    const rowEnd = lineTextEnd(bytes, rowStart, next);
    if (fields === columns) {
      const row = chunk.count++;
      chunk.rowStart[row] = rowStart;
      chunk.rowEnd[row] = rowEnd;
      chunk.lines[row] = this.line;
    } else {
      const reason = `${fields} fields where the header has ${columns}`;
      bad.push({ line: this.line, start: rowStart, end: rowEnd, reason });
    }
    this.line++;
    if (this.#sawQuotes) {
      // Only a quoted field can hold line ends, and then the row is more than one line.
      this.#sawQuotes = false;
      for (let i = bytes.indexOf(LF, rowStart); i >= 0 && i < next - 1; i = bytes.indexOf(LF, i + 1)) this.line++;
    }
    return next;
  }
}

/** The first row as texts, and the position after it. The caller sees to it that the whole row is there. */
export function readHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  delimiter: number,
): { readonly names: string[]; readonly next: number } {
  const names: string[] = [];
  let at = start;
  for (;;) {
    let name = '';
    if (bytes[at] === QUOTE) {
      const close = closingQuote(bytes, at + 1, end);
      name = Buffer.from(bytes.subarray(at + 1, close))
        .toString()
        .replaceAll('""', '"');
      at = Math.min(close + 1, end);
    }
    const from = at;
    while (at < end && bytes[at] !== delimiter && bytes[at] !== LF) at++;
    names.push((name + Buffer.from(bytes.subarray(from, at)).toString()).trim());
    if (at >= end) return { names, next: end };
    if (bytes[at++] === LF) return { names, next: at };
  }
}

function closingQuote(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] !== QUOTE || bytes[at + 1] === QUOTE)) at += bytes[at] === QUOTE ? 2 : 1;
  return Math.min(at, end);
}
