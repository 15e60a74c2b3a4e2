import { nearest } from '../errors/nearest.ts';
import { type Checked, good, show, wrong } from './checked.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { checkExpressions, parseExpressions } from './expressionMap.ts';
import { LATER_VALUES } from './laterKeys.ts';
import type { SettingRow } from './settingRow.ts';

export type Checkable = Pick<SettingRow, 'key' | 'type' | 'choices' | 'min' | 'max' | 'offAllowed'>;

/** A value given as text: by a flag, -X or the environment. */
export function parseScalar(row: Checkable, text: string): Checked {
  switch (row.type) {
    case 'list':
      return good(splitList(text));
    case 'map':
      return parseMap(text);
    case 'expressions':
      return parseExpressions(text);
    case 'boolean':
      if (/^(true|1|yes|on)$/i.test(text)) return good(true);
      if (/^(false|0|no|off)$/i.test(text)) return good(false);
      return wrong(`wants true or false, got "${text}"`);
    case 'integer':
    case 'number':
      if (text === 'off' && row.offAllowed) return good(Infinity);
      return /^[+-]?(\d|\.\d|Infinity)/.test(text) ? checkNumber(row, Number(text), text) : wrongNumber(row, text);
    case 'duration':
      return checkDuration(row, text);
    default:
      return checkChoice(row, text);
  }
}

/** A value of a YAML file, as its JavaScript value. */
export function checkScalar(row: Checkable, node: unknown): Checked {
  switch (row.type) {
    case 'list':
      if (typeof node === 'string') return good(splitList(node));
      if (Array.isArray(node) && node.every((item) => typeof item === 'string')) return good(node);
      return wrong(`wants a list of texts, got ${show(node)}`);
    case 'map':
      return checkMap(node);
    case 'expressions':
      return checkExpressions(node);
    case 'boolean':
      return typeof node === 'boolean' ? good(node) : wrong(`wants true or false, got ${show(node)}`);
    case 'integer':
    case 'number':
      if ((node === false || node === 'off') && row.offAllowed) return good(Infinity);
      return typeof node === 'number' ? checkNumber(row, node, String(node)) : wrongNumber(row, show(node));
    case 'duration':
      if (node === false && row.offAllowed) return good(Infinity);
      if (typeof node === 'number' && node !== 0) return wrong(`wants a unit: ${node}s, ${node}m or ${node}ms`);
      return typeof node === 'string' || node === 0 ? checkDuration(row, String(node)) : wrongDuration(show(node));
    default:
      // A name that looks like a number, or a path such as 10, is meant as text.
      if (typeof node === 'string' || typeof node === 'number') return checkChoice(row, String(node));
      return wrong(`wants a text, got ${show(node)}`);
  }
}

/** A secret by where it is: file:PATH or env:NAME. */
export function isSecretReference(text: string): boolean {
  return /^(file|env):./.test(text);
}

export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function checkNumber(row: Checkable, value: number, text: string): Checked {
  if (Number.isNaN(value)) return wrongNumber(row, `"${text}"`);
  if (row.type === 'integer' && !Number.isSafeInteger(value)) return wrongNumber(row, text);
  if (row.min !== undefined && value < row.min) return wrong(`must be at least ${row.min}, got ${text}`);
  if (row.max !== undefined && value > row.max) return wrong(`must be at most ${row.max}, got ${text}`);
  return good(value);
}

function wrongNumber(row: Checkable, text: string): Checked {
  return wrong(`wants ${row.type === 'integer' ? 'a whole number' : 'a number'}, got ${text}`);
}

function checkDuration(row: Checkable, text: string): Checked {
  if (text === 'off' && row.offAllowed) return good(Infinity);
  const durationMs = parseDuration(text);
  if (durationMs === null) return wrongDuration(`"${text}"`);
  if (row.min !== undefined && durationMs < row.min) {
    if (row.min > 1) return wrong(`must be at least ${formatDuration(row.min)}, got ${text}`);
    return wrong(row.min > 0 ? `must be longer than 0, got ${text}` : `must not be negative, got ${text}`);
  }
  if (row.max !== undefined && durationMs > row.max) return wrong(`must be at most ${row.max} ms, got ${text}`);
  return good(durationMs);
}

function wrongDuration(text: string): Checked {
  return wrong(`wants a duration such as 250ms, 5m or 1h30m, got ${text}`);
}

function checkChoice(row: Checkable, text: string): Checked {
  const later = LATER_VALUES[row.key]?.[text];
  if (later !== undefined) {
    return { issues: [{ path: [], message: `cannot be ${text} yet, as this version has no ${later}`, later: true }] };
  }
  if (row.choices === undefined || row.choices.includes(text)) return good(text);
  // Mechanisms and levels are often written in another case.
  const otherCase = row.choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
  if (otherCase !== undefined) return good(otherCase);
  const near = nearest(text, row.choices);
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  return wrong(`wants ${orList(row.choices)}, got "${text}"${meant}`);
}

function orList(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function parseMap(text: string): Checked {
  const map: Record<string, string> = {};
  for (const part of splitList(text)) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    const path = equals < 0 ? part : part.slice(equals + 1);
    if (name === '' || path === '') return wrong(`wants name=path, got "${part}"`);
    map[equals < 0 ? (path.split('.').at(-1) ?? path) : name] = path;
  }
  return good(map);
}

function checkMap(node: unknown): Checked {
  if (Array.isArray(node) && node.every((item) => typeof item === 'string')) return parseMap(node.join(','));
  if (typeof node !== 'object' || node === null || Array.isArray(node)) {
    return wrong(`wants a map of name: path, got ${show(node)}`);
  }
  const entries = Object.entries(node);
  if (entries.length === 0) return wrong('is empty: it wants at least one name: path');
  const issues = entries.flatMap(([name, path]) =>
    typeof path === 'string' && path !== '' ? [] : [{ path: [name], message: `wants a path, got ${show(path)}` }],
  );
  return issues.length > 0 ? { issues } : good(node);
}
