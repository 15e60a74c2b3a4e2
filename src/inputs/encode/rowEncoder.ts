import type { FileColumns } from '../columns.ts';
import type { Rows } from '../rowChunk.ts';

/** What an encoder needs to know about the file that a row is from. */
export interface EncodedFile {
  readonly columns: FileColumns;
  /** Index in the file of its event time column; -1 for none. */
  readonly timeColumn: number;
  /** Name of the series when rows are keyed by file. */
  readonly series: Uint8Array;
  /** The same as a JSON string. */
  readonly seriesJson: Uint8Array;
}

/** Writes rows as record values into one reused buffer. */
export interface RowEncoder {
  /** The value is bytes[0, result of encode). Another buffer may be here after a long row. */
  readonly bytes: Uint8Array;
  /** Why the last row could not be encoded. */
  readonly fault: string;
  /** Number of bytes written, or -1: see `fault`. The event time is moved by `shiftMs`. */
  encode(chunk: Rows, row: number, file: EncodedFile, shiftMs: number): number;
}
