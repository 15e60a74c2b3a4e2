import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { type CpuShares, shareRows } from '../../observe/cpuShares.ts';
import { latencyBudget } from '../../observe/latencyBudget.ts';
import { latencyFigures } from '../../observe/latencyFigures.ts';
import type { MembersResult } from '../../runtime/members.ts';
import type { Stage } from '../../runtime/stage.ts';
import type { CommandContext } from '../command.ts';

type Shown = Pick<MembersResult['totals'], 'records' | 'windows' | 'alerts' | 'late' | 'deadLetters'>;

/** The live line of a run. */
export function progressText(totals: Shown, elapsedMs: number): string {
  const rate = Math.round((totals.records * 1000) / Math.max(1, elapsedMs));
  return `${count(totals.records)} records (${count(rate)}/s), ${count(totals.windows)} windows, ${count(totals.alerts)} alerts, ${count(totals.late)} late, ${count(totals.deadLetters)} dead letters`;
}

/** The last word of a run, on stdout: of all its workers and restarts together. */
export async function printSummary(
  context: CommandContext,
  config: PipelineConfig,
  stage: Stage,
  groupId: string,
  result: MembersResult,
  seconds: number,
): Promise<void> {
  const { totals } = result;
  const summary = {
    pipeline: config.pipeline,
    group: groupId,
    ended: result.ended,
    records: totals.records,
    restored: totals.restored,
    windows: totals.windows,
    alerts: totals.alerts,
    late: totals.late,
    filtered: totals.filtered,
    dead_letters: totals.deadLetters,
    series: result.series,
    open_windows: result.openWindows,
    commits: totals.commits,
    checkpoints: result.checkpoints,
    seconds: Number(seconds.toFixed(3)),
    events_per_second: Math.round(totals.records / Math.max(seconds, 1e-3)),
    latency: latencyFigures(result.latency),
    ...(result.cpu !== undefined && { cpu: cpuFigures(result.cpu) }),
  };
  await context.output.document(summary, () => {
    const end = endText(result);
    const lines = [
      `${config.pipeline}: ${end} after ${seconds.toFixed(1)} s`,
      `  records       ${count(totals.records)} (${count(summary.events_per_second)}/s) of ${count(result.series)} series`,
      ...(totals.restored > 0 ? [`  restored      by ${count(totals.restored)} records that were read again`] : []),
    ];
    if (config.source.where !== undefined && stage !== 'score windows') {
      lines.push(`  filtered      ${count(totals.filtered)} by ${config.source.where}`);
    }
    if (stage === 'run' || stage === 'window') {
      lines.push(
        `  windows       ${count(totals.windows)} to ${config.sinks.windows}, ${count(result.openWindows)} left open`,
      );
      lines.push(`  late          ${count(totals.late)} to ${config.sinks.late}`);
    }
    if (stage !== 'window') {
      lines.push(
        config.score === undefined
          ? '  alerts        none: nothing is scored without a detector (--detector, --on)'
          : `  alerts        ${count(totals.alerts)} to ${config.sinks.anomalies}, of ${config.score.on}`,
      );
    }
    if (isMeasured(result)) lines.push(`  to alert      ${latencyBudget(result.latency).text}`);
    lines.push(`  dead letters  ${count(totals.deadLetters)} to ${config.sinks.deadLetters}`);
    if (result.cpu !== undefined) lines.push(`  time at work  ${cpuText(result.cpu)}`);
    return lines.join('\n');
  });
}

function cpuFigures(shares: CpuShares) {
  return shareRows(shares).map(({ operator, timeMs, share }) => {
    return { operator, time_ms: Math.round(timeMs), share: Number(share.toFixed(4)) };
  });
}

function cpuText(shares: CpuShares): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const rows = shareRows(shares);
  const busy = rows
    .filter(({ operator }) => operator !== 'wait')
    .map(({ operator, share }) => `${operator} ${percent(share)}`);
  const wait = rows.find(({ operator }) => operator === 'wait');
  return `${busy.join(', ')}${wait === undefined ? '' : `; waiting for ${percent(wait.share)} of the time`}`;
}

function isMeasured({ latency }: MembersResult): boolean {
  return latency !== null && latency.toAlert.count + (latency.unknownStamps ?? 0) > 0;
}

function endText({ ended, isCommitted }: MembersResult): string {
  if (ended === 'end') return 'reached the end';
  return isCommitted
    ? 'stopped: drained and committed'
    : 'stopped: drained; the group took no commit, and the next start computes the rest again';
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
