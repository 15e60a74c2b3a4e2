import type { CompatibilityLevel } from '../../schemas/compatibilityLevel.ts';
import type { SchemaType } from '../../schemas/schemaParser.ts';

export const REGISTRY_MODES = ['READWRITE', 'READONLY', 'IMPORT'] as const;

export type RegistryMode = (typeof REGISTRY_MODES)[number];

/** A version of another subject that a schema builds on, under the name that the schema calls it by. */
export interface SchemaReference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** All that makes a schema the same one: its id stands for exactly this. */
export interface SchemaDefinition {
  readonly type: SchemaType;
  readonly schema: string;
  readonly references: readonly SchemaReference[];
  /** `metadata.properties`; null without metadata. */
  readonly properties: Readonly<Record<string, string>> | null;
}

/**
 * One change of the registry's contents. They are plain JSON, they hold states rather than steps (applying one twice is
 * the same as once), and all contents come from them: a journal of them, in order, is the registry.
 */
export type RegistryChange =
  /** An id has a definition now, or, with null, none any more. */
  | { readonly kind: 'schema'; readonly id: number; readonly definition: SchemaDefinition | null }
  | {
      readonly kind: 'version';
      readonly subject: string;
      readonly version: number;
      readonly id: number;
      /** Deleted softly: hidden, but there. */
      readonly deleted: boolean;
    }
  /** Deleted for good. */
  | { readonly kind: 'versionRemoved'; readonly subject: string; readonly version: number }
  /** The level of a subject, or of all (null), or its return to what holds without a setting (level null). */
  | { readonly kind: 'level'; readonly subject: string | null; readonly level: CompatibilityLevel | null }
  | { readonly kind: 'mode'; readonly subject: string | null; readonly mode: RegistryMode | null };
