/** What the live view of `anomaly demo` shows; plain data, made four times a second. */
export interface DemoSnapshot {
  readonly elapsedMs: number;
  /** Records put into the source topic, of how many. */
  readonly produced: number;
  readonly total: number;
  /** Records that the pipeline has taken in. */
  readonly processed: number;
  /** Records a second over the last second. */
  readonly rate: number;
  readonly windows: number;
  readonly alerts: number;
  readonly late: number;
  readonly lagRecords: number;
  /** Ingestion to alert, milliseconds; null before the first alert. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** Rates of the last seconds, oldest first. */
  readonly rates: readonly number[];
  /** Newest alerts first. */
  readonly recent: readonly DemoAlert[];
}

export interface DemoAlert {
  readonly id: string;
  readonly series: string;
  /** Event time, epoch ms. */
  readonly timeMs: number;
  readonly value: number;
  readonly expected: number | null;
  readonly score: number;
  /** True inside a labelled anomaly, false outside any. */
  readonly labelled: boolean;
}
