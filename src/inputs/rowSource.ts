import type { Rows } from './rowChunk.ts';

/** The rows of one file, a bounded number at a time. */
export interface RowSource {
  readonly name: string;
  /** Rows of the last fill. */
  readonly chunk: Rows;
  /** Bytes taken from the file so far; after decompression where it is compressed as a whole. */
  readonly bytesRead: number;
  /** Reads on until there are rows in the chunk; false at the end of the file. What the chunk held is gone. */
  fill(): Promise<boolean>;
  close(): Promise<void>;
}
