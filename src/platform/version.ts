import { readFileSync } from 'node:fs';

/** Version of this tool, from package.json: the same path from src/ and from dist/. */
export function toolVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
