import type { LabelledEvent, LabelledSeries } from '../labelledSeries.ts';

/** How alerts are held against labelled events. Never point-adjusted: that makes a random score look good. */
export interface EventRules {
  /** Share of a series at its beginning in which nothing is scored. */
  readonly warmUp: number;
  /** An alert so many rows before or after an event still is its. */
  readonly toleranceRows: number;
  /** After a false alarm, others within so many rows are the same one. */
  readonly coolDownRows: number;
}

export const EVENT_RULES: EventRules = { warmUp: 0.15, toleranceRows: 3, coolDownRows: 12 };

/** Alerts of one series held against its events. */
export interface SeriesGrade {
  /** Events that begin after the warm-up: each counts once. */
  readonly events: readonly GradedEvent[];
  /** Alerts after the warm-up that were looked at. */
  readonly alerts: number;
  readonly falseAlarms: number;
  /** Rows of the false alarms that were counted. */
  readonly falseRows: readonly number[];
  /** Event time after the warm-up. */
  readonly days: number;
}

export interface GradedEvent {
  readonly event: LabelledEvent;
  readonly found: boolean;
  /** From the event's first row to its first alert, 0 where that came before; NaN where none came. */
  readonly delayRows: number;
  readonly delaySeconds: number;
}

const DAY_MS = 86_400_000;

/** First row that counts. */
export function warmUpRows(series: LabelledSeries, rules: EventRules): number {
  return Math.floor(rules.warmUp * series.times.length);
}

/** Events that begin after the warm-up. */
export function scoredEvents(series: LabelledSeries, rules: EventRules): LabelledEvent[] {
  const first = warmUpRows(series, rules);
  return series.events.filter(({ from }) => from >= first);
}

/** Event time after the warm-up, in days. */
export function scoredDays({ times }: LabelledSeries, first: number): number {
  return times.length <= first ? 0 : Math.max(0, times[times.length - 1]! - times[first]!) / DAY_MS;
}

/** @param alertRows rows with an alert, ascending */
export function gradeAlerts(series: LabelledSeries, alertRows: ArrayLike<number>, rules: EventRules): SeriesGrade {
  const first = warmUpRows(series, rules);
  const firstAlert = new Map<LabelledEvent, number>();
  const falseRows: number[] = [];
  let alerts = 0;
  // Events are in order, so those that end before a row stay behind for good.
  let behind = 0;
  for (let k = 0; k < alertRows.length; k++) {
    const row = alertRows[k]!;
    if (row < first) continue;
    alerts++;
    while (behind < series.events.length && series.events[behind]!.to + rules.toleranceRows <= row) behind++;
    let isInside = false;
    for (let e = behind; e < series.events.length; e++) {
      const event = series.events[e]!;
      if (event.from - rules.toleranceRows > row) break;
      isInside = true;
      if (!firstAlert.has(event)) firstAlert.set(event, row);
    }
    const last = falseRows[falseRows.length - 1];
    if (!isInside && (last === undefined || row - last > rules.coolDownRows)) falseRows.push(row);
  }
  const events = scoredEvents(series, rules).map((event) => graded(series, event, firstAlert.get(event)));
  return { events, alerts, falseAlarms: falseRows.length, falseRows, days: scoredDays(series, first) };
}

function graded(
  { times, spanMs = 0 }: LabelledSeries,
  event: LabelledEvent,
  alertRow: number | undefined,
): GradedEvent {
  if (alertRow === undefined) return { event, found: false, delayRows: NaN, delaySeconds: NaN };
  return {
    event,
    found: true,
    delayRows: Math.max(0, alertRow - event.from),
    delaySeconds: Math.max(0, times[alertRow]! + spanMs - event.startMs) / 1000,
  };
}

/** Precision, recall and F1 of counted events, in series that have any; NaN where there were none to find. */
export function ratesOf(found: number, labelled: number, falseAlarms: number) {
  const precision = labelled === 0 || found + falseAlarms === 0 ? NaN : found / (found + falseAlarms);
  const recall = labelled === 0 ? NaN : found / labelled;
  const f1 = labelled === 0 ? NaN : (2 * found) / (found + falseAlarms + labelled);
  return { precision, recall, f1 };
}
