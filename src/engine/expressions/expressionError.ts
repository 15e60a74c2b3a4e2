import { AnomalyError } from '../../errors.ts';

/** Characters of an expression that are shown before and after the place. */
const SHOWN = 36;

/** A name or text as messages show it: on one line. */
export function shownName(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : JSON.stringify(name);
}

/** ANM_CONFIG that shows the place: `problem` reads on after "cannot read the expression as ". */
export function expressionError(text: string, at: number, problem: string, hint?: string): AnomalyError {
  const from = Math.max(0, at - SHOWN);
  const to = Math.min(text.length, at + SHOWN);
  const before = from > 0 ? '...' : '';
  const after = to < text.length ? '...' : '';
  // One character a column: line ends and tabs would move the caret away from its place.
  const shown = `${before}${text.slice(from, to).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')}${after}`;
  const caret = `${' '.repeat(before.length + at - from)}^`;
  return new AnomalyError('ANM_CONFIG', `cannot read the expression as ${problem}\n    ${shown}\n    ${caret}`, {
    ...(hint !== undefined && { hint }),
    details: { expression: text, column: at + 1 },
  });
}
