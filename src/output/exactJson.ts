/** A string, or a number; in valid JSON every digit outside of strings belongs to one. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Fewer digits than this always come through a double. */
const DIGITS_MIN = 16;

/**
 * JSON.parse, but a number that a double might change comes as a string of what stands there: all whole numbers beyond
 * 2^53 that are spelled as such, more digits than a double has, magnitudes beyond its range. @throws SyntaxError
 */
export function parseExactJson(text: string): unknown {
  const value = JSON.parse(text) as unknown;
  let changed = false;
  const quoted = text.replace(STRING_OR_NUMBER, (token) => {
    if (token.startsWith('"') || survives(token)) return token;
    changed = true;
    return `"${token}"`;
  });
  return changed ? (JSON.parse(quoted) as unknown) : value;
}

function survives(token: string): boolean {
  if (token.length < DIGITS_MIN && !/[eE]/.test(token)) return true;
  const number = Number(token);
  if (!Number.isFinite(number)) return false;
  if (/^-?\d+$/.test(token)) return Number.isSafeInteger(number);
  const [digits, exponent] = scientific(token);
  const [ownDigits, ownExponent] = scientific(String(number));
  return digits === ownDigits && (digits === '' || exponent === ownExponent);
}

/** The significant digits without zeros at either end, and the power of ten of the last one. */
function scientific(token: string): [string, number] {
  const [, whole, fraction = '', power = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token)!;
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  return [digits, Number(power) - fraction.length + (all.length - digits.length)];
}
