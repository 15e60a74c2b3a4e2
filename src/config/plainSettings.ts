import type { Found } from './fileKeys.ts';
import type { PipelineConfig } from './pipelineConfig.ts';
import type { Problem } from './problem.ts';
import type { SettingsFile } from './settingsFile.ts';

/** Everything behind settings, as structured cloning takes it. */
export interface PlainSettings {
  /** The strongest value of each key that something sets. */
  readonly found: ReadonlyMap<string, Found>;
  readonly problems: readonly Problem[];
  /** What the files of `calendars` hold. */
  readonly calendars?: PipelineConfig['calendars'];
  readonly files: readonly SettingsFile[];
  /** Top-level keys that a file has. */
  readonly sections: ReadonlySet<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stateDirectory: string;
}
