/**
 * The tree of an expression as it was written: names are not resolved, types are not checked (compile.ts does both).
 * `at` is the index of the character that an error points to.
 */
export type Expression =
  | { readonly kind: 'number'; readonly at: number; readonly value: number }
  | { readonly kind: 'text'; readonly at: number; readonly value: string }
  | { readonly kind: 'null'; readonly at: number }
  /** A field, or `series` where it is not quoted. */
  | { readonly kind: 'name'; readonly at: number; readonly name: string; readonly quoted: boolean }
  | { readonly kind: 'negate'; readonly at: number; readonly operand: Expression }
  | {
      readonly kind: 'arithmetic';
      readonly at: number;
      readonly operator: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'compare';
      readonly at: number;
      readonly operator: CompareOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'isNull'; readonly at: number; readonly operand: Expression; readonly negated: boolean }
  | {
      readonly kind: 'in';
      readonly at: number;
      readonly operand: Expression;
      readonly items: readonly (number | string)[];
      readonly negated: boolean;
    }
  | { readonly kind: 'matches'; readonly at: number; readonly operand: Expression; readonly pattern: string }
  | { readonly kind: 'and' | 'or'; readonly at: number; readonly operands: readonly Expression[] }
  | { readonly kind: 'not'; readonly at: number; readonly operand: Expression }
  | { readonly kind: 'call'; readonly at: number; readonly name: string; readonly operands: readonly Expression[] };

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%';
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=';

/** Characters of an expression. */
export const MAX_LENGTH = 4096;
/** Operators and parentheses inside one another: parsing and compiling call themselves that deep. */
export const MAX_DEPTH = 100;

/** Functions and how many values they take. `if` takes a condition first. */
export const FUNCTIONS: Readonly<Record<string, { readonly least: number; readonly most: number }>> = {
  abs: { least: 1, most: 1 },
  ceil: { least: 1, most: 1 },
  coalesce: { least: 1, most: 32 },
  exp: { least: 1, most: 1 },
  floor: { least: 1, most: 1 },
  if: { least: 3, most: 3 },
  log: { least: 1, most: 1 },
  max: { least: 1, most: 32 },
  min: { least: 1, most: 32 },
  round: { least: 1, most: 1 },
  sqrt: { least: 1, most: 1 },
};

/** Words that are no names; a field of such a name is written in backticks. */
export const WORDS: readonly string[] = ['and', 'or', 'not', 'is', 'in', 'null'];
export const SERIES = 'series';
