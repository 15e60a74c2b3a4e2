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
  return environmentOf(`python-${confluentKafkaVersion()}`, REQUIREMENTS);
}

/** The same with Triton's client. */
export function pythonWithTriton(): string {
  return environmentOf('python-models', join(PYTHON_SOURCE, 'requirements-models.txt'));
}

function environmentOf(name: string, requirements: string): string {
  const dir = join(servicesDir(), name);
  const python = join(dir, 'bin', 'python');
  if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', dir], { stdio: 'inherit' });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  execFileSync(python, pip, { stdio: 'inherit' });
  return python;
}
