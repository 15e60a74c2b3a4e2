import type { Notification, Outcome } from '../../observe/notification.ts';
import type { HoldRules } from './holds.ts';
import type { KpiVerdict } from './incident.ts';
import type { GroupRules } from './incidentIndex.ts';
import type { TimeRules } from './incidentTimes.ts';
import type { OutboxKeyValue } from './outbox.ts';

export interface BookRules extends HoldRules, TimeRules, GroupRules {
  readonly maxAgeMs: number;
  readonly flapping: { readonly count: number; readonly withinMs: number };
  /** Whether an incident moves with user traffic; absent where nobody named a KPI. */
  readonly kpi?: (series: string, atMs: number) => KpiVerdict;
}

export interface ReviewOrder {
  readonly incident: string;
  readonly verb: 'deliver' | 'hold';
  readonly by: string;
  /** Epoch milliseconds; tells one order from another. */
  readonly atMs: number;
}

/** What an operator said of one alert. */
export interface VerdictOrder {
  readonly alert: string;
  readonly series: string;
  readonly rule: string;
  /** Event time of the alert, epoch milliseconds. */
  readonly startMs: number;
  readonly score: number;
  readonly isTrue: boolean;
  /** Epoch milliseconds; tells one order from another. */
  readonly atMs: number;
}

/** State of a book beside its incidents and profiles. */
export interface BookTotals {
  readonly alerts: number;
  readonly counts: Partial<Record<Outcome, number>>;
  readonly clockMs: number | null;
}

export interface Drained {
  readonly records: readonly OutboxKeyValue[];
  /** In the order in which they became due. */
  readonly told: readonly Notification[];
}
