import type { Origin } from './origin.ts';
import type { PipelineConfig } from './pipelineConfig.ts';
import type { PlainSettings } from './plainSettings.ts';
import type { Problem } from './problem.ts';
import type { SettingsFile } from './settingsFile.ts';

/**
 * Resolved configuration: each key with its value and its origin. Precedence: flag > -X > ANOMALY_* > RPK_* >
 * anomaly.yaml > user file > rpk profile > default.
 */
export interface Settings {
  /** The value at a dotted key, typed by the settings table; undefined when nothing sets it and it has no default. */
  get(key: string): unknown;
  string(key: string): string;
  optionalString(key: string): string | undefined;
  number(key: string): number;
  boolean(key: string): boolean;
  list(key: string): readonly string[];
  /** Milliseconds. */
  durationMs(key: string): number;
  /** The text behind a secret's reference, read when asked for; undefined when it is not set. @throws ANM_CONFIG */
  secret(key: string): string | undefined;
  /**
   * The text behind a reference that stands inside of a value, as in an item of alerts.sinks; any other text as it is.
   * @param place for messages. @throws ANM_CONFIG
   */
  reference(text: string, place: string): string;
  origin(key: string): { readonly origin: Origin; readonly place: string };
  /**
   * The whole resolved document in the shape of anomaly.yaml (source, time, windows, score, ...), validated. A command
   * may give defaults of its own by key ({'score.detector': 'range'}); they are weaker than all but the table's.
   */
  pipeline(defaults?: Readonly<Record<string, unknown>>): PipelineConfig;
  /** All of it as plain data that may cross to a worker, secrets included: `ResolvedSettings` takes it back. */
  plain(): PlainSettings;
  /** Secrets come redacted. */
  entries(): IterableIterator<{ key: string; value: unknown; origin: Origin; place: string; secret: boolean }>;
  /** The files that were looked for, strongest first. */
  readonly files: readonly SettingsFile[];
  /** Empty, except for commands that take a broken configuration (doctor, config path). */
  readonly problems: readonly Problem[];
}
