import { AnomalyError } from '../errors.ts';
import type { Problem } from './problem.ts';

/** One error for all problems; ANM_UNSUPPORTED when all of them are things of a later version. */
export function problemError(problems: readonly Problem[]): AnomalyError {
  const lines = problems.map(({ place, key, message }) => {
    const where = key === '' || place === `-X ${key}` ? place : `${place}: ${key}`;
    return `${where} ${message}`;
  });
  const text =
    lines.length === 1
      ? lines[0]!
      : `the configuration has ${lines.length} problems\n${lines.map((line) => `  ${line}`).join('\n')}`;
  return new AnomalyError(problems.every((problem) => problem.later) ? 'ANM_UNSUPPORTED' : 'ANM_CONFIG', text, {
    hint: 'anomaly config show --origin prints each key with its origin; docs/configuration.md describes them',
    details: { problems },
  });
}
