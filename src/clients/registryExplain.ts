import { isAnomalyError } from '../errors.ts';
import { describeIncompatibility } from '../schemas/avroCompatibility.ts';
import { parseAvroSchema } from '../schemas/avroSchema.ts';
import { type CompatibilityLevel, checkCandidate } from '../schemas/compatibilityLevel.ts';
import type { RegisteredVersion } from './registry.ts';

/**
 * Why a registry refused an Avro schema, clash by clash with field and rule; null when the own comparison finds
 * nothing (another schema type, or a registry that is stricter) or cannot read one of them (references to other
 * subjects): then the registry's own words have to do.
 */
export function explainFailure(
  level: CompatibilityLevel,
  schema: string,
  history: readonly RegisteredVersion[],
): string[] | null {
  try {
    const avro = history.filter(({ type }) => type === 'AVRO');
    const earlier = avro.map(({ version, schema: text }) => ({ version, schema: parseAvroSchema(text) }));
    const failure = checkCandidate(level, parseAvroSchema(schema), earlier);
    if (failure === null) return null;
    return failure.incompatibilities.map(
      (clash) => `${describeIncompatibility(clash)}, ${level} against version ${failure.version}`,
    );
  } catch (error) {
    if (isAnomalyError(error) && error.code === 'ANM_SCHEMA_INVALID') return null;
    throw error;
  }
}
