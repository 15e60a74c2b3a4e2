import { globMatcher } from '../../engine/expressions/glob.ts';
import { formatTime } from '../../output/format.ts';
import type { Feedback } from '../../runtime/output/feedbackTopic.ts';
import type { AnomalyObject } from '../../runtime/output/rowObjects.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';
import { readFeedback, topicAlerts } from './source.ts';

const DAY_MS = 86_400_000;
const ROWS = 20;

/** `alerts ls`. */
export async function runAlertsList(context: CommandContext): Promise<number> {
  const { flags, settings, output, now } = context;
  const { pipeline, sinks } = settings.pipeline();
  const most = (flags['num'] as number | undefined) ?? ROWS;
  const sinceMs = now() - ((flags['since'] as number | undefined) ?? DAY_MS);
  const takes = filterOf(flags);
  const client = await connectClient(context);
  try {
    const said = await readFeedback(context, client, pipeline);
    const rows: (AnomalyObject & { readonly verdict: string | null; readonly note: string | null })[] = [];
    // An alert may have been put out twice, at least once.
    const seen = new Set<string>();
    for await (const alert of topicAlerts(context, client, sinks.anomalies, sinceMs)) {
      const feedback = said.get(alert.id);
      if (seen.has(alert.id) || !takes(alert, feedback)) continue;
      seen.add(alert.id);
      const verdict = feedback === undefined ? null : feedback.verdict ? 'true' : 'false';
      rows.push({ ...alert, verdict, note: feedback?.note ?? null });
      if (rows.length >= 4 * most + KEPT) keepNewest(rows, most);
    }
    keepNewest(rows, most);
    await output.table('alerts', rows, [
      { header: 'TIME', value: (row) => formatTime(row.start) },
      { header: 'SERIES', value: (row) => row.series },
      { header: 'RULE', value: (row) => row.rule },
      { header: 'VALUE', value: (row) => short(row.value), align: 'right' },
      { header: 'EXPECTED', value: (row) => short(row.expected), align: 'right' },
      { header: 'SCORE', value: (row) => short(row.score), align: 'right' },
      { header: 'THRESHOLD', value: (row) => short(row.threshold), align: 'right', wide: true },
      { header: 'VERDICT', value: (row) => row.verdict },
      { header: 'NOTE', value: (row) => row.note, wide: true },
      { header: 'ID', value: (row) => row.id },
    ]);
    return 0;
  } finally {
    await client.close();
  }
}

/** `alerts precision`. */
export async function runAlertsPrecision(context: CommandContext): Promise<number> {
  const { pipeline } = context.settings.pipeline();
  const client = await connectClient(context);
  try {
    const said = [...(await readFeedback(context, client, pipeline)).values()];
    const rules = [...new Set(said.map(({ rule }) => rule))].sort();
    const rows = rules.map((rule) =>
      precisionOf(
        rule,
        said.filter((each) => each.rule === rule),
      ),
    );
    if (rules.length !== 1) rows.push(precisionOf('all', said));
    await context.output.table('rules', rows, [
      { header: 'RULE', value: (row) => row.rule },
      { header: 'JUDGED', value: (row) => row.judged, align: 'right' },
      { header: 'TRUE', value: (row) => row.true, align: 'right' },
      { header: 'FALSE', value: (row) => row.false, align: 'right' },
      { header: 'PRECISION', value: (row) => short(row.precision), align: 'right' },
    ]);
    return 0;
  } finally {
    await client.close();
  }
}

function precisionOf(rule: string, said: readonly Feedback[]) {
  const right = said.filter(({ verdict }) => verdict).length;
  const judged = said.length;
  return { rule, judged, true: right, false: judged - right, precision: judged === 0 ? null : right / judged };
}

function filterOf(flags: CommandContext['flags']): (alert: AnomalyObject, feedback: Feedback | undefined) => boolean {
  const matcher = (name: string) => {
    const pattern = flags[name] as string | undefined;
    return pattern === undefined ? () => true : globMatcher(pattern);
  };
  const [isSeries, isRule] = [matcher('series'), matcher('rule')];
  return ({ series, rule }, feedback) =>
    isSeries(series) && isRule(rule) && !(flags['open'] === true && feedback !== undefined);
}

/** Leaves the newest, in order. */
function keepNewest(rows: AnomalyObject[], most: number): void {
  rows.sort((a, b) => a.start - b.start || a.id.localeCompare(b.id));
  rows.splice(0, Math.max(0, rows.length - most));
}

function short(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(6));
}

const KEPT = 1000;
