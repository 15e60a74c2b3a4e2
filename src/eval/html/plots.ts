import type { Candidate } from '../evaluate.ts';
import type { LabelledSeries } from '../labelledSeries.ts';
import { type EventRules, type SeriesGrade, warmUpRows } from '../metrics/events.ts';
import type { EvaluationReport } from '../report.ts';
import type { ScoredSeries } from '../scoring.ts';
import { htmlPage } from './page.ts';
import type { ChartAlerts } from './seriesChart.ts';

/** Keeps the alerts of one detector while an evaluation runs, and makes the page of it. */
export class PagePlots {
  readonly #series: readonly LabelledSeries[];
  readonly #detector: string;
  readonly #rules: EventRules;
  readonly #alerts: ChartAlerts[] = [];

  constructor(series: readonly LabelledSeries[], detector: string, rules: EventRules) {
    this.#series = series;
    this.#detector = detector;
    this.#rules = rules;
  }

  take(candidate: Candidate, index: number, { alertRows }: ScoredSeries, { falseRows }: SeriesGrade): void {
    if (candidate.name === this.#detector) {
      const firstRow = warmUpRows(this.#series[index]!, this.#rules);
      this.#alerts[index] = { alertRows, falseRows, firstRow };
    }
  }

  page(report: EvaluationReport): string {
    const plots = this.#series.map((series, i) => ({ series, alerts: this.#alerts[i]! }));
    return htmlPage(report, this.#detector, plots);
  }
}
