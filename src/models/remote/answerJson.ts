import { AnomalyError } from '../../errors.ts';

/** Most signs of an answer that a message repeats. */
export const MODEL_ANSWER = 200;

/**
 * JSON with the words NaN, Infinity and -Infinity, which TensorFlow Serving and Python's json write for numbers that are
 * not finite; they become null, as no score can be made of them.
 *
 * @param from who answered, for the message
 * @throws ANM_MODEL_OUTPUT
 */
export function parseAnswer(body: Buffer, from: string): unknown {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    try {
      return JSON.parse(text.replace(TOKENS, (found) => (found.startsWith('"') ? found : 'null')));
    } catch {
      const message = `${from} answers what is no JSON: ${startOf(text, MODEL_ANSWER)}`;
      throw new AnomalyError('ANM_MODEL_OUTPUT', message, { cause });
    }
  }
}

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/**
 * The numbers of a value, nested lists in their order. null and the words for what is not finite are NaN, true and false
 * are 1 and 0. Undefined where there is anything else.
 */
export function numbersIn(value: unknown): number[] | undefined {
  const numbers: number[] = [];
  const walk = (each: unknown): boolean => {
    if (Array.isArray(each)) return each.every(walk);
    const number = numberOf(each);
    if (number === undefined) return false;
    numbers.push(number);
    return true;
  };
  return walk(value) ? numbers : undefined;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (value === null) return Number.NaN;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' && /^[-+]?(nan|inf|infinity)$/i.test(value) ? Number.NaN : undefined;
}

/** Row-major values as nested lists of their shape. */
export function nestedJson(
  values: { subarray(from: number, to: number): { join(by: string): string } },
  dims: readonly number[],
): string {
  let at = 0;
  const write = (depth: number): string => {
    const size = dims[depth]!;
    if (depth === dims.length - 1) {
      at += size;
      return `[${values.subarray(at - size, at).join(',')}]`;
    }
    const parts: string[] = [];
    for (let i = 0; i < size; i++) parts.push(write(depth + 1));
    return `[${parts.join(',')}]`;
  };
  return write(0);
}

/** The beginning of a text, on one line. */
export function startOf(text: string, most: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > most ? `${line.slice(0, most - 3)}...` : line;
}
