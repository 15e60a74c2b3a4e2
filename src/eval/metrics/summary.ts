import { bootstrap } from '../bootstrap.ts';
import type { IntervalName, Metrics, SeriesReport } from '../report.ts';
import { ratesOf } from './events.ts';

/**
 * The figures of some series together, given by index; one that is named twice counts twice. Series without events say
 * nothing of precision, or it would depend on how many of them there are; their false alarms count by the day.
 */
export function metricsOf(all: readonly SeriesReport[], indexes: ArrayLike<number>): Metrics {
  let [found, events, falseAlarms, falseBesideEvents, alerts, days] = [0, 0, 0, 0, 0, 0];
  let [aucSum, aucCount, vusSum, vusCount] = [0, 0, 0, 0];
  for (let k = 0; k < indexes.length; k++) {
    const one = all[indexes[k]!]!;
    found += one.found;
    events += one.events;
    falseAlarms += one.falseAlarms;
    if (one.events > 0) falseBesideEvents += one.falseAlarms;
    alerts += one.alerts;
    days += one.days;
    if (!Number.isNaN(one.aucPr)) {
      aucSum += one.aucPr;
      aucCount++;
    }
    if (!Number.isNaN(one.vusPr)) {
      vusSum += one.vusPr;
      vusCount++;
    }
  }
  return {
    ...ratesOf(found, events, falseBesideEvents),
    falseAlarmsPerDay: days === 0 ? NaN : falseAlarms / days,
    alertsPerDay: days === 0 ? NaN : alerts / days,
    aucPr: aucCount === 0 ? NaN : aucSum / aucCount,
    vusPr: vusCount === 0 ? NaN : vusSum / vusCount,
  };
}

export function allOf(series: readonly unknown[]): number[] {
  return Array.from(series.keys());
}

export function intervalsOf(series: readonly SeriesReport[], seed: number) {
  return bootstrap<IntervalName>(series.length, seed, (indexes) => ({ ...metricsOf(series, indexes) }));
}

export function medianOf(values: readonly number[]): number {
  if (values.length === 0) return NaN;
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
