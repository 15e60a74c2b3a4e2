import { AnomalyError } from '../errors.ts';

/** Nesting of brackets above this is refused, so that a hostile text cannot exhaust the stack of what walks it. */
const MAX_JSON_DEPTH = 1000;

/**
 * The JSON of a schema text. A bare name (`string`) is not JSON and is refused, as registries do.
 * @throws AnomalyError ANM_SCHEMA_INVALID
 */
export function parseSchemaJson(text: string): unknown {
  if (isNestedDeeper(text, MAX_JSON_DEPTH)) {
    throw new AnomalyError('ANM_SCHEMA_INVALID', `invalid schema: it is nested more than ${MAX_JSON_DEPTH} deep`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AnomalyError('ANM_SCHEMA_INVALID', `cannot read the schema as it is not JSON: ${reason}`, {
      cause: error,
    });
  }
}

/** Whether brackets outside of strings are open more than `limit` deep at any place; also for text that is no JSON. */
export function isNestedDeeper(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > limit) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}

const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * JSON that is changed and written again without touching its numbers: those that a double would alter, or print
 * differently (9223372036854775807, 1.0), travel as marked strings.
 */
export class ExactJson {
  readonly value: unknown;
  private readonly marker: string;

  /** @throws AnomalyError ANM_SCHEMA_INVALID */
  constructor(text: string) {
    const plain = JSON.stringify(parseSchemaJson(text));
    let marker = '#';
    while (plain.includes(marker)) marker += '#';
    this.marker = marker;
    this.value = JSON.parse(
      text.replace(STRING_OR_NUMBER, (token) =>
        token.startsWith('"') || String(Number(token)) === token ? token : `"${marker}${token}"`,
      ),
    );
  }

  /** Without white space. */
  write(value: unknown): string {
    return JSON.stringify(value).replaceAll(new RegExp(`"${this.marker}([^"]*)"`, 'g'), '$1');
  }
}

/** The same value with the members of all objects in the order of their names. */
export function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(members.map(([key, member]) => [key, sortMembers(member)]));
}
