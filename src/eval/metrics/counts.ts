import type { LabelledSeries } from '../labelledSeries.ts';
import { type EventRules, gradeAlerts, ratesOf } from './events.ts';

/** Alerts of several series held against their events, added up. */
export class EventCounts {
  alerts = 0;
  found = 0;
  falseAlarms = 0;
  /** Series with at least one alert. */
  alertingSeries = 0;
  #events = 0;
  #days = 0;
  #falseBesideEvents = 0;

  add(series: LabelledSeries, alertRows: ArrayLike<number>, rules: EventRules): void {
    const grade = gradeAlerts(series, alertRows, rules);
    this.alerts += grade.alerts;
    if (grade.alerts > 0) this.alertingSeries++;
    this.found += grade.events.filter((event) => event.found).length;
    this.falseAlarms += grade.falseAlarms;
    if (grade.events.length > 0) this.#falseBesideEvents += grade.falseAlarms;
    this.#events += grade.events.length;
    this.#days += grade.days;
  }

  /** Precision, recall and F1 in the series that have events. */
  get rates() {
    return ratesOf(this.found, this.#events, this.#falseBesideEvents);
  }

  /** A series and day; NaN without any time. */
  perDay(count: number): number {
    return this.#days === 0 ? NaN : count / this.#days;
  }
}
