import type { SendTotals } from '../../inputs/sendRows.ts';
import type { CommandContext } from '../command.ts';
import { bytesText, count, percent, timeText } from './figures.ts';
import type { ProducePlan } from './plan.ts';

export interface Summary {
  readonly plan: ProducePlan;
  readonly totals: SendTotals;
  readonly seconds: number;
  readonly rejected: number;
  readonly rejectsPath: string;
  /** Null with --format json. */
  readonly schemaId: number | null;
  /** The signal that ended it. */
  readonly stopped: string | null;
}

/** Above this share of late rows a pipeline's windows would miss too much: the same bound at which `run` warns. */
const LATE_SHARE_MAX = 0.01;

/**
 * One line: rows, rate, bytes, and how much is left. A paced load reads far ahead of what it sends, so bytes tell nothing
 * of its end: it shows the event time that it has come to.
 */
export function progressText({ options, input }: ProducePlan, totals: SendTotals, seconds: number): string {
  const rate = totals.rows / Math.max(seconds, 1e-3);
  const parts = [rowsText(totals.rows), `${count(Math.round(rate))}/s`, bytesText(totals.valueBytes)];
  if (options.loop) return [...parts, `round ${totals.rounds + 1}`].join('  ');
  const share = Number.isFinite(options.limit)
    ? (totals.rows + totals.found) / options.limit
    : !isPaced(options) && input.totalBytes > 0
      ? input.bytesRead() / input.totalBytes
      : 0;
  const reached = Number.isFinite(options.speed) ? timeText(totals.lastTimeMs) : null;
  if (reached !== null) parts.push(`event time ${reached}`);
  if (share <= 0) return parts.join('  ');
  const leftSeconds = Math.max(0, seconds / share - seconds);
  return [...parts, `${Math.floor(Math.min(1, share) * 100)} %`, `ETA ${durationText(leftSeconds)}`].join('  ');
}

function isPaced({ rate, speed }: ProducePlan['options']): boolean {
  return Number.isFinite(rate) || Number.isFinite(speed);
}

export async function printSummary(context: CommandContext, summary: Summary): Promise<void> {
  const { plan, totals, seconds, rejected, rejectsPath, schemaId, stopped } = summary;
  const { options, input } = plan;
  const rowsPerSecond = Math.round(totals.rows / Math.max(seconds, 1e-3));
  const lateShare = totals.rows === 0 ? 0 : totals.late / totals.rows;
  warn(context, summary, lateShare);
  const document = {
    topic: options.topic,
    format: options.format,
    schema_id: schemaId,
    files: input.samples.length,
    rows: totals.rows,
    found: plan.options.marked ? totals.found : undefined,
    rejected,
    rejects: rejected > 0 ? rejectsPath : null,
    value_bytes: totals.valueBytes,
    seconds: Number(seconds.toFixed(3)),
    rows_per_second: rowsPerSecond,
    late: totals.late,
    late_share: Number(lateShare.toFixed(6)),
    first_event_time: timeText(totals.firstTimeMs),
    last_event_time: timeText(totals.lastTimeMs),
    rounds: totals.rounds,
    stopped,
    partitions: Array.from(totals.perPartition, (rows, partition) => ({ partition, rows })),
  };
  await context.output.document(document, () => {
    const files = input.samples.length === 1 ? input.samples[0]!.file.name : `${count(input.samples.length)} files`;
    const spread = Array.from(totals.perPartition, (rows, partition) => `${partition}: ${count(rows)}`).join(', ');
    return [
      `${options.topic}: ${rowsText(totals.rows)} of ${files} in ${seconds.toFixed(2)} s (${count(rowsPerSecond)}/s, ${bytesText(totals.valueBytes)})`,
      `  partitions  ${spread}`,
      `  schema      ${schemaId === null ? 'none (JSON)' : `id ${schemaId}, subject ${options.topic}-value`}`,
      ...(document.first_event_time === null
        ? []
        : [`  event time  ${document.first_event_time} to ${document.last_event_time}`]),
      ...(totals.found > 0
        ? [`  resumed     ${rowsText(totals.found)} ${totals.found === 1 ? 'was' : 'were'} there already`]
        : []),
      `  rejected    ${count(rejected)}${rejected > 0 ? `, see ${rejectsPath}` : ''}`,
      ...(stopped === null
        ? []
        : [`  stopped by ${stopped} after ${rowsText(totals.rows)}; all of them are acknowledged`]),
    ].join('\n');
  });
}

function warn({ logger }: CommandContext, { plan, totals, rejected, rejectsPath }: Summary, lateShare: number): void {
  if (lateShare > LATE_SHARE_MAX) {
    const how =
      plan.input.order === 'file' && plan.input.hasTime
        ? 'without --order file fewer would be'
        : 'the rows are not in the order of their times';
    logger.warn(
      `${percent(lateShare)} of the rows are late (${count(totals.late)}): their event time is behind the watermark; ${how}`,
    );
  }
  if (rejected > 0)
    logger.warn(`${rejected === 1 ? '1 bad row was' : `${count(rejected)} bad rows were`} left out: ${rejectsPath}`);
  // JSON records are sent as they are; a schema has only the members that the sample had.
  const unknown = plan.avro === null ? [] : plan.input.unknownMembers();
  if (unknown.length > 0)
    logger.warn(
      `members that the first rows do not have were not sent: ${unknown.join(', ')}; --sample looks at more rows`,
    );
}

function rowsText(rows: number): string {
  return rows === 1 ? '1 row' : `${count(rows)} rows`;
}

function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
