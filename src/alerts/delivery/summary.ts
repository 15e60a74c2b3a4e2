import type { Notification } from '../../observe/notification.ts';
import { rank } from './incidentCase.ts';

const MOST_SHOWN = 50;
const MOST_LINES = 20;

/** Id of the notification that stands for several incidents, by the first of them: no incident of the stage has it. */
export function summaryId(firstIncidentId: string): string {
  return `summary/${firstIncidentId}`;
}

/** Several incidents as one, where the rate limit leaves no room for each. @param members at least one */
export function summaryOf(id: string, members: readonly Notification[]): Notification {
  const worst = members.reduce((a, b) => (rank(b.severity) > rank(a.severity) ? b : a));
  const first = members.reduce((a, b) => (b.startedMs < a.startedMs ? b : a));
  const latest = (of: (each: Notification) => number) => members.reduce((most, each) => Math.max(most, of(each)), 0);
  const series = [...new Set(members.flatMap((each) => each.series))];
  const lines = members.slice(0, MOST_LINES).map(({ severity, summary }) => `${severity}: ${summary}`);
  const rest = members.length - lines.length;
  const isOver = members.every(({ status }) => status === 'resolved');
  return {
    id,
    revision: latest(({ revision }) => revision),
    status: isOver ? 'resolved' : 'open',
    severity: worst.severity,
    kind: worst.kind,
    pipeline: worst.pipeline,
    summary: `${members.length} incidents of ${worst.pipeline}, above alerts.rate_limit: ${worst.summary}`,
    reasons: [...lines, ...(rest > 0 ? [`and ${rest} more`] : [])],
    rule: worst.rule,
    series: series.slice(0, MOST_SHOWN),
    seriesCount: members.reduce((sum, each) => sum + each.seriesCount, 0),
    value: null,
    expected: null,
    lower: null,
    upper: null,
    score: worst.score,
    alerts: members.flatMap(({ alerts }) => alerts).slice(0, MOST_SHOWN),
    startedMs: first.startedMs,
    updatedMs: latest(({ updatedMs }) => updatedMs),
    endedMs: isOver ? latest(({ endedMs, updatedMs }) => endedMs ?? updatedMs) : null,
    evidenceMs: latest(({ evidenceMs }) => evidenceMs),
    ...(members.some(({ isOrdered }) => isOrdered === true) && { isOrdered: true }),
    look: worst.look,
  };
}
