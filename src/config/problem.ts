/** One thing that is wrong with the configuration. */
export interface Problem {
  /** 'anomaly.yaml:4', '--size', 'ANOMALY_BROKERS'. */
  readonly place: string;
  /** Key path: 'windows[0].size'; empty when the file itself is wrong. */
  readonly key: string;
  /** Reads on after the key: 'wants a duration such as 5m, got "x"'. */
  readonly message: string;
  /** Known to a later version: ANM_UNSUPPORTED rather than ANM_CONFIG. */
  readonly later: boolean;
}
