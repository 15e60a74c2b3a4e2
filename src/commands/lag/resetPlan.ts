import type { Admin } from '../../clients/client.ts';
import { protocolFailure, topicMissing } from '../../clients/kafkaErrors.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { AnomalyError } from '../../errors.ts';
import { deletedText } from '../../observe/lag/partitionLag.ts';
import { partitionName } from '../../runtime/topics/partitionName.ts';
import type { CommandContext } from '../command.ts';
import { OFFSET_GRAMMAR, type OffsetBound, parseOffsets, positionOf } from '../options/offsetGrammar.ts';
import { readOffsets } from './resetFile.ts';

const NO_LEADER = 5;

/** What becomes of one partition. */
export interface ResetRow extends TopicPartition {
  /** Null where the group has no commit. */
  readonly from: number | null;
  readonly to: number;
  /** Records that nobody reads any more; null where it is not known from where. */
  readonly skipped: number | null;
  readonly readAgain: number;
  readonly start: number;
  readonly end: number;
  /** What is odd about it. */
  readonly note: string | null;
}

type Target =
  | { readonly kind: 'bound'; readonly bound: OffsetBound }
  | { readonly kind: 'current' }
  | { readonly kind: 'shift'; readonly by: number }
  | { readonly kind: 'list'; readonly name: string; readonly offsets: readonly TopicPartitionOffset[] };

interface Log {
  readonly start: number;
  readonly end: number;
}

/**
 * Rows by topic and partition, each within what the log holds.
 *
 * @throws ANM_USAGE, ANM_TOPIC_MISSING; ANM_TIMEOUT where a partition has no leader
 */
export async function planReset(context: CommandContext, admin: Admin, group: string): Promise<ResetRow[]> {
  const target = await targetOf(context, admin, group);
  const committed = new Map(
    (await admin.groupOffsets(group)).filter(({ offset }) => offset >= 0).map((each) => [partitionName(each), each]),
  );
  const scope = await scopeOf(context, admin, group, [...committed.values()], target);
  if (scope.length === 0) {
    throw new AnomalyError('ANM_USAGE', `group ${group} has no committed offsets to reset`, {
      hint: 'name topics by --topic with --allow-new-topics, or check the name with anomaly lag',
    });
  }
  const logs = await logsOf(admin, scope);
  const atTime =
    target.kind === 'bound' && target.bound.kind === 'time' ? await admin.listOffsets(scope, target.bound.timeMs) : [];
  const listed =
    target.kind === 'list' ? new Map(target.offsets.map((each) => [partitionName(each), each.offset])) : null;
  return scope.map((place, i) => {
    const log = logs.get(partitionName(place))!;
    const from = committed.get(partitionName(place))?.offset ?? null;
    const wanted = wantedOffset(target, from, log, atTime[i]?.offset ?? -1, listed?.get(partitionName(place)));
    return resetRow(place, from, wanted, log);
  });
}

/** The row of a partition whose offset goes to `wanted`, or as near to it as the log allows. */
export function resetRow(
  { topic, partition }: TopicPartition,
  from: number | null,
  wanted: number,
  log: Log,
): ResetRow {
  const { start, end } = log;
  const to = Math.min(Math.max(wanted, start), end);
  const notes: string[] = [];
  if (wanted < start) notes.push(`${wanted} is before the log's start`);
  if (wanted > end) notes.push(`${wanted} is beyond the log's end`);
  if (from !== null && from < start) notes.push(deletedText(start - from));
  if (from !== null && from > end) notes.push('was committed beyond the end');
  return {
    topic,
    partition,
    from,
    to,
    skipped: from === null ? null : Math.max(0, to - Math.max(from, start)),
    readAgain: from === null ? 0 : Math.max(0, Math.min(from, end) - to),
    start,
    end,
    note: notes.length === 0 ? null : notes.join('; '),
  };
}

function wantedOffset(
  target: Target,
  from: number | null,
  { start, end }: Log,
  atTime: number,
  listed?: number,
): number {
  switch (target.kind) {
    case 'bound':
      return positionOf(target.bound, start, end, atTime);
    case 'current':
      return from!;
    case 'shift':
      return from! + target.by;
    case 'list':
      return listed!;
  }
}

async function targetOf(context: CommandContext, admin: Admin, group: string): Promise<Target> {
  const { flags, now } = context;
  const given = ['to', 'shiftBy', 'fromFile', 'fromGroup'].filter((name) => flags[name] !== undefined);
  if (given.length !== 1) {
    throw new AnomalyError('ANM_USAGE', 'lag reset wants one of --to, --shift-by, --from-file and --from-group');
  }
  const text = flags[given[0]!] as string;
  switch (given[0]) {
    case 'to':
      return placeOf(text, now());
    case 'shiftBy':
      if (!/^[+-]?\d{1,15}$/.test(text))
        throw new AnomalyError('ANM_USAGE', `--shift-by wants a whole number, got "${text}"`);
      return { kind: 'shift', by: Number(text) };
    case 'fromFile':
      return { kind: 'list', name: '--from-file', offsets: await readOffsets(context, text, group) };
    default: {
      const offsets = (await admin.groupOffsets(text)).filter(({ offset }) => offset >= 0);
      if (offsets.length === 0) throw new AnomalyError('ANM_USAGE', `group ${text} has no committed offsets`);
      return { kind: 'list', name: '--from-group', offsets };
    }
  }
}

function placeOf(text: string, nowMs: number): Target {
  if (text === 'current') return { kind: 'current' };
  let range: ReturnType<typeof parseOffsets> | undefined;
  try {
    range = parseOffsets(text, nowMs);
  } catch {
    // Told below, in the words of this option.
  }
  if (range === undefined || range.to !== undefined) {
    throw new AnomalyError('ANM_USAGE', `--to cannot be "${text}": it is one place`, {
      hint: `of ${OFFSET_GRAMMAR} it takes those without an end, and current`,
    });
  }
  return { kind: 'bound', bound: range.from };
}

/** Partitions that are reset, by topic and number. */
async function scopeOf(
  { flags }: CommandContext,
  admin: Admin,
  group: string,
  committed: readonly TopicPartition[],
  target: Target,
): Promise<TopicPartition[]> {
  const topics = topicFlags((flags['topic'] as string[] | undefined) ?? []);
  const isNewAllowed = flags['allowNewTopics'] === true;
  const own = new Set(committed.map(({ topic }) => topic));
  const stray = [...(target.kind === 'list' ? target.offsets.map(({ topic }) => topic) : []), ...topics.keys()].find(
    (topic) => !own.has(topic) && (topics.size === 0 || topics.has(topic)),
  );
  if (stray !== undefined && !isNewAllowed) {
    throw new AnomalyError('ANM_USAGE', `group ${group} has no commit in topic ${stray}`, {
      hint:
        own.size === 0
          ? 'it has none at all; --allow-new-topics makes some'
          : `it has some in ${[...own].join(', ')}; --allow-new-topics adds others`,
    });
  }
  const isChosen = ({ topic, partition }: TopicPartition) => {
    const numbers = topics.get(topic);
    return topics.size === 0 || (numbers !== undefined && (numbers.length === 0 || numbers.includes(partition)));
  };
  const all =
    target.kind === 'list'
      ? target.offsets
      : target.kind === 'bound'
        ? await named(admin, topics, committed)
        : committed;
  return all
    .filter(isChosen)
    .map(({ topic, partition }) => ({ topic, partition }))
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}

/** A topic that is named means all its partitions, those without a commit too; else the group's commits say which. */
async function named(
  admin: Admin,
  topics: ReadonlyMap<string, readonly number[]>,
  committed: readonly TopicPartition[],
): Promise<readonly TopicPartition[]> {
  if (topics.size === 0) return committed;
  const found = await admin.topics([...topics.keys()]);
  const missing = [...topics.keys()].find((topic) => found.every(({ name }) => name !== topic));
  if (missing !== undefined) throw topicMissing(missing);
  for (const { name, partitions } of found) {
    const beyond = topics.get(name)!.find((number) => number >= partitions.length);
    if (beyond === undefined) continue;
    throw new AnomalyError('ANM_USAGE', `topic ${name} has no partition ${beyond}, but ${partitions.length} of them`);
  }
  return found.flatMap(({ name, partitions }) => partitions.map(({ partition }) => ({ topic: name, partition })));
}

/** NAME, or NAME:0,3; no numbers stand for all. */
function topicFlags(texts: readonly string[]): Map<string, number[]> {
  const topics = new Map<string, number[]>();
  for (const text of texts) {
    const [name = '', list] = text.split(':');
    const numbers = list === undefined ? [] : list.split(',');
    if (name === '' || numbers.some((number) => !/^\d{1,6}$/.test(number))) {
      throw new AnomalyError('ANM_USAGE', `--topic wants NAME or NAME:0,3, got "${text}"`);
    }
    topics.set(name, [...(topics.get(name) ?? []), ...numbers.map(Number)]);
  }
  return topics;
}

async function logsOf(admin: Admin, scope: readonly TopicPartition[]): Promise<Map<string, Log>> {
  const looks = await admin.lookAtTopics([...new Set(scope.map(({ topic }) => topic))]);
  const logs = new Map<string, Log>();
  for (const { topic, problem, partitions } of looks) {
    if (problem !== null) throw topicMissing(topic);
    for (const { partition, start, end } of partitions) {
      if (start !== null && end !== null) logs.set(partitionName({ topic, partition }), { start, end });
    }
  }
  const unknown = scope.find((place) => !logs.has(partitionName(place)));
  if (unknown === undefined) return logs;
  const place = looks.find(({ topic }) => topic === unknown.topic)!;
  if (unknown.partition >= place.partitions.length) {
    throw new AnomalyError('ANM_USAGE', `topic ${unknown.topic} has no partition ${unknown.partition}`);
  }
  throw protocolFailure(NO_LEADER, `ask for the log of ${partitionName(unknown)}`);
}
