/**
 * What people are told: an incident as it stands, made by the alert stage (src/alerts/stage) and brought to the sinks by
 * delivery (src/alerts/delivery). Plain data, the value of its record on the compacted <pipeline>.outbox.
 */
export interface Notification {
  /** Identity of the incident, the dedup key of every sink: equal in every attempt, also after a crash. */
  readonly id: string;
  /** Rises by one with each change that is told. */
  readonly revision: number;
  readonly status: 'open' | 'update' | 'resolved';
  readonly severity: Severity;
  /** Of its first revision, so that it may stand in the identity that Alertmanager routes by; absent where unknown. */
  readonly openSeverity?: Severity;
  /** `breach`: the pipeline's own state (latency, lag, inference, checkpoint age), not its data. */
  readonly kind: 'anomaly' | 'breach';
  readonly pipeline: string;
  /** One line that says what and where. */
  readonly summary: string;
  /** Why: parts, band, first mover, KPI, gate; sentences, most telling first. */
  readonly reasons: readonly string[];
  readonly rule: string;
  /** Series that take part, the first mover first; at most 50, `seriesCount` has all. Empty for a breach. */
  readonly series: readonly string[];
  readonly seriesCount: number;
  readonly value: number | null;
  readonly expected: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /** -log10 p of its highest alert; null for a breach. */
  readonly score: number | null;
  /** Ids of its alerts on the anomalies topic, for `anomaly explain`; at most 50. */
  readonly alerts: readonly string[];
  /** Epoch milliseconds; event time of the evidence. */
  readonly startedMs: number;
  readonly updatedMs: number;
  readonly endedMs: number | null;
  /** Record time of the newest evidence: what is older than alerts.max_age is kept and never delivered. */
  readonly evidenceMs: number;
  /** As far as is known it is so now, whatever the age of what began it: its end would have been told. */
  readonly isLasting?: boolean;
  /** A person has asked for it, so it is told whatever its age: alerts review ID --deliver. */
  readonly isOrdered?: boolean;
  /** Where the value is expected to be looked at, as a command: anomaly explain ID. */
  readonly look: string;
}

export const SEVERITIES = ['info', 'warning', 'error', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What became of a notification, counted as alerts by outcome. */
export const OUTCOMES = [
  'delivered',
  'held_seasonal',
  'held_short',
  'silenced',
  'maintenance',
  'flapping',
  'grouped',
  'too_old',
  'rate_limited',
  'failed',
] as const;
export type Outcome = (typeof OUTCOMES)[number];
