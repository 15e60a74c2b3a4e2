import type { Incompatibility } from './incompatibility.ts';
import type { ParsedSchema } from './parsedSchema.ts';
import { findSchemaIncompatibilities } from './schemaParser.ts';

/** What a subject demands of a new version; BACKWARD is what registries start with. */
export const COMPATIBILITY_LEVELS = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;

export type CompatibilityLevel = (typeof COMPATIBILITY_LEVELS)[number];

export interface SchemaVersion {
  readonly version: number;
  readonly schema: ParsedSchema;
}

/** The newest earlier version that the candidate clashes with. */
export interface CompatibilityFailure {
  readonly level: CompatibilityLevel;
  readonly version: number;
  readonly incompatibilities: readonly Incompatibility[];
}

export function isCompatibilityLevel(value: unknown): value is CompatibilityLevel {
  return (COMPATIBILITY_LEVELS as readonly unknown[]).includes(value);
}

/** Transitive levels compare with every earlier version, the others with the latest only. */
export function isTransitive(level: CompatibilityLevel): boolean {
  return level.endsWith('_TRANSITIVE');
}

/**
 * Compares a candidate with the given earlier versions, newest first, and stops at the first that clashes.
 * BACKWARD: the candidate reads what the old one wrote; FORWARD: the old one reads what the candidate writes.
 * Choosing which versions count is up to the caller; see `isTransitive`. A schema of another language never fits, but
 * with NONE, which compares nothing.
 * @throws AnomalyError ANM_SCHEMA_UNSUPPORTED naming the version, where two schemas cannot be compared
 */
export function checkCandidate(
  level: CompatibilityLevel,
  candidate: ParsedSchema,
  history: readonly SchemaVersion[],
): CompatibilityFailure | null {
  const newestFirst = [...history].sort((left, right) => right.version - left.version);
  for (const { version, schema } of newestFirst) {
    const old = `version ${version}`;
    const fresh = 'the new schema';
    const incompatibilities: Incompatibility[] = [];
    if (level.startsWith('BACKWARD') || level.startsWith('FULL')) {
      incompatibilities.push(...findSchemaIncompatibilities(candidate, schema, { reader: fresh, writer: old }));
    }
    if (level.startsWith('FORWARD') || level.startsWith('FULL')) {
      incompatibilities.push(...findSchemaIncompatibilities(schema, candidate, { reader: old, writer: fresh }));
    }
    if (incompatibilities.length > 0) return { level, version, incompatibilities };
  }
  return null;
}
