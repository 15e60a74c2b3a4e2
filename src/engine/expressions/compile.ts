import type { MaskColumn, NumberColumn } from './columns.ts';
import { expressionError, shownName } from './expressionError.ts';
import { globMatcher } from './glob.ts';
import { comparedColumn, inColumn, joinedColumn, notColumn, nullColumn, seriesColumn } from './maskColumns.ts';
import {
  arithmeticColumn,
  chosenColumn,
  constantColumn,
  fieldColumn,
  foldedColumn,
  functionColumn,
  truthColumn,
} from './numberColumns.ts';
import { parseExpression } from './parser.ts';
import { type Expression, SERIES } from './syntax.ts';

/**
 * Values have one of three types: numbers (fields, arithmetic, functions), conditions (comparisons, and, or, not), and
 * texts (literals and `series`, which compare by ==, !=, in and ~).
 *
 * Null, the three-valued rule of SQL: arithmetic and functions of null are null, and so is a result that is no number
 * (0 / 0, the root of -1); a comparison with null is unknown; `and` is false where one side is false, `or` true where
 * one is true, whatever the other is; `not` unknown is unknown. Only `is null`, `is not null`, `== null`, `!= null`,
 * `coalesce` and `if` see null itself: `if` takes its second value where the condition is unknown. `where` keeps a
 * record whose condition is true; a derived field that is a condition is 1, 0 or null.
 */
type Compiled =
  | { readonly type: 'number'; readonly column: NumberColumn }
  | { readonly type: 'condition'; readonly column: MaskColumn }
  /** Undefined: the name of the series. */
  | { readonly type: 'text'; readonly value: string | undefined };

/** Compiles a number, or a condition as 1, 0 and null. @throws ANM_CONFIG that shows the place */
export function compileNumber(text: string, fields: readonly string[]): NumberColumn {
  const root = parseExpression(text);
  const compiled = new Compiler(text, fields).compile(root);
  if (compiled.type === 'number') return compiled.column;
  if (compiled.type === 'condition') return truthColumn(compiled.column);
  throw expressionError(text, root.at, 'it is a text, and a number is expected');
}

/** Compiles a condition. @throws ANM_CONFIG that shows the place */
export function compileCondition(text: string, fields: readonly string[]): MaskColumn {
  const root = parseExpression(text);
  const compiled = new Compiler(text, fields).compile(root);
  if (compiled.type === 'condition') return compiled.column;
  throw expressionError(text, root.at, `it is a ${compiled.type}, and a condition such as value > 0 is expected`);
}

class Compiler {
  readonly #text: string;
  readonly #fields: readonly string[];

  constructor(text: string, fields: readonly string[]) {
    this.#text = text;
    this.#fields = fields;
  }

  compile(node: Expression): Compiled {
    switch (node.kind) {
      case 'number':
        return { type: 'number', column: constantColumn(node.value) };
      case 'null':
        return { type: 'number', column: constantColumn(Number.NaN) };
      case 'text':
        return { type: 'text', value: node.value };
      case 'name':
        return this.#name(node.name, node.quoted, node.at);
      case 'negate':
        return { type: 'number', column: functionColumn('negate', this.#number(node.operand)) };
      case 'arithmetic': {
        const column = arithmeticColumn(node.operator, this.#number(node.left), this.#number(node.right));
        return { type: 'number', column };
      }
      case 'call':
        return { type: 'number', column: this.#call(node.name, node.operands) };
      default:
        return { type: 'condition', column: this.#condition(node) };
    }
  }

  #name(name: string, quoted: boolean, at: number): Compiled {
    if (name === SERIES && !quoted) return { type: 'text', value: undefined };
    const field = this.#fields.indexOf(name);
    if (field >= 0) return { type: 'number', column: fieldColumn(field) };
    const known = [...this.#fields, SERIES].map(shownName).join(', ');
    throw this.#error(at, `there is no field ${shownName(name)}: there is ${known}`);
  }

  #call(name: string, operands: readonly Expression[]): NumberColumn {
    if (name === 'if') {
      const [condition, yes, no] = operands as [Expression, Expression, Expression];
      return chosenColumn(this.#mask(condition), this.#number(yes), this.#number(no));
    }
    const columns = operands.map((operand) => this.#number(operand));
    if (name === 'min' || name === 'max' || name === 'coalesce') return foldedColumn(name, columns);
    return functionColumn(name, columns[0]!);
  }

  #condition(node: Expression): MaskColumn {
    switch (node.kind) {
      case 'and':
      case 'or': {
        const masks = node.operands.map((operand) => this.#mask(operand));
        return joinedColumn(node.kind, masks);
      }
      case 'not':
        return notColumn(this.#mask(node.operand));
      case 'compare':
        return this.#comparison(node);
      case 'isNull': {
        const operand = this.compile(node.operand);
        if (operand.type === 'number') return nullColumn(operand.column, node.negated);
        throw this.#error(node.operand.at, `a ${operand.type} is never null, only a number is`);
      }
      case 'in':
        return this.#in(node);
      case 'matches': {
        this.#requireSeries(node.operand, '~');
        return seriesColumn(globMatcher(node.pattern));
      }
      default:
        throw this.#error(node.at, 'a condition is expected here');
    }
  }

  #comparison(node: Expression & { kind: 'compare' }): MaskColumn {
    const left = this.compile(node.left);
    const right = this.compile(node.right);
    if (left.type === 'number' && right.type === 'number') {
      return comparedColumn(node.operator, left.column, right.column);
    }
    if (left.type === 'condition' || right.type === 'condition') {
      const at = left.type === 'condition' ? node.left.at : node.right.at;
      throw this.#error(at, `${node.operator} compares numbers or texts, and this is a condition`);
    }
    if (left.type !== 'text' || right.type !== 'text') {
      throw this.#error(node.at, `${node.operator} stands between a number and a text`);
    }
    if (node.operator !== '==' && node.operator !== '!=') {
      throw this.#error(node.at, `texts do not compare by ${node.operator}: only by ==, !=, in and ~`);
    }
    if ((left.value === undefined) === (right.value === undefined)) {
      throw this.#error(node.at, `${node.operator} stands between two texts, one of which should be ${SERIES}`);
    }
    const text = left.value ?? right.value;
    return node.operator === '==' ? seriesColumn((name) => name === text) : seriesColumn((name) => name !== text);
  }

  #in(node: Expression & { kind: 'in' }): MaskColumn {
    const { items, negated, operand, at } = node;
    const texts = items.filter((item) => typeof item === 'string');
    if (texts.length === 0) return inColumn(this.#number(operand), items as readonly number[], negated);
    if (texts.length < items.length) throw this.#error(at, 'the list has numbers and texts');
    this.#requireSeries(operand, 'in a list of texts');
    const wanted = new Set(texts);
    return seriesColumn((name) => wanted.has(name) !== negated);
  }

  #requireSeries(node: Expression, operator: string): void {
    const compiled = this.compile(node);
    if (compiled.type === 'text' && compiled.value === undefined) return;
    throw this.#error(node.at, `${operator} wants ${SERIES} on its left, and this is a ${compiled.type}`);
  }

  #number(node: Expression): NumberColumn {
    const compiled = this.compile(node);
    if (compiled.type === 'number') return compiled.column;
    const instead = compiled.type === 'condition' ? ': if(condition, 1, 0) makes one of it' : '';
    throw this.#error(node.at, `this is a ${compiled.type} where a number is expected${instead}`);
  }

  #mask(node: Expression): MaskColumn {
    const compiled = this.compile(node);
    if (compiled.type === 'condition') return compiled.column;
    const instead = compiled.type === 'number' ? ', such as value > 0' : '';
    throw this.#error(node.at, `this is a ${compiled.type} where a condition is expected${instead}`);
  }

  #error(at: number, problem: string): Error {
    return expressionError(this.#text, at, problem);
  }
}
