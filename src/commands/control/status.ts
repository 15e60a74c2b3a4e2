import { AnomalyError } from '../../errors.ts';
import { type LatencyStatus, mergeLatency } from '../../observe/latency.ts';
import { latencyBudget } from '../../observe/latencyBudget.ts';
import { shownMembers } from '../../observe/shownMembers.ts';
import { isLive, type MemberStatus, type PartitionStatus, type StatusError } from '../../observe/status.ts';
import { formatTime } from '../../output/format.ts';
import type { Column } from '../../output/output.ts';
import { StatusReader } from '../../runtime/status/reader.ts';
import { SESSION_TIMEOUT_MS } from '../../runtime/topics/operationTopics.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';

type Row = PartitionStatus & Pick<MemberStatus, 'member'>;

/** Prints the members of the pipeline of the first argument. @throws ANM_NOT_RUNNING where none lives */
export async function showStatus(context: CommandContext): Promise<number> {
  const { args, flags, now } = context;
  const pipeline = args[0]!;
  const client = await connectClient(context);
  try {
    const reader = await StatusReader.open(client, pipeline);
    const all = reader === undefined ? [] : await reader.read().finally(() => reader.close());
    const members = all
      .filter(({ group }) => flags['group'] === undefined || group === flags['group'])
      .sort((a, b) => a.group.localeCompare(b.group) || a.member.localeCompare(b.member));
    await print(context, members);
    if (!members.some((status) => isLive(status, now(), SESSION_TIMEOUT_MS))) {
      throw new AnomalyError('ANM_NOT_RUNNING', `pipeline ${pipeline} has no live member`);
    }
    return 0;
  } finally {
    await client.close();
  }
}

async function print({ output, stdout, now }: CommandContext, members: readonly MemberStatus[]): Promise<void> {
  const nowMs = now();
  if (output.format !== 'text' && output.format !== 'wide') {
    const told = members.map((each) => ({
      ...each,
      ...(isGone(each, nowMs) && { state: 'gone', lastState: each.state }),
      live: isLive(each, nowMs, SESSION_TIMEOUT_MS),
    }));
    await output.document({ members: told }, () => '');
    return;
  }
  const isWide = output.format === 'wide';
  const shown = isWide ? members : shownMembers(members, nowMs, SESSION_TIMEOUT_MS);
  if (shown.length === 0) return;
  await output.table('members', shown, [
    { header: 'MEMBER', value: (row) => row.member },
    { header: 'GROUP', value: (row) => row.group },
    { header: 'HOST', value: (row) => row.host },
    { header: 'STATE', value: (row) => (isGone(row, nowMs) ? `gone since ${formatTime(row.atMs)}` : row.state) },
    { header: 'RECORDS/S', value: (row) => row.rates.records, align: 'right' },
    { header: 'CHECKPOINT', value: (row) => row.checkpoint.lastId },
    { header: 'RESTARTS', value: (row) => row.restarts, align: 'right' },
    { header: 'ERROR', value: ({ error }) => (error === null ? null : errorText(error, isWide)) },
  ]);
  // Where others live, the partitions of those that do not are theirs by now.
  const live = shown.filter((each) => isLive(each, nowMs, SESSION_TIMEOUT_MS));
  const owners = live.length > 0 ? live : shown;
  const rows = owners.flatMap(({ member, partitions }) => partitions.map((each) => ({ ...each, member })));
  if (rows.length === 0) return;
  stdout.write('\n');
  await output.table('partitions', rows, PARTITIONS);
  const latency = owners.reduce<LatencyStatus | null>((all, each) => mergeLatency(all, each.latency), null);
  if (latency !== null) stdout.write(`\nto alert: ${latencyBudget(latency).text}\n`);
}

function isGone(status: MemberStatus, nowMs: number): boolean {
  return status.state !== 'failed' && !isLive(status, nowMs, SESSION_TIMEOUT_MS);
}

function errorText({ code, message }: StatusError, isWhole: boolean): string {
  const text = `${code} ${message}`;
  if (isWhole) return text;
  const line = text.split('\n', 1)[0]!;
  const cut = line.length > ERROR_CHARACTERS ? line.slice(0, ERROR_CHARACTERS - 3) : line;
  return cut === text ? text : `${cut}...`;
}

const ERROR_CHARACTERS = 80;

const PARTITIONS: readonly Column<Row>[] = [
  { header: 'PARTITION', value: (row) => `${row.topic}/${row.partition}` },
  { header: 'MEMBER', value: (row) => row.member },
  { header: 'POSITION', value: (row) => row.position, align: 'right' },
  { header: 'COMMITTED', value: (row) => row.committed, align: 'right' },
  { header: 'LAG', value: (row) => row.lag, align: 'right' },
  { header: 'WATERMARK', value: (row) => (row.watermark === null ? null : formatTime(row.watermark)) },
  { header: 'SERIES', value: (row) => row.series, align: 'right' },
  { header: 'LEARNING', value: (row) => row.learning, align: 'right' },
  { header: 'OPEN', value: (row) => row.openWindows, align: 'right' },
  { header: 'LATE', value: (row) => row.late, align: 'right' },
];
