import type { LabelledEvent, LabelledSeries } from './labelledSeries.ts';
import { type EventRules, gradeAlerts } from './metrics/events.ts';
import type { RuleReport } from './report.ts';
import type { ScoredSeries } from './scoring.ts';

/** What each rule of a pipeline (detector, watches) found by itself, and what only it found. */
export function ruleReports(
  series: readonly LabelledSeries[],
  scored: readonly ScoredSeries[],
  rules: EventRules,
): RuleReport[] {
  const names = new Set(scored.flatMap(({ byRule }) => [...(byRule?.keys() ?? [])]));
  if (names.size < 2) return [];
  const counts = new Map([...names].map((rule) => [rule, { rule, alerts: 0, found: 0, onlyFound: 0, falseAlarms: 0 }]));
  for (const [i, one] of series.entries()) {
    const finders = new Map<LabelledEvent, string[]>();
    for (const [rule, rows] of scored[i]!.byRule ?? []) {
      const grade = gradeAlerts(one, rows, rules);
      const count = counts.get(rule)!;
      count.alerts += grade.alerts;
      count.falseAlarms += grade.falseAlarms;
      for (const { event, found } of grade.events) {
        if (!found) continue;
        count.found++;
        finders.set(event, [...(finders.get(event) ?? []), rule]);
      }
    }
    for (const found of finders.values()) if (found.length === 1) counts.get(found[0]!)!.onlyFound++;
  }
  return [...counts.values()];
}
