import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { compileCondition, compileNumber } from '../../engine/expressions/compile.ts';
import type { SelectDefinition } from '../../engine/recordSelect.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';

/**
 * source.where and derive, compiled once to see that they can be; undefined where there is neither.
 *
 * @throws ANM_CONFIG that names the key and shows the place
 */
export function defineSelect({
  source,
  derive,
}: Pick<PipelineConfig, 'source' | 'derive'>): SelectDefinition | undefined {
  const fields = Object.keys(source.fields);
  const known = [...fields];
  const derived = Object.entries(derive).map(([name, expression]) => {
    if (fields.includes(name)) {
      throw new AnomalyError(
        'ANM_CONFIG',
        `derive.${name} cannot be ${expression} as source.fields has a ${name}, too`,
        {
          hint: 'give the derived field another name',
          details: { key: `derive.${name}`, value: expression },
        },
      );
    }
    withKey(`derive.${name}`, () => compileNumber(expression, known));
    known.push(name);
    return { name, expression };
  });
  const { where } = source;
  if (where !== undefined) withKey('source.where', () => compileCondition(where, known));
  if (where === undefined && derived.length === 0) return undefined;
  return { fields, derived, ...(where !== undefined && { where }) };
}

/** What an expression's reader throws, with the key that the expression is of. */
export function withKey<T>(key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isAnomalyError(error) || error.code !== 'ANM_CONFIG') throw error;
    throw new AnomalyError('ANM_CONFIG', `${key}: ${error.message}`, {
      hint: 'docs/configuration.md has the grammar of expressions',
      details: { ...error.details, key },
    });
  }
}
