import { isUtf8 } from 'node:buffer';
import { AnomalyError } from '../errors.ts';
import type { ByteSource } from './byteSource.ts';
import type { KeyPath } from './encode/keyNode.ts';
import type { InputFile } from './inputFiles.ts';
import type { Dialect } from './rowChunk.ts';
import { readHeader } from './text/csvScanner.ts';
import { parseDecimal } from './text/numbers.ts';
import { CR, LF, lineTextEnd, nextLine, QUOTE } from './text/rowScanner.ts';
import { parseIsoTime } from './time/time.ts';

/** How a file is cut into rows and columns. */
export interface FileShape {
  readonly dialect: Dialect;
  /** Byte code; CSV only. */
  readonly delimiter: number;
  /** Where the rows begin: after a byte order mark and a header. */
  readonly dataStart: number;
  /** Number of the line at dataStart. */
  readonly firstLine: number;
  /** Columns in file order; a JSON column has one name for each level. Empty for JSONL until the sample is read. */
  readonly paths: readonly KeyPath[];
}

export interface ShapeOptions {
  readonly dialect?: Dialect;
  /** One character; default: the one of , ; tab | that the header has most of. */
  readonly delimiter?: string;
  /** Names of the columns of CSV files that have no header row. */
  readonly columns?: readonly string[];
  /** Hears what is odd about a file and does no harm: another name than content, columns of one name. */
  readonly onNote?: (text: string) => void;
}

const HEAD_BYTES = 65_536;
const HEAD_BYTES_MAX = 1024 * 1024;

/** Looks at the first bytes of a file; null when it is empty. @throws ANM_FILE for what is neither CSV nor JSONL */
export async function inspectShape(
  file: InputFile,
  source: ByteSource,
  options: ShapeOptions,
): Promise<FileShape | null> {
  const { bytes, end } = await readHead(source);
  const bom = end >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  if (end >= 2 && ((bytes[0] === 0xfe && bytes[1] === 0xff) || (bytes[0] === 0xff && bytes[1] === 0xfe))) {
    throw new AnomalyError('ANM_FILE', `cannot read ${file.name} as it is UTF-16`, {
      hint: `convert it: iconv -f UTF-16 -t UTF-8 ${file.name}`,
    });
  }
  let first = bom;
  while (first < end && bytes[first]! <= 32) first++;
  if (first >= end) return null;
  const dialect = options.dialect ?? dialectOf(file, bytes, first, end, options);
  if (dialect === 'jsonl') {
    if (bytes[first] === OPEN_BRACKET) {
      throw new AnomalyError('ANM_FILE', `cannot read ${file.name} as it is a JSON array, not one object a line`, {
        hint: `convert it: jq -c '.[]' ${file.name}`,
      });
    }
    return { dialect, delimiter: 0, dataStart: bom, firstLine: 1, paths: [] };
  }
  const { start, line } = skipBlankLines(bytes, bom, end);
  const delimiter = options.delimiter?.charCodeAt(0) ?? commonDelimiter(bytes, start, end);
  if (options.columns !== undefined) {
    return { dialect, delimiter, dataStart: bom, firstLine: 1, paths: distinct(file, options.columns, options) };
  }
  const { names, next } = readHeader(bytes, start, end, delimiter);
  refuseHeader(file, bytes, start, next, end);
  refuseDataAsHeader(file, names);
  const lines = Buffer.from(bytes.subarray(start, next)).toString('latin1').split('\n').length - 1;
  return {
    dialect,
    delimiter,
    dataStart: next,
    firstLine: line + Math.max(1, lines),
    paths: distinct(file, names, options),
  };
}

/** Reads until the first line is whole, or the limit: a header is never that long. */
async function readHead(source: ByteSource): Promise<{ bytes: Uint8Array; end: number }> {
  let bytes = new Uint8Array(HEAD_BYTES);
  let end = 0;
  for (;;) {
    const count = await source.read(bytes, end);
    end += count;
    const whole = end > 3 && nextLine(bytes, 3, end) < end;
    if (count === 0 || whole || end >= HEAD_BYTES_MAX) return { bytes, end };
    if (end === bytes.length) {
      const grown = new Uint8Array(bytes.length * 2);
      grown.set(bytes);
      bytes = grown;
    }
  }
}

function skipBlankLines(bytes: Uint8Array, from: number, end: number): { start: number; line: number } {
  let start = from;
  let line = 1;
  for (;;) {
    const next = nextLine(bytes, start, end);
    if (next >= end || lineTextEnd(bytes, start, next) > start) return { start, line };
    start = next;
    line++;
  }
}

/** The delimiter that stands most often outside quotes in the first line; a comma when there is none. */
function commonDelimiter(bytes: Uint8Array, start: number, end: number): number {
  const counts = new Map(DELIMITERS.map((code) => [code, 0]));
  let quoted = false;
  for (let i = start; i < end && (quoted || bytes[i] !== LF); i++) {
    const code = bytes[i]!;
    if (code === QUOTE) quoted = !quoted;
    else if (!quoted && counts.has(code)) counts.set(code, counts.get(code)! + 1);
  }
  return DELIMITERS.reduce((best, code) => (counts.get(code)! > counts.get(best)! ? code : best));
}

function refuseDataAsHeader(file: InputFile, names: readonly string[]): void {
  const data = names.find((name) => {
    const bytes = Buffer.from(name);
    return !Number.isNaN(parseDecimal(bytes, 0, bytes.length)) || !Number.isNaN(parseIsoTime(bytes, 0, bytes.length));
  });
  if (data === undefined) return;
  throw new AnomalyError(
    'ANM_FILE',
    `cannot read ${file.name} as its first row looks like data ('${data}'), not like column names`,
    {
      hint: `name the columns: --columns ${names.map((_, i) => (i === 0 ? 'timestamp' : i === 1 ? 'value' : `c${i + 1}`)).join(',')}`,
    },
  );
}

/** By the name of the file, unless its first line is a JSON object; without a name that says it, by the first byte. */
function dialectOf(file: InputFile, bytes: Uint8Array, first: number, end: number, options: ShapeOptions): Dialect {
  const isObject = bytes[first] === OPEN_BRACE;
  if (file.dialect === null) return isObject ? 'jsonl' : 'csv';
  if (file.dialect === 'jsonl' || !isObject) return file.dialect;
  try {
    JSON.parse(Buffer.from(bytes.subarray(first, nextLine(bytes, first, end))).toString());
  } catch {
    // A column may be called so.
    return file.dialect;
  }
  options.onNote?.(`${file.name} is JSON Lines, which its name does not say: read so`);
  return 'jsonl';
}

/** A header that would be read as something else than it is. */
function refuseHeader(file: InputFile, bytes: Uint8Array, start: number, next: number, end: number): void {
  const header = bytes.subarray(start, next);
  const text = bytes.subarray(start, lineTextEnd(bytes, start, next));
  const [reason, hint] =
    next === end && end - start >= HEAD_BYTES_MAX - start
      ? [
          `its first line is longer than ${HEAD_BYTES_MAX} bytes`,
          'give --input-format, or --columns if it has no header',
        ]
      : !isUtf8(header)
        ? ['its column names are not UTF-8', `convert it: iconv -f LATIN1 -t UTF-8 ${file.name}`]
        : text.includes(CR)
          ? ['its lines end with CR alone', `convert it: tr '\\r' '\\n' < ${file.name}`]
          : [null, ''];
  if (reason !== null) throw new AnomalyError('ANM_FILE', `cannot read ${file.name} as ${reason}`, { hint });
}

/** Column names, the empty ones numbered and the repeated ones told apart. */
function distinct(file: InputFile, names: readonly string[], { onNote }: ShapeOptions): KeyPath[] {
  const seen = new Set<string>();
  return names.map((name, i) => {
    const base = name === '' ? `column_${i + 1}` : name;
    let unique = base;
    for (let n = 2; seen.has(unique); n++) unique = `${base}_${n}`;
    seen.add(unique);
    if (unique !== base) onNote?.(`${file.name} has more than one column ${base}: column ${i + 1} is called ${unique}`);
    return [unique];
  });
}

const DELIMITERS = [44, 59, 9, 124];
const OPEN_BRACE = 123;
const OPEN_BRACKET = 91;
