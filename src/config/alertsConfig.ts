/** The alert stage: what becomes of alerts before anybody is told. Durations are milliseconds. */
export interface AlertsConfig {
  /** Whether `run` has the stage beside it; else `anomaly alerts run` is it. */
  readonly stage: 'beside' | 'alone';
  /** Evidence that is older by record time is kept and never told. */
  readonly maxAgeMs: number;
  /** Event time for which something has to last before it is told. */
  readonly minDurationMs: number;
  /** Event time without another alert after which one ends whose rule tells no end. */
  readonly resolveAfterMs: number;
  /** Event time from the first mover within which alerts of other series are of the same incident. */
  readonly groupWithinMs: number;
  /** The sign before whose last place in a key the group of a series stands, or *. */
  readonly groupBy: string;
  /** Least event time between two updates that tell only of more series. */
  readonly updateEveryMs: number;
  /** Whether peaks that are expected for their hour are held. */
  readonly seasonal: boolean;
  /** Score over threshold from which an incident is of that severity; below all it is info. */
  readonly severity: { readonly warning: number; readonly error: number; readonly critical: number };
  /** Patterns of the series that stand for user traffic, and topics of windows all of whose series do. */
  readonly kpis: readonly string[];
  readonly kpiTopics: readonly string[];
  /** Windows up to the event over which it is correlated. */
  readonly kpiWindows: number;
  readonly kpiCorrelation: number;
  /** Names of the calendars in whose events nothing is told. */
  readonly maintenance: readonly string[];
  /** Start and end of their spans in turn, epoch milliseconds, one array a calendar. */
  readonly maintenanceSpans: readonly Float64Array[];
  readonly flapping: { readonly count: number; readonly withinMs: number };
  readonly breaches: BreachConfig;
}

/** When the pipeline itself is in breach; Infinity is off. */
export interface BreachConfig {
  /** p95 from ingestion to alert. */
  readonly latencyMs: number;
  /** Share of the values asked that the model scored, 0 to 1. */
  readonly inference: number;
  /** Age of the newest checkpoint in intervals of checkpoint.every. */
  readonly checkpoint: number;
  /** Time for which lag has to stand still or grow. */
  readonly lagMs: number;
  readonly members: boolean;
  /** How long a breach has to last before it is one, and be over before it is none. */
  readonly afterMs: number;
}
