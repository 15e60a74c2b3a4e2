import type { LagSample, PartitionSample } from '../../observe/lag/sample.ts';
import { formatSpan, formatTime } from '../../output/format.ts';
import type { ExactTime } from '../../runtime/lag/exactTimes.ts';
import type { CommandContext } from '../command.ts';
import type { CrossCheck } from './gauges.ts';
import {
  type ColumnChoice,
  groupColumns,
  groupRow,
  lagRow,
  MEMBER_COLUMNS,
  memberRow,
  partitionColumns,
} from './rows.ts';

/** A look with what was asked for beside it. */
export interface Shown {
  readonly sample: LagSample;
  readonly exact: ReadonlyMap<PartitionSample, ExactTime> | undefined;
  readonly crossCheck: CrossCheck | undefined;
  /** Undefined without --watch. */
  readonly intervalMs: number | undefined;
}

export async function printLag(context: CommandContext, shown: Shown): Promise<void> {
  const { output, flags } = context;
  const { sample, exact, crossCheck, intervalMs } = shown;
  const at = formatTime(sample.atMs);
  const groups = sample.groups.map((group) => groupRow(group, crossCheck?.opinions.get(group.group)));
  const rows =
    flags['summary'] === true ? [] : sample.partitions.map((each) => lagRow(each, timeOf(each, exact), sample.atMs));
  const members = flags['members'] === true ? sample.groups.flatMap(({ loads }) => loads.map(memberRow)) : undefined;
  if (output.format === 'text' || output.format === 'wide') {
    await printText(context, shown, { groups, rows, members });
    return;
  }
  if (output.format === 'ndjson') {
    const lines = flags['summary'] === true ? groups : (members ?? rows);
    for (const line of lines) await output.line({ at, ...line }, () => '');
    return;
  }
  const document = {
    at,
    tookMs: sample.tookMs,
    ...(intervalMs !== undefined && { intervalMs }),
    groups,
    ...(flags['summary'] !== true && { partitions: rows }),
    ...(members !== undefined && { members }),
    ...(crossCheck !== undefined && { crossCheck: { ...crossCheck, opinions: undefined } }),
  };
  if (intervalMs === undefined) await output.document(document, () => '');
  else await output.line({ schemaVersion: 1, ...document }, () => '');
}

/** What was read for a partition; one that has no lag needs no record. Undefined where it was not asked for. */
function timeOf(sample: PartitionSample, exact: Shown['exact']): ExactTime | undefined {
  const isKnown = sample.lagRecords !== null && sample.lagRecords > 0;
  return (
    exact?.get(sample) ?? (exact === undefined || isKnown ? undefined : { recordMs: null, reason: sample.lagReason })
  );
}

interface Rows {
  readonly groups: readonly ReturnType<typeof groupRow>[];
  readonly rows: readonly ReturnType<typeof lagRow>[];
  readonly members: readonly ReturnType<typeof memberRow>[] | undefined;
}

async function printText(context: CommandContext, shown: Shown, { groups, rows, members }: Rows): Promise<void> {
  const { output, stdout, flags } = context;
  const { sample, intervalMs, crossCheck } = shown;
  const choice: ColumnChoice = {
    hasExact: shown.exact !== undefined,
    hasTrend: intervalMs !== undefined,
    hasOpinion: crossCheck?.status === 'on',
    ascii: flags['ascii'] === true,
  };
  if (intervalMs !== undefined) {
    // A terminal shows one look at a time; anything else gets one under the other.
    if (stdout.isTTY === true && output.color) stdout.write('\u001b[H\u001b[2J');
    stdout.write(
      `${formatTime(sample.atMs)}  every ${formatSpan(intervalMs)}, the look took ${formatSpan(sample.tookMs)}\n`,
    );
  }
  if (rows.length > 0) {
    await output.table('partitions', rows, partitionColumns(rows, choice));
    stdout.write('\n');
  }
  if (members !== undefined && members.length > 0) {
    await output.table('members', members, MEMBER_COLUMNS);
    stdout.write('\n');
  }
  if (groups.length === 0) stdout.write('no consumer groups\n');
  else await output.table('groups', groups, groupColumns(groups, choice));
  if (intervalMs !== undefined) stdout.write('\n');
}
