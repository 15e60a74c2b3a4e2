import type { CompatibilityFailure } from '../../schemas/compatibilityLevel.ts';
import { describeIncompatibility } from '../../schemas/incompatibility.ts';

/**
 * A failed check as the strings that registries put into `messages`: one pseudo-JSON object per clash, which clients
 * search for its errorType, then the version compared with and the level.
 */
export function failureMessages(failure: CompatibilityFailure): string[] {
  const clashes = failure.incompatibilities.map((clash) => {
    const place = `path '${clash.path}'${clash.field === '' ? '' : `, field '${clash.field}'`}`;
    return `{errorType:'${clash.rule}', description:"${describeIncompatibility(clash)}", additionalInfo:"${place}"}`;
  });
  return [...clashes, `{oldSchemaVersion: ${failure.version}}`, `{compatibility: ${failure.level}}`];
}
