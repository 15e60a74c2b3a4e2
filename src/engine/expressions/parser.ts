import { expressionError, shownName } from './expressionError.ts';
import { type Token, tokenize } from './lexer.ts';
import {
  type ArithmeticOperator,
  type CompareOperator,
  type Expression,
  FUNCTIONS,
  MAX_DEPTH,
  MAX_LENGTH,
  WORDS,
} from './syntax.ts';

/**
 * The expression grammar of source.where, derive and score.when, in falling order of binding:
 *
 *   value       12, 1.5e-3, 'text', "text", null, name, `any name`, series, function(value, ...), (expression)
 *   unary       -value
 *   product     * / %
 *   sum         + -
 *   comparison  == != < <= > >=, is [not] null, [not] in (value, ...), ~ 'glob'; they do not chain
 *   not
 *   and
 *   or
 *
 * Words are lower case. Names may hold dots (w5m.mean); any other name is put in backticks.
 *
 * @throws ANM_CONFIG that shows the place and says what was expected there
 */
export function parseExpression(text: string): Expression {
  if (text.length > MAX_LENGTH) {
    throw expressionError(text, MAX_LENGTH, `it has ${text.length} characters, more than ${MAX_LENGTH}`);
  }
  const parser = new Parser(text);
  const root = parser.or();
  parser.end();
  return root;
}

const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  /** Depths of trees that were built, to bound a chain a + a + a, which nests without a parenthesis. */
  readonly #depths = new WeakMap<Expression, number>();
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  end(): void {
    if (this.#token.kind !== 'end') throw this.#unexpected('an operator or the end');
  }

  or(): Expression {
    return this.#several('or', () => this.#several('and', () => this.#not()));
  }

  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  #several(kind: 'and' | 'or', operand: () => Expression): Expression {
    const first = operand();
    const { at } = this.#token;
    const operands = [first];
    while (this.#takeWord(kind)) operands.push(operand());
    return operands.length === 1 ? first : this.#built({ kind, at, operands }, operands);
  }

  #not(): Expression {
    const { at } = this.#token;
    if (!this.#takeWord('not')) return this.#comparison();
    return this.#deeper(at, () => {
      const operand = this.#not();
      return this.#built({ kind: 'not', at, operand }, [operand]);
    });
  }

  #comparison(): Expression {
    const left = this.#sum();
    const whole = this.#compared(left);
    if (whole !== left && this.#isComparison()) {
      throw expressionError(
        this.#text,
        this.#token.at,
        'comparisons do not chain: join two by and, or use parentheses',
      );
    }
    return whole;
  }

  #isComparison(): boolean {
    const { kind, text } = this.#token;
    return kind === 'symbol' ? text === '~' || COMPARISONS.includes(text) : this.#isWord('is') || this.#isWord('in');
  }

  #compared(left: Expression): Expression {
    const { at, kind, text } = this.#token;
    if (kind === 'symbol' && COMPARISONS.includes(text)) {
      this.#next++;
      const right = this.#sum();
      const isNullTest = (text === '==' || text === '!=') && (left.kind === 'null' || right.kind === 'null');
      if (!isNullTest) {
        return this.#built({ kind: 'compare', at, operator: text as CompareOperator, left, right }, [left, right]);
      }
      const operand = right.kind === 'null' ? left : right;
      return this.#built({ kind: 'isNull', at, operand, negated: text === '!=' }, [operand]);
    }
    if (this.#takeSymbol('~')) {
      if (this.#token.kind !== 'text') throw this.#unexpected("a pattern in quotes, as 'pump-*'");
      const pattern = this.#tokens[this.#next++]!.text;
      return this.#built({ kind: 'matches', at, operand: left, pattern }, [left]);
    }
    if (this.#takeWord('is')) {
      const negated = this.#takeWord('not');
      if (!this.#takeWord('null')) throw this.#unexpected(negated ? 'null' : 'null or not null');
      return this.#built({ kind: 'isNull', at, operand: left, negated }, [left]);
    }
    const negated = this.#takeWord('not');
    if (!this.#takeWord('in')) {
      if (negated) throw this.#unexpected('in');
      return left;
    }
    return this.#built({ kind: 'in', at, operand: left, items: this.#items(), negated }, [left]);
  }

  #items(): (number | string)[] {
    if (!this.#takeSymbol('(')) throw this.#unexpected('( and a list of values');
    const items: (number | string)[] = [];
    do {
      const sign = this.#takeSymbol('-') ? -1 : 1;
      const { at, kind, text } = this.#token;
      if (kind === 'number') items.push(sign * this.#number(at, text));
      else if (kind === 'text' && sign === 1) items.push(text);
      else throw this.#unexpected('a number or a text in quotes');
      this.#next++;
    } while (this.#takeSymbol(','));
    if (!this.#takeSymbol(')')) throw this.#unexpected(', or )');
    return items;
  }

  #sum(): Expression {
    return this.#chain(['+', '-'], () => this.#chain(['*', '/', '%'], () => this.#unary()));
  }

  #chain(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const { at, kind, text } = this.#token;
      if (kind !== 'symbol' || !operators.includes(text)) return left;
      this.#next++;
      const right = operand();
      const operator = text as ArithmeticOperator;
      left = this.#built({ kind: 'arithmetic', at, operator, left, right }, [left, right]);
    }
  }

  #unary(): Expression {
    const { at } = this.#token;
    if (!this.#takeSymbol('-')) return this.#value();
    return this.#deeper(at, () => {
      const operand = this.#unary();
      return this.#built({ kind: 'negate', at, operand }, [operand]);
    });
  }

  #value(): Expression {
    const { at, kind, text } = this.#token;
    if (kind === 'symbol' && text === '(') {
      this.#next++;
      return this.#deeper(at, () => {
        const inner = this.or();
        if (!this.#takeSymbol(')')) throw this.#unexpected('an operator or )');
        return inner;
      });
    }
    if (kind === 'number') {
      this.#next++;
      return { kind, at, value: this.#number(at, text) };
    }
    if (kind === 'text' || kind === 'quoted') {
      this.#next++;
      return kind === 'text' ? { kind, at, value: text } : { kind: 'name', at, name: text, quoted: true };
    }
    if (this.#takeWord('null')) return { kind: 'null', at };
    if (kind !== 'name' || WORDS.includes(text)) throw this.#unexpected('a value');
    this.#next++;
    if (this.#token.kind === 'symbol' && this.#token.text === '(') return this.#call(at, text);
    return { kind: 'name', at, name: text, quoted: false };
  }

  #number(at: number, text: string): number {
    const value = Number(text);
    if (value < Infinity) return value;
    throw expressionError(this.#text, at, `${text} is beyond the numbers of 64 bits`);
  }

  #call(at: number, name: string): Expression {
    const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (known === undefined) {
      const problem = `there is no function ${name}: the functions are ${Object.keys(FUNCTIONS).join(', ')}`;
      throw expressionError(this.#text, at, problem);
    }
    this.#next++;
    return this.#deeper(at, () => {
      const operands = [this.or()];
      while (this.#takeSymbol(',')) operands.push(this.or());
      if (!this.#takeSymbol(')')) throw this.#unexpected('an operator, a comma or )');
      const { least, most } = known;
      if (operands.length < least || operands.length > most) {
        const wanted = least === most ? `${least}` : `${least} to ${most}`;
        throw expressionError(this.#text, at, `${name} takes ${wanted} values, and ${operands.length} are given`);
      }
      return this.#built({ kind: 'call', at, name, operands }, operands);
    });
  }

  #deeper(at: number, build: () => Expression): Expression {
    if (++this.#depth > MAX_DEPTH) throw this.#tooDeep(at);
    const built = build();
    this.#depth--;
    return built;
  }

  #built(node: Expression, parts: readonly Expression[]): Expression {
    const depth = 1 + parts.reduce((most, part) => Math.max(most, this.#depths.get(part) ?? 0), 0);
    if (depth > MAX_DEPTH) throw this.#tooDeep(node.at);
    this.#depths.set(node, depth);
    return node;
  }

  #tooDeep(at: number): Error {
    return expressionError(this.#text, at, `more than ${MAX_DEPTH} operators are inside one another here`);
  }

  #isWord(word: string): boolean {
    return this.#token.kind === 'name' && this.#token.text === word;
  }

  #takeWord(word: string): boolean {
    if (!this.#isWord(word)) return false;
    this.#next++;
    return true;
  }

  #takeSymbol(symbol: string): boolean {
    const { kind, text } = this.#token;
    if (kind !== 'symbol' || text !== symbol) return false;
    this.#next++;
    return true;
  }

  #unexpected(wanted: string): Error {
    const { kind, at, text } = this.#token;
    const shown = kind === 'text' ? JSON.stringify(text) : kind === 'quoted' ? shownName(text) : text;
    const found = kind === 'end' ? 'it ends here' : `here is ${shown}`;
    return expressionError(this.#text, at, `${found} where ${wanted} is expected`);
  }
}
