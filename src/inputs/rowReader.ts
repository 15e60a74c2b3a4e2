import { isUtf8 } from 'node:buffer';
import type { ByteSource } from './byteSource.ts';
import { type BadRow, type Dialect, RowChunk, shown, utf8Text } from './rowChunk.ts';
import type { RowSource } from './rowSource.ts';
import { lineTextEnd, nextLine, type RowScanner, type ScanFault } from './text/rowScanner.ts';
import { parseTime, type TimeFormat } from './time/time.ts';

/** A longer row is bad by default: without a limit, one quote that never closes would read a whole file into memory. */
export const ROW_BYTES_MAX = 4 * 1024 * 1024;

export interface RowReaderOptions {
  readonly name: string;
  readonly source: ByteSource;
  readonly scanner: RowScanner;
  readonly dialect: Dialect;
  readonly columns: number;
  /** Column with the event time and its format; absent: times stay NaN. */
  readonly time?: { readonly column: number; readonly format: TimeFormat };
  /** Bytes read at once: what the reader holds in memory, as long as no row is longer. */
  readonly chunkBytes: number;
  /** Longer rows are bad. Default ROW_BYTES_MAX. */
  readonly maxRowBytes?: number;
  /** Receives rows that cannot be read, in file order. */
  readonly onBadRow: (row: BadRow) => void;
}

/** The rows of one file, a bounded chunk at a time. */
export class RowReader implements RowSource {
  readonly name: string;
  readonly chunk: RowChunk;
  /** Bytes taken from the source so far. */
  bytesRead = 0;
  readonly #options: RowReaderOptions;
  readonly #faults: ScanFault[] = [];
  #pos = 0;
  #end = 0;
  #ended = false;
  /** Inside a row that is too long: its bytes are dropped up to the line end. */
  #skipping = false;

  constructor(options: RowReaderOptions) {
    this.#options = options;
    this.name = options.name;
    this.chunk = new RowChunk(options.dialect, options.columns, Math.max(16, Math.min(8192, options.chunkBytes >> 4)));
    this.chunk.bytes = new Uint8Array(options.chunkBytes);
  }

  /** Reads on until there are rows in the chunk; false at the end of the file. What the chunk held is gone. */
  async fill(): Promise<boolean> {
    const { chunk } = this;
    const { scanner } = this.#options;
    chunk.count = 0;
    for (;;) {
      const from = this.#pos;
      if (this.#skipping) this.#skipLine();
      if (this.#pos < this.#end) {
        this.#pos = scanner.scan(this.#pos, this.#end, this.#ended, chunk, this.#faults);
        this.#reportFaults();
        this.#checkText(from);
        this.#readTimes();
        if (chunk.count > 0) return true;
      }
      if (this.#ended && this.#pos >= this.#end) return false;
      // Rows that were all bad, or a chunk filled by blank lines: scan on before reading more.
      if (this.#pos > from && this.#pos < this.#end) continue;
      await this.#readMore();
    }
  }

  close(): Promise<void> {
    return this.#options.source.close();
  }

  async #readMore(): Promise<void> {
    const { chunk } = this;
    if (this.#pos > 0) {
      chunk.bytes.copyWithin(0, this.#pos, this.#end);
      this.#end -= this.#pos;
      this.#pos = 0;
    }
    if (this.#end === chunk.bytes.length && !this.#grow()) return;
    const count = await this.#options.source.read(chunk.bytes, this.#end);
    this.bytesRead += count;
    this.#end += count;
    if (count === 0) this.#ended = true;
  }

  /** Makes room for a row that is longer than the buffer; false when it is too long and was given up. */
  #grow(): boolean {
    const { chunk } = this;
    const most = this.#options.maxRowBytes ?? ROW_BYTES_MAX;
    if (chunk.bytes.length < most) {
      const grown = new Uint8Array(Math.min(most, chunk.bytes.length * 2));
      grown.set(chunk.bytes.subarray(0, this.#end));
      chunk.bytes = grown;
      return true;
    }
    const { scanner } = this.#options;
    const next = nextLine(chunk.bytes, 0, this.#end);
    const end = Math.min(lineTextEnd(chunk.bytes, 0, next), 1000);
    this.#report({
      line: scanner.line,
      start: 0,
      end,
      reason: `longer than ${most} bytes (--max-row-bytes), or a quote never closes`,
    });
    this.#skipping = next === this.#end && chunk.bytes[next - 1] !== 10;
    if (!this.#skipping) scanner.line++;
    this.#pos = next;
    return false;
  }

  #skipLine(): void {
    const next = nextLine(this.chunk.bytes, this.#pos, this.#end);
    if (next > this.#pos && this.chunk.bytes[next - 1] === 10) {
      this.#skipping = false;
      this.#options.scanner.line++;
    }
    this.#pos = next;
  }

  #reportFaults(): void {
    for (const fault of this.#faults) this.#report(fault);
    this.#faults.length = 0;
  }

  #report({ line, start, end, reason }: ScanFault): void {
    const { bytes } = this.chunk;
    const raw = utf8Text(bytes, start, end);
    const isText = isUtf8(bytes.subarray(start, end));
    const rawBase64 = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    this.#options.onBadRow({
      ...{ file: this.name, line, reason, raw },
      ...(!isText && { rawBase64: rawBase64.toString('base64') }),
    });
  }

  /** Drops rows that are not UTF-8: text goes on as bytes, so nothing later would notice. */
  #checkText(from: number): void {
    const { chunk } = this;
    if (chunk.count === 0 || isUtf8(chunk.bytes.subarray(from, this.#pos))) return;
    this.#keepRows((row) => {
      const start = chunk.rowStart[row]!;
      const valid = isUtf8(chunk.bytes.subarray(start, chunk.rowEnd[row]!));
      return valid ? null : 'not UTF-8';
    });
  }

  #readTimes(): void {
    const { chunk } = this;
    const { time } = this.#options;
    if (time === undefined) {
      chunk.times.fill(Number.NaN, 0, chunk.count);
      return;
    }
    let valid = true;
    const { columns, fieldStart, fieldEnd, times, bytes } = chunk;
    for (let row = 0, index = time.column; row < chunk.count; row++, index += columns) {
      const start = fieldStart[index]!;
      const value = start < 0 ? Number.NaN : parseTime(time.format, bytes, start, fieldEnd[index]!);
      times[row] = value;
      if (Number.isNaN(value)) valid = false;
    }
    if (valid) return;
    this.#keepRows((row) => {
      if (!Number.isNaN(times[row]!)) return null;
      const index = row * columns + time.column;
      return `${shown(bytes, fieldStart[index]!, fieldEnd[index]!)} is no time ${describeFormat(time.format)}`;
    });
  }

  /** Keeps the rows for which `fault` is null, and reports the others. */
  #keepRows(fault: (row: number) => string | null): void {
    const { chunk } = this;
    let kept = 0;
    for (let row = 0; row < chunk.count; row++) {
      const reason = fault(row);
      if (reason === null) chunk.moveRow(row, kept++);
      else this.#report({ line: chunk.lines[row]!, start: chunk.rowStart[row]!, end: chunk.rowEnd[row]!, reason });
    }
    chunk.count = kept;
  }
}

function describeFormat(format: TimeFormat): string {
  return format.kind === 'iso' ? 'as YYYY-MM-DD HH:MM:SS' : `as a number of epoch ${format.unit}`;
}
