import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { servicesDir } from './services.ts';

export const KAFKAJS_SOURCE = fileURLToPath(new URL('../kafkajs', import.meta.url));

/** Puts our programs for kafkajs, and the packages that they need, into a folder of this machine's cache. */
export function installKafkajs(): string {
  const dir = join(servicesDir(), 'kafkajs');
  cpSync(KAFKAJS_SOURCE, dir, { recursive: true });
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: dir, stdio: 'inherit' });
  return dir;
}
