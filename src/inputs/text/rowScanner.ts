import type { RowChunk } from '../rowChunk.ts';

/** Cuts bytes into rows and fields. Synchronous and without I/O; keeps nothing between calls but the line number. */
export interface RowScanner {
  /** Number of the line at the position where the next scan begins, from 1. */
  line: number;
  /**
   * Reads rows from bytes[pos, end) into the chunk until it is full or no complete row is left, and returns the
   * position after the last row. With `last`, a row may end where the bytes end. Rows that cannot be cut go to `bad`.
   */
  scan(pos: number, end: number, last: boolean, chunk: RowChunk, bad: ScanFault[]): number;
}

/** A row that the scanner could not cut; the range is into the chunk's bytes. */
export interface ScanFault {
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly reason: string;
}

export const LF = 10;
export const CR = 13;
export const QUOTE = 34;
export const SPACE = 32;

/** Position after the line that holds `pos`, or `end` when the line does not end before it. */
export function nextLine(bytes: Uint8Array, pos: number, end: number): number {
  const found = bytes.indexOf(LF, pos);
  return found < 0 || found >= end ? end : found + 1;
}

/** End of a line's text: without LF, and without a CR before it. */
export function lineTextEnd(bytes: Uint8Array, start: number, next: number): number {
  let end = next;
  if (end > start && bytes[end - 1] === LF) end--;
  if (end > start && bytes[end - 1] === CR) end--;
  return end;
}
