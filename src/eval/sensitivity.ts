import type { AlertShaping } from '../engine/alertShaper.ts';
import type { LabelledSeries } from './labelledSeries.ts';
import { EventCounts } from './metrics/counts.ts';
import type { EventRules } from './metrics/events.ts';
import { pipelineAlertsAt, type ScoredSeries } from './scoring.ts';

/** A sensitivity as the configuration would have it. */
export interface Level {
  readonly name: string;
  readonly isCurrent: boolean;
  /** Of series without an override. */
  readonly threshold: number;
  /** Threshold of a series, overrides included. */
  thresholdOf(series: string): number;
}

/** What a sensitivity would have given; precision and recall only where there are labels. */
export interface LevelReport {
  readonly sensitivity: string;
  readonly isCurrent: boolean;
  readonly threshold: number;
  readonly alerts: number;
  readonly alertsPerDay: number;
  /** Series with at least one alert. */
  readonly alertingSeries: number;
  readonly found: number;
  readonly falseAlarms: number;
  readonly falseAlarmsPerDay: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** The same scores at each sensitivity, shaped as the pipeline shapes them; the alerts of other rules stay. */
export function levelReports(
  series: readonly LabelledSeries[],
  scored: readonly ScoredSeries[],
  levels: readonly Level[],
  shaping: AlertShaping,
  rules: EventRules,
  isLabelled: boolean,
): LevelReport[] {
  return levels.map((level) => {
    const counts = new EventCounts();
    for (const [i, one] of series.entries()) {
      counts.add(one, pipelineAlertsAt(one.times, scored[i]!, level.thresholdOf(one.name), shaping), rules);
    }
    const { alerts, alertingSeries, found, falseAlarms } = counts;
    return {
      ...{ sensitivity: level.name, isCurrent: level.isCurrent, threshold: level.threshold },
      ...{ alerts, alertingSeries, found, falseAlarms },
      alertsPerDay: counts.perDay(alerts),
      falseAlarmsPerDay: isLabelled ? counts.perDay(falseAlarms) : NaN,
      ...counts.rates,
    };
  });
}
