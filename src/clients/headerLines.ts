import { validateHeaderName, validateHeaderValue } from 'node:http';
import { AnomalyError } from '../errors.ts';

/**
 * The headers of a text, one `name: value` a line, as curl reads them from a file; empty lines, and those that begin with
 * #, are left out.
 *
 * @param key where the text is configured
 * @throws ANM_CONFIG, naming the line and never a value
 */
export function headersOf(text: string, key: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!isHeader(name, value)) {
      throw new AnomalyError('ANM_CONFIG', `cannot use line ${i + 1} of ${key} as it is no name: value`, {
        hint: 'one header a line, as authorization: Bearer TOKEN',
      });
    }
    if (Object.hasOwn(headers, name)) {
      throw new AnomalyError('ANM_CONFIG', `cannot use ${key} as it has ${name} a second time`);
    }
    headers[name] = value;
  }
  return headers;
}

function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return name !== '' && value !== '';
  } catch {
    return false;
  }
}
