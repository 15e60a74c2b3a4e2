import type { Origin } from './origin.ts';

/** A file that settings were looked for in. */
export interface SettingsFile {
  readonly kind: Origin;
  readonly path: string;
  readonly found: boolean;
  /** The profile of rpk.yaml. */
  readonly name?: string;
}
