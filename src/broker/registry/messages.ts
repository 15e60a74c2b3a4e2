import type { CompatibilityFailure } from '../../schemas/compatibilityLevel.ts';
import { describeIncompatibility } from '../../schemas/incompatibility.ts';

/** A schema of thousands of fields can clash in each of them. */
const MAX_CLASHES = 100;

/**
 * A failed check as the strings that registries put into `messages`: one pseudo-JSON object per clash, which clients
 * search for its errorType, then the version compared with and the level.
 */
export function failureMessages(failure: CompatibilityFailure): string[] {
  const { incompatibilities, version, level } = failure;
  const clashes = incompatibilities.slice(0, MAX_CLASHES).map((clash) => {
    const place = `path '${clash.path}'${clash.field === '' ? '' : `, field '${clash.field}'`}`;
    return `{errorType:'${clash.rule}', description:"${describeIncompatibility(clash)}", additionalInfo:"${place}"}`;
  });
  const more = incompatibilities.length - clashes.length;
  const rest = more > 0 ? [`{more: ${more}}`] : [];
  return [...clashes, ...rest, `{oldSchemaVersion: ${version}}`, `{compatibility: ${level}}`];
}
