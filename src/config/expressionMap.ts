import { type Checked, good, show, wrong } from './checked.ts';

/** Names of derived fields: as in expressions without quotes. */
const NAME = /^[A-Za-z_]\w*$/;

/**
 * name=expression; name=expression. A line end separates as a semicolon does; neither does within quotes. What the
 * expressions mean is checked where they are compiled.
 */
export function parseExpressions(text: string): Checked {
  const map: Record<string, string> = {};
  for (const part of split(text)) {
    const equals = part.indexOf('=');
    if (equals <= 0) return wrong(`wants name=expression, got ${show(part)}`);
    const name = part.slice(0, equals).trim();
    if (Object.hasOwn(map, name)) return wrong(`has the name ${name} a second time`);
    map[name] = part.slice(equals + 1).trim();
  }
  return checkExpressions(map);
}

/** The map of a YAML file. */
export function checkExpressions(node: unknown): Checked {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) {
    return wrong(`wants a map of name: expression, got ${show(node)}`);
  }
  const map: Record<string, string> = {};
  const issues = Object.entries(node).flatMap(([name, value]: [string, unknown]) => {
    if (!NAME.test(name)) {
      return wrong('wants a name of letters, digits and _ that does not begin with a digit', [name]).issues;
    }
    // {double: 2} is an expression, too.
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string' || text.trim() === '') {
      return wrong(`wants an expression, got ${show(value)}`, [name]).issues;
    }
    map[name] = text;
    return [];
  });
  return issues.length > 0 ? { issues } : good(map);
}

function split(text: string): string[] {
  const parts: string[] = [];
  let quote = '';
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const sign = text[i] ?? '';
    if (quote !== '' && i < text.length) {
      if (sign === quote) quote = '';
    } else if (sign === "'" || sign === '"' || sign === '`') {
      quote = sign;
    } else if (sign === ';' || sign === '\n' || sign === '') {
      parts.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  return parts.filter((part) => part !== '');
}
