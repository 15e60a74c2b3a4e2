import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { servicesDir } from './services.ts';

export const PYTHON_SOURCE = fileURLToPath(new URL('../python', import.meta.url));
const REQUIREMENTS = join(PYTHON_SOURCE, 'requirements.txt');

export const confluentKafkaVersion = (): string =>
  /confluent-kafka\S*==([\d.]+)/.exec(readFileSync(REQUIREMENTS, 'utf8'))![1]!;

/** The interpreter of an environment that has the requirements; made once per machine and version. */
export function pythonWithRequirements(): string {
  const dir = join(servicesDir(), `python-${confluentKafkaVersion()}`);
  const python = join(dir, 'bin', 'python');
  if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', dir], { stdio: 'inherit' });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS];
  execFileSync(python, pip, { stdio: 'inherit' });
  return python;
}
