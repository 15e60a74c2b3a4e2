import { readFileSync } from 'node:fs';
import { packageFile } from './packageFile.ts';

/** Version of this tool, from package.json. */
export function toolVersion(): string {
  const text = readFileSync(packageFile('package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
