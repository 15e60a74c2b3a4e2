import { parseExpression } from './parser.ts';
import { type Expression, SERIES, WORDS } from './syntax.ts';

/** The expression as text with every parenthesis: one notation for all ways to write the same tree. */
export function printExpression(node: Expression): string {
  switch (node.kind) {
    case 'number':
      return String(node.value);
    case 'text':
      return quoted(node.value, "'");
    case 'null':
      return 'null';
    case 'name':
      return isPlain(node.name, node.quoted) ? node.name : quoted(node.name, '`');
    case 'negate':
      return `(-${printExpression(node.operand)})`;
    case 'arithmetic':
    case 'compare':
      return `(${printExpression(node.left)} ${node.operator} ${printExpression(node.right)})`;
    case 'isNull':
      return `(${printExpression(node.operand)} is ${node.negated ? 'not ' : ''}null)`;
    case 'in': {
      const items = node.items.map((item) => (typeof item === 'number' ? String(item) : quoted(item, "'")));
      return `(${printExpression(node.operand)} ${node.negated ? 'not ' : ''}in (${items.join(', ')}))`;
    }
    case 'matches':
      return `(${printExpression(node.operand)} ~ ${quoted(node.pattern, "'")})`;
    case 'and':
    case 'or':
      return `(${node.operands.map(printExpression).join(` ${node.kind} `)})`;
    case 'not':
      return `(not ${printExpression(node.operand)})`;
    case 'call':
      return `${node.name}(${node.operands.map(printExpression).join(', ')})`;
  }
}

/** The text of an expression in that notation: spaces, and parentheses that change nothing, do not change it. */
export function normalExpression(text: string): string {
  return printExpression(parseExpression(text));
}

function isPlain(name: string, isQuoted: boolean): boolean {
  if (name === SERIES) return !isQuoted;
  return /^[A-Za-z_]\w*(?:\.\w+)*$/.test(name) && !WORDS.includes(name);
}

function quoted(text: string, quote: string): string {
  return `${quote}${text.replaceAll(quote, quote + quote)}${quote}`;
}
