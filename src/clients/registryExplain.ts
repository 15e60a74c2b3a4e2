import { isAnomalyError } from '../errors.ts';
import { type CompatibilityLevel, checkCandidate } from '../schemas/compatibilityLevel.ts';
import { describeIncompatibility } from '../schemas/incompatibility.ts';
import type { ReferencedSchema } from '../schemas/parsedSchema.ts';
import { loadSchemaParser, type SchemaType } from '../schemas/schemaParser.ts';

/** A schema with the texts of all that it refers to, each before those that need it. */
export interface ResolvedSchema {
  readonly type: SchemaType;
  readonly text: string;
  readonly referenced: readonly ReferencedSchema[];
}

/** A schema of thousands of fields can clash in each of them. */
const MAX_CLASHES = 100;

/**
 * Why a registry refused a schema, clash by clash with path, rule, level and version, since registries differ in what
 * they tell; null when the own comparison finds nothing (a registry that is stricter) or cannot read or compare one of
 * them: then the registry's own words have to do.
 */
export async function explainFailure(
  level: CompatibilityLevel,
  candidate: ResolvedSchema,
  history: readonly (ResolvedSchema & { readonly version: number })[],
): Promise<string[] | null> {
  const parse = async ({ type, text, referenced }: ResolvedSchema) => (await loadSchemaParser(type))(text, referenced);
  try {
    const earlier = await Promise.all(
      history.map(async (each) => ({ version: each.version, schema: await parse(each) })),
    );
    const failure = checkCandidate(level, await parse(candidate), earlier);
    if (failure === null) return null;
    const against = `${level} against version ${failure.version}`;
    const { incompatibilities } = failure;
    const shown = incompatibilities
      .slice(0, MAX_CLASHES)
      .map((clash) => `${describeIncompatibility(clash)}, ${against}`);
    const more = incompatibilities.length - shown.length;
    return more > 0 ? [...shown, `${more} more`] : shown;
  } catch (error) {
    if (isAnomalyError(error)) return null;
    throw error;
  }
}
