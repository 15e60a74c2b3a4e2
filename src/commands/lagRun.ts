import { setTimeout as delay } from 'node:timers/promises';
import type { Admin, KafkaClient, TopicPartitionOffset } from '../clients/client.ts';
import { AnomalyError } from '../errors.ts';
import { type GroupLag, groupsAbove, groupTotals, type PartitionLag, partitionLag } from '../observe/lag.ts';
import { formatTime } from '../output/format.ts';
import type { Column } from '../output/output.ts';
import type { CommandContext } from './command.ts';
import { connectClient } from './connections.ts';

const DEFAULT_INTERVAL_MS = 2000;
const MIN_INTERVAL_MS = 1;

interface Reading {
  readonly rows: readonly PartitionLag[];
  readonly totals: readonly GroupLag[];
}

/** `lag`: reads once, or until the signal with --watch. */
export async function runLag(context: CommandContext): Promise<number> {
  const { flags, signal } = context;
  if (typeof flags['watch'] === 'number' && flags['watch'] < MIN_INTERVAL_MS) {
    throw new AnomalyError('ANM_USAGE', `--watch wants at least ${MIN_INTERVAL_MS} ms, got ${flags['watch']} ms`);
  }
  if (typeof flags['maxLag'] === 'number' && flags['maxLag'] < 0) {
    throw new AnomalyError('ANM_USAGE', `--max-lag wants a number of records from 0 on, got ${flags['maxLag']}`);
  }
  const client = await connectClient(context);
  try {
    let reading = await read(context, client);
    await print(context, reading);
    if (flags['watch'] !== undefined) {
      const intervalMs = typeof flags['watch'] === 'number' ? flags['watch'] : DEFAULT_INTERVAL_MS;
      while (await pause(intervalMs, signal)) {
        reading = await read(context, client);
        await print(context, reading);
      }
    }
    const isNamed = context.args.length > 0 && flags['topic'] === undefined;
    check(reading.totals, flags['maxLag'] as number | undefined, isNamed);
    return 0;
  } finally {
    await client.close();
  }
}

/** False when the signal came. */
async function pause(intervalMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  try {
    await delay(intervalMs, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

async function read(context: CommandContext, { admin }: KafkaClient): Promise<Reading> {
  const topics = context.flags['topic'] as string[] | undefined;
  const known = await admin.groups();
  const names = context.args.length > 0 ? [...new Set(context.args)] : known.map((group) => group.groupId);
  const isKnown = (name: string) => known.some((group) => group.groupId === name);
  const missing = names.find((name) => !isKnown(name));
  // One that is watched may come yet: `lag --watch` is often started before the pipeline.
  if (missing !== undefined && context.flags['watch'] === undefined) {
    throw new AnomalyError('ANM_USAGE', `cannot show group ${missing} as the broker knows no such group`, {
      hint: known.length === 0 ? 'it has no groups at all' : `it has ${known.map((group) => group.groupId).join(', ')}`,
    });
  }
  const rows: PartitionLag[] = [];
  const groups: { group: string; state: string; members: number }[] = [];
  for (const group of names) {
    if (!isKnown(group)) {
      groups.push({ group, state: 'none yet', members: 0 });
      continue;
    }
    const { state, members } = await admin.describeGroup(group);
    groups.push({ group, state, members: members.length });
    const assigned = members.flatMap((member) => member.partitions.map((each) => each.topic));
    rows.push(...(await readGroup(admin, group, assigned, topics)));
  }
  return { rows, totals: groupTotals(rows, groups) };
}

/** Rows of all partitions of each topic that the group has a commit in or reads, those without a commit included. */
async function readGroup(
  admin: Admin,
  group: string,
  assigned: readonly string[],
  topics: readonly string[] | undefined,
): Promise<PartitionLag[]> {
  const committed = await admin.groupOffsets(group);
  const names = [...new Set([...committed.map((each) => each.topic), ...assigned])]
    .filter((name) => topics === undefined || topics.includes(name))
    .sort();
  const found = await admin.topics(names);
  const rows: PartitionLag[] = [];
  for (const topic of names) {
    const own = committed.filter((each) => each.topic === topic);
    const info = found.find((each) => each.name === topic);
    if (info === undefined) {
      const problem = 'the topic does not exist any more';
      rows.push(...own.map((each) => partitionLag({ group, ...pick(each), start: null, end: null, problem })));
      continue;
    }
    rows.push(
      ...(await readTopic(
        admin,
        group,
        topic,
        info.partitions.map((each) => each.partition),
        own,
      )),
    );
  }
  return rows;
}

async function readTopic(
  admin: Admin,
  group: string,
  topic: string,
  partitions: readonly number[],
  committed: readonly TopicPartitionOffset[],
): Promise<PartitionLag[]> {
  const wanted = [...partitions].sort((a, b) => a - b).map((partition) => ({ topic, partition }));
  const offsetOf = (list: readonly TopicPartitionOffset[], partition: number) =>
    list.find((each) => each.partition === partition)?.offset;
  let ends: readonly TopicPartitionOffset[] = [];
  let starts: readonly TopicPartitionOffset[] = [];
  let problem = 'the broker named no end offset';
  try {
    [starts, ends] = await Promise.all([admin.listOffsets(wanted, 'earliest'), admin.listOffsets(wanted, 'latest')]);
  } catch (error) {
    // One topic without a leader must not hide the others.
    problem = (error as Error).message;
  }
  return wanted.map(({ partition }) =>
    partitionLag({
      group,
      topic,
      partition,
      committed: offsetOf(committed, partition) ?? -1,
      start: offsetOf(starts, partition) ?? null,
      end: offsetOf(ends, partition) ?? null,
      problem,
    }),
  );
}

function pick({ topic, partition, offset }: TopicPartitionOffset) {
  return { topic, partition, committed: offset };
}

const PARTITION_COLUMNS: readonly Column<PartitionLag>[] = [
  { header: 'group', value: (row) => row.group },
  { header: 'topic', value: (row) => row.topic },
  { header: 'partition', value: (row) => row.partition, align: 'right' },
  { header: 'committed', value: (row) => row.committed, align: 'right' },
  { header: 'end', value: (row) => row.end, align: 'right' },
  { header: 'lag', value: (row) => row.lag, align: 'right' },
  { header: 'reason', value: (row) => row.reason },
];

const GROUP_COLUMNS: readonly Column<GroupLag>[] = [
  { header: 'group', value: (row) => row.group },
  { header: 'state', value: (row) => row.state },
  { header: 'members', value: (row) => row.members, align: 'right' },
  { header: 'topics', value: (row) => row.topics, align: 'right' },
  { header: 'partitions', value: (row) => row.partitions, align: 'right' },
  { header: 'lag', value: (row) => row.lag, align: 'right' },
  { header: 'max lag', value: (row) => row.maxLag, align: 'right' },
  { header: 'unknown', value: (row) => row.unknown, align: 'right' },
];

async function print(context: CommandContext, { rows, totals }: Reading): Promise<void> {
  const { output, flags, now, stdout } = context;
  const summary = flags['summary'] === true;
  const at = formatTime(now());
  if (output.format === 'json' || output.format === 'yaml') {
    const value = { at, groups: totals, ...(!summary && { partitions: rows }) };
    if (flags['watch'] === undefined) await output.document(value, () => '');
    else await output.line({ schemaVersion: 1, ...value }, () => '');
    return;
  }
  if (output.format === 'ndjson') {
    for (const row of summary ? totals : rows) await output.line({ at, ...row }, () => '');
    return;
  }
  if (flags['watch'] !== undefined) {
    // A terminal shows one reading at a time; anything else gets one under the other.
    if (stdout.isTTY === true && output.color) stdout.write('\u001b[H\u001b[2J');
    stdout.write(`${at}\n`);
  }
  if (!summary && rows.length > 0) {
    const reasons = rows.some((row) => row.reason !== null);
    await output.table('partitions', rows, reasons ? PARTITION_COLUMNS : PARTITION_COLUMNS.slice(0, -1));
    stdout.write('\n');
  }
  if (totals.length === 0) stdout.write('no consumer groups\n');
  else await output.table('groups', totals, GROUP_COLUMNS);
  if (flags['watch'] !== undefined) stdout.write('\n');
}

function check(totals: readonly GroupLag[], maxLag: number | undefined, isNamed: boolean): void {
  if (maxLag === undefined) return;
  const above = groupsAbove(totals, maxLag, isNamed);
  if (above.length === 0) return;
  const list = above.map(({ group, lag, unknown }) =>
    lag === null || (unknown > 0 && lag <= maxLag)
      ? `${group} is unknown in ${unknown} partitions`
      : `${group} is ${lag} behind`,
  );
  throw new AnomalyError('ANM_CHECK_FAILED', `the lag is above ${maxLag}: ${list.join(', ')}`, {
    hint: 'look at the partitions with anomaly lag GROUP, or start more members',
    details: { max_lag: maxLag, groups: above },
  });
}
