/**
 * The program that a writer schema is compiled to: instructions of three numbers, [op, a, b]. Columns are the field
 * columns by number, then the column of event times.
 */
export const OP = {
  /** End of the program or subprogram. */
  end: 0,
  skipFixed: 1, // a: bytes
  skipInt: 2,
  skipLong: 3,
  skipBytes: 4,
  skipSub: 5, // a: address of a subprogram that only skips
  skipArray: 6, // a: size of an item or -1, b: subprogram of an item
  skipMap: 7, // a: size of a value or -1, b: subprogram of a value
  readInt: 8, // a: column
  readLong: 9,
  readFloat: 10,
  readDouble: 11,
  readBoolean: 12,
  readEnum: 13, // a: column, b: number of symbols
  readText: 14, // a: column; a decimal number as text
  readDecimal: 15, // a: column, b: scale; of bytes
  readDecimalFixed: 16, // a: column, b: scale; the size is the next skipFixed's, which is part of the instruction
  setNull: 17, // a: column
  timeNumber: 18, // a: TIME_RULES index; turns the number in the time column into milliseconds
  timeText: 19, // a: TIME_RULES index; a text
  keyBytes: 20, // a range of the value itself: string, bytes
  keyFixed: 21, // a: bytes; this and the next three copy or make text
  keyEnum: 22, // a: index of the symbol table
  keyNumber: 23, // a: 5 for int, 10 for long
  union: 24, // a: address of the branch addresses, b: number of branches
  jump: 25, // a: address
  mark: 26, // the next value is read more than once
  rewind: 27,
  reject: 28, // a: REASON code
  each: 30, // a: address after the last of the instructions that follow and run record by record
  readNullableDouble: 31, // a: column, b: encoded index of the null branch, 0 or 2
  keyCopy: 29, // string or bytes where another branch of the union is of the kinds above
} as const;

export const STRIDE = 3;

/** What a time instruction counts, by its operand; undefined is by magnitude. */
export const TIME_RULES = [undefined, 's', 'ms', 'us', 'ns', 'days'] as const;
export type TimeRule = (typeof TIME_RULES)[number];

export interface AvroProgram {
  readonly code: Int32Array;
  /** Symbols of enums that are keys, as UTF-8. */
  readonly symbols: readonly (readonly Uint8Array[])[];
  /** Whether keys are copied or made as text in a buffer of their own, instead of ranges of the value. */
  readonly keyIsMade: boolean;
  /** Field paths that the schema does not have: read as null. */
  readonly missing: readonly string[];
}
