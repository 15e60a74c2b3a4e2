import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { formatNumber } from '../../output/format.ts';
import type { Column } from '../../output/output.ts';
import { renderTable } from '../../output/table.ts';
import { journalTopic } from '../../runtime/journal/journalRecord.ts';
import type { CommandContext } from '../command.ts';
import { confirm } from '../confirm.ts';
import { connectClient } from '../connections.ts';
import { formatOffsets } from './resetFile.ts';
import { planReset, type ResetRow } from './resetPlan.ts';

/** Kafka's answers to a commit from outside while the group has members. */
const HAS_MEMBERS = [22, 25, 27];

interface ResetPlan {
  readonly group: string;
  readonly isPipeline: boolean;
  readonly rows: readonly ResetRow[];
}

/** `lag reset`. */
export async function runLagReset(context: CommandContext): Promise<number> {
  const { args, flags, logger, output, stdout } = context;
  const group = args[0]!;
  const confirmed = flags['confirm'] as string | undefined;
  if (confirmed !== undefined && confirmed !== group) {
    throw new AnomalyError('ANM_USAGE', `--confirm says ${confirmed}, and the group is ${group}`);
  }
  const client = await connectClient(context);
  try {
    const isPlanOnly = flags['dryRun'] === true || flags['export'] === true;
    await requireNoMembers(client, group, isPlanOnly, logger.warn.bind(logger));
    const isPipeline = (await client.admin.topics([journalTopic(group)])).length > 0;
    const plan = { group, isPipeline, rows: await planReset(context, client.admin, group) };
    if (flags['export'] === true) {
      stdout.write(formatOffsets(plan.rows.map(({ topic, partition, to }) => ({ topic, partition, offset: to }))));
      return 0;
    }
    if (isPipeline) warnOfState(plan, logger.warn.bind(logger));
    if (!isPlanOnly) {
      if (isPipeline && confirmed === undefined) throw hasState(group);
      const question = `${planText(context, plan, true)}\nreset group ${group}`;
      if (confirmed === undefined && !(await confirm(context, question))) return 1;
      await commit(client, plan);
    }
    await output.document(document(plan, isPlanOnly), () => planText(context, plan, isPlanOnly));
    return 0;
  } finally {
    await client.close();
  }
}

/** A plan may be looked at while the group runs; its numbers are of this moment then. */
async function requireNoMembers(
  { admin }: KafkaClient,
  group: string,
  isPlanOnly: boolean,
  warn: (message: string) => void,
): Promise<void> {
  const { state, members } = await admin.describeGroup(group);
  if (members.length === 0) return;
  const names = members.slice(0, 5).map(({ clientId, memberId, host }) => `${clientId || memberId} at ${host}`);
  const more = members.length > names.length ? ` and ${members.length - names.length} more` : '';
  const message = `cannot reset group ${group} as it has ${members.length} member${members.length === 1 ? '' : 's'} (${state}): ${names.join(', ')}${more}`;
  if (isPlanOnly) {
    warn(`${message}; this is how it would be now`);
    return;
  }
  throw new AnomalyError('ANM_GROUP_RUNNING', message, {
    hint: 'stop them first: they would commit over it',
    details: { group, state, members: members.map(({ memberId, clientId, host }) => ({ memberId, clientId, host })) },
  });
}

function hasState(group: string): AnomalyError {
  return new AnomalyError(
    'ANM_GROUP_HAS_STATE',
    `cannot reset group ${group} by its offsets alone: it is a pipeline of this tool, and ${journalTopic(group)} belongs to them`,
    {
      hint:
        'anomaly checkpoint restore CHECKPOINT takes state and offsets back together, --to-group into another group; ' +
        `--confirm ${group} sets the offsets all the same`,
    },
  );
}

/** What the next start makes of moved offsets: see src/runtime/recovery. */
function warnOfState({ rows }: ResetPlan, warn: (message: string) => void): void {
  if (rows.some(({ skipped }) => skipped !== null && skipped > 0)) {
    warn(
      'records that are skipped go into the state when the pipeline starts, but what they would have put out is lost',
    );
  }
  if (rows.some(({ readAgain }) => readAgain > 0)) {
    warn(
      'what was put out for records that are read again is put out a second time, exactly-once or not; the start begins ' +
        'at a checkpoint before the new offset, or where the partition began, and refuses where neither is left',
    );
  }
}

async function commit(client: KafkaClient, { group, rows }: ResetPlan): Promise<void> {
  const consumer = await client.createConsumer({ groupId: group });
  try {
    await consumer.commit(rows.map(({ topic, partition, to }) => ({ topic, partition, offset: to })));
  } catch (cause) {
    const code = isAnomalyError(cause) ? cause.details['kafkaErrorCode'] : undefined;
    if (!HAS_MEMBERS.includes(code as number)) throw cause;
    throw new AnomalyError('ANM_GROUP_RUNNING', `cannot reset group ${group} as a member joined it just now`, {
      cause,
    });
  } finally {
    await consumer.close();
  }
}

function totals(rows: readonly ResetRow[]) {
  const sum = (of: (row: ResetRow) => number | null) => rows.reduce((all, row) => all + (of(row) ?? 0), 0);
  return { skipped: sum((row) => row.skipped), readAgain: sum((row) => row.readAgain) };
}

function document({ group, isPipeline, rows }: ResetPlan, dryRun: boolean) {
  return { dryRun, group, isPipeline, ...totals(rows), partitions: rows };
}

const COLUMNS: readonly Column<ResetRow>[] = [
  { header: 'topic', value: (row) => row.topic },
  { header: 'partition', value: (row) => row.partition, align: 'right' },
  { header: 'from', value: (row) => row.from, align: 'right' },
  { header: 'to', value: (row) => row.to, align: 'right' },
  { header: 'skipped', value: (row) => row.skipped, align: 'right' },
  { header: 'read again', value: (row) => row.readAgain, align: 'right' },
  { header: 'start', value: (row) => row.start, align: 'right' },
  { header: 'end', value: (row) => row.end, align: 'right' },
  { header: 'note', value: (row) => row.note },
];

function planText({ output }: CommandContext, { group, rows }: ResetPlan, isPlan: boolean): string {
  const { skipped, readAgain } = totals(rows);
  const table = renderTable(rows, COLUMNS, { wide: false, color: output.color });
  const head = `${isPlan ? 'would reset' : 'reset'} group ${group} in ${rows.length} partition${rows.length === 1 ? '' : 's'}`;
  return `${head}: ${formatNumber(skipped)} records skipped, ${formatNumber(readAgain)} read again\n${table}`;
}
