/** What the live view of `anomaly demo` shows; plain data, made at most four times a second. */
export interface DemoSnapshot {
  readonly elapsedMs: number;
  /** Records put into the source topic, of how many. */
  readonly produced: number;
  readonly total: number;
  /** Records a second, lately. */
  readonly rate: number;
  /** Rates of the last seconds, oldest first. */
  readonly rates: readonly number[];
  readonly windows: number;
  readonly alerts: number;
  readonly late: number;
  /** Records in the source topic that the pipeline has not taken in. */
  readonly lagRecords: number;
  /** Ingestion to alert, milliseconds; null before the first alert. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** Newest alerts first. */
  readonly recent: readonly DemoAlert[];
  readonly phase: 'running' | 'draining' | 'done';
}

export interface DemoAlert {
  readonly id: string;
  readonly series: string;
  /** Event time, epoch ms. */
  readonly timeMs: number;
  readonly value: number;
  /** -log10 of the probability. */
  readonly score: number;
  /** True inside a labelled anomaly, false outside any. */
  readonly labelled: boolean;
}
