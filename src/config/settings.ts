/** Where a value came from, strongest first. */
export type Origin = 'flag' | 'environment' | 'project file' | 'user file' | 'rpk profile' | 'default';

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
  origin(key: string): { readonly origin: Origin; readonly place: string };
  /** The whole resolved document in the shape of anomaly.yaml (source, time, windows, score, ...), validated. */
  pipeline(): import('./pipelineConfig.ts').PipelineConfig;
  entries(): IterableIterator<{ key: string; value: unknown; origin: Origin; place: string; secret: boolean }>;
}
