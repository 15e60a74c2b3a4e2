export type ValueType =
  | 'string'
  | 'secret'
  | 'integer'
  | 'number'
  | 'duration'
  | 'boolean'
  | 'list'
  | 'map'
  | 'expressions'
  | 'windows'
  | 'features'
  | 'overrides'
  | 'alert_sinks';

/** One configuration key. Flags, environment, files, help and docs/configuration.md all derive from these rows. */
export interface SettingRow {
  /** Dotted path, as in anomaly.yaml. */
  readonly key: string;
  readonly type: ValueType;
  /** As text, in the notation that a flag takes. Absent: no default. */
  readonly default?: string;
  /** Shown instead of `default` where the default depends on something else. */
  readonly defaultText?: string;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** The value `off` is allowed and means infinity: durations and whole numbers. */
  readonly offAllowed?: boolean;
  /** rpk's variable for the same thing. */
  readonly rpkEnv?: string;
  /** Path in a profile of rpk.yaml, or in its globals when it starts with `globals.`. */
  readonly rpkPath?: string;
  /** rpk's name for -X. */
  readonly alias?: string;
  /** One line, no final period. */
  readonly doc: string;
}
