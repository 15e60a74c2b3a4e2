import fc from 'fast-check';
import type { Expression } from '../../../src/engine/expressions/syntax.ts';
import { exp, log } from '../../../src/engine/math.ts';

/** A record as a plain object: null where a field has no number. */
export interface Row {
  readonly series: string;
  readonly fields: Readonly<Record<string, number | null>>;
}

/** The rules of docs in the plainest words: a value, null, or for conditions true, false and null for unknown. */
export function evaluate(node: Expression, row: Row): number | boolean | null {
  const number = (part: Expression) => evaluate(part, row) as number | null;
  const truth = (part: Expression) => evaluate(part, row) as boolean | null;
  switch (node.kind) {
    case 'number':
      return node.value;
    case 'null':
      return null;
    case 'name':
      return row.fields[node.name]!;
    case 'negate':
      return some([number(node.operand)], ([a]) => -a!);
    case 'arithmetic':
      return some([number(node.left), number(node.right)], ([a, b]) => arithmetic(node.operator, a!, b!));
    case 'compare':
      return compared(node, row);
    case 'isNull':
      return (number(node.operand) === null) !== node.negated;
    case 'in': {
      if (node.operand.kind === 'name' && node.operand.name === 'series') {
        return node.items.includes(row.series) !== node.negated;
      }
      const value = number(node.operand);
      return value === null ? null : node.items.some((item) => item === value) !== node.negated;
    }
    case 'matches':
      return new RegExp(`^${node.pattern.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`).test(row.series);
    case 'not': {
      const value = truth(node.operand);
      return value === null ? null : !value;
    }
    case 'and': {
      const values = node.operands.map(truth);
      return values.includes(false) ? false : values.includes(null) ? null : true;
    }
    case 'or': {
      const values = node.operands.map(truth);
      return values.includes(true) ? true : values.includes(null) ? null : false;
    }
    case 'call': {
      if (node.name === 'if')
        return truth(node.operands[0]!) === true ? number(node.operands[1]!) : number(node.operands[2]!);
      const values = node.operands.map(number);
      if (node.name === 'coalesce') return values.find((value) => value !== null) ?? null;
      return some(values, (known) => FUNCTIONS_OF[node.name]!(...known));
    }
    case 'text':
      throw new Error('a text alone has no value');
  }
}

function compared(node: Expression & { kind: 'compare' }, row: Row): boolean | null {
  const text = (part: Expression) =>
    part.kind === 'text' ? part.value : part.kind === 'name' && part.name === 'series' ? row.series : undefined;
  const [a, b] = [text(node.left), text(node.right)];
  if (a !== undefined && b !== undefined) return (a === b) === (node.operator === '==');
  const [left, right] = [evaluate(node.left, row) as number | null, evaluate(node.right, row) as number | null];
  if (left === null || right === null) return null;
  switch (node.operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}

function some(values: readonly (number | null)[], of: (known: number[]) => number): number | null {
  if (values.includes(null)) return null;
  const result = of(values as number[]);
  return Number.isNaN(result) ? null : result;
}

function arithmetic(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return a % b;
  }
}

const FUNCTIONS_OF: Readonly<Record<string, (...values: number[]) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  exp,
  floor: Math.floor,
  log,
  max: Math.max,
  min: Math.min,
  round: Math.round,
  sqrt: Math.sqrt,
};

export const FIELD_NAMES = ['value', 'pump.temp', 'is', 'a `quoted` name', 'série'];
export const SERIES_NAMES = ['pump-1', 'pump-22', "o'clock", 'Lüfter', 'fan', ''];

const at = 0;
const number = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 0.1, 1e21, 1e-7),
);
const text = fc.oneof(fc.constantFrom(...SERIES_NAMES), fc.string({ maxLength: 4 }));
const pattern = fc.stringMatching(/^[a-zü*?12-]{0,6}$/);
const series: Expression = { kind: 'name', at, name: 'series', quoted: false };

/** Trees of the grammar whose types are right. */
export const { condition, value } = fc.letrec<{ condition: Expression; value: Expression }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'tree' },
    number.map((each): Expression => ({ kind: 'number', at, value: each })),
    fc.constantFrom(...FIELD_NAMES).map((name): Expression => ({ kind: 'name', at, name, quoted: true })),
    fc.constant<Expression>({ kind: 'null', at }),
    tie('value').map((operand): Expression => ({ kind: 'negate', at, operand })),
    fc
      .tuple(
        fc.constantFrom('+' as const, '-' as const, '*' as const, '/' as const, '%' as const),
        tie('value'),
        tie('value'),
      )
      .map(([operator, left, right]): Expression => ({ kind: 'arithmetic', at, operator, left, right })),
    fc
      .tuple(fc.constantFrom('abs', 'ceil', 'exp', 'floor', 'log', 'round', 'sqrt'), tie('value'))
      .map(([name, operand]): Expression => ({ kind: 'call', at, name, operands: [operand] })),
    fc
      .tuple(fc.constantFrom('min', 'max', 'coalesce'), fc.array(tie('value'), { minLength: 1, maxLength: 3 }))
      .map(([name, operands]): Expression => ({ kind: 'call', at, name, operands })),
    fc
      .tuple(tie('condition'), tie('value'), tie('value'))
      .map((operands): Expression => ({ kind: 'call', at, name: 'if', operands })),
  ),
  condition: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'tree' },
    fc
      .tuple(compareOperators(), tie('value'), tie('value'))
      .filter(([, left, right]) => left.kind !== 'null' && right.kind !== 'null')
      .map(([operator, left, right]): Expression => ({ kind: 'compare', at, operator, left, right })),
    fc
      .tuple(fc.constantFrom('==' as const, '!=' as const), text, fc.boolean())
      .map(([operator, each, first]): Expression => {
        const literal: Expression = { kind: 'text', at, value: each };
        return { kind: 'compare', at, operator, left: first ? series : literal, right: first ? literal : series };
      }),
    fc
      .tuple(tie('value'), fc.boolean())
      .map(([operand, negated]): Expression => ({ kind: 'isNull', at, operand, negated })),
    fc
      .tuple(
        tie('value'),
        fc.array(
          fc.oneof(
            number,
            number.map((each) => -each),
          ),
          { minLength: 1, maxLength: 3 },
        ),
        fc.boolean(),
      )
      .map(([operand, items, negated]): Expression => ({ kind: 'in', at, operand, items, negated })),
    fc
      .tuple(fc.array(text, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([items, negated]): Expression => ({ kind: 'in', at, operand: series, items, negated })),
    pattern.map((each): Expression => ({ kind: 'matches', at, operand: series, pattern: each })),
    tie('condition').map((operand): Expression => ({ kind: 'not', at, operand })),
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('condition'), { minLength: 2, maxLength: 3 }))
      .map(([kind, operands]): Expression => ({ kind, at, operands })),
  ),
}));

function compareOperators() {
  return fc.constantFrom('==' as const, '!=' as const, '<' as const, '<=' as const, '>' as const, '>=' as const);
}

export const rows: fc.Arbitrary<Row[]> = fc.array(
  fc.record({
    series: fc.constantFrom(...SERIES_NAMES),
    fields: fc.record(
      Object.fromEntries(
        FIELD_NAMES.map((name) => [
          name,
          fc.oneof(
            fc.constant(null),
            fc.integer({ min: -3, max: 5 }),
            fc.double({ noNaN: true }),
            fc.constantFrom(0, -0, 0.1, Infinity, -Infinity),
          ),
        ]),
      ),
    ),
  }),
  { minLength: 1, maxLength: 20 },
) as fc.Arbitrary<Row[]>;
