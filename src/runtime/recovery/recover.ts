import type { TopicPartition } from '../../clients/topicPartition.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { CheckpointStore, Snapshot } from '../../stores/checkpointStore.ts';
import type { JournalPart } from '../journal/journalReader.ts';
import type { JournalDraft } from '../journal/journalRecord.ts';
import { type Lineage, lineageOf } from '../journal/lineage.ts';
import type { Task } from '../task.ts';
import { partitionName } from '../topics/partitionName.ts';
import { requireKnown, tellChanges } from './changedOperators.ts';
import type { Recovered } from './recovered.ts';
import { type SourceLog, sourceGap } from './sourceGap.ts';
import type { Warm } from './warm.ts';

export interface RecoveryRule {
  readonly store: CheckpointStore;
  /** A new task for the partition: a restore that failed leaves a task half full. */
  readonly createTask: (partition: TopicPartition) => Task;
  readonly start: 'earliest' | 'latest';
  /** Hash of the definitions of all operators, and the tool's version: for the journal. */
  readonly definition: string;
  readonly version: string;
  /** Ids of operators whose state may be dropped where it is of another definition. */
  readonly allow: ReadonlySet<string>;
  /** Begin with empty windows where no snapshot can be used. */
  readonly fresh: boolean;
  /** Go on where records that are needed are gone from the source. */
  readonly acceptGap: boolean;
  readonly logger: Logger;
  /** Learns before it goes live, where there is no commit yet. */
  readonly warm?: Warm;
}

/**
 * Finds what a partition goes on from: the newest snapshot that the journal names at or below the committed offset,
 * and the records and journaled effects from there on; without a snapshot yet, the place where its state was empty.
 *
 * @param committed the group's offset, -1 for none
 * @param generation of the group
 * @throws ANM_STATE_MISSING, ANM_STATE_CORRUPT, ANM_STATE_INCOMPATIBLE, ANM_SOURCE_GAP, ANM_STORE_*
 */
export async function recover(
  place: TopicPartition,
  committed: number,
  generation: number,
  journal: JournalPart,
  log: SourceLog,
  rule: RecoveryRule,
): Promise<Recovered> {
  const lineage = lineageOf(journal.entries, place);
  const owner = {
    type: 'owner',
    definition: rule.definition,
    version: rule.version,
    // Also where the client of this member knows no generation, and the one before did.
    ...(lineage.generation > generation && { reset: true }),
  } as const;
  const empty = (at: number, task = rule.createTask(place)): Recovered => ({
    task,
    position: at,
    suppressBelow: at,
    effects: [],
    scores: [],
    model: lineage.model,
    crashes: lineage.crashes.filter(({ to }) => to > at),
    drafts: [{ ...owner, offset: at, start: at }],
    kept: [],
    journalEnd: journal.end,
    wantsSnapshot: false,
  });
  // Without a commit of the group there is nothing that it must go on from: a topic made anew, a group deleted.
  if (committed < 0 && lineage.snapshots.length > 0) {
    rule.logger.warn(
      `${partitionName(place)} begins anew, and puts out again what it has put out, as its group has no offset of it: brokers forget those of a group that was empty for long (offsets.retention.minutes); anomaly checkpoint restore goes on from a checkpoint`,
    );
  }
  if (committed < 0 && rule.warm !== undefined) return await warmed(place, log, empty, rule);
  if (committed < 0) return empty(rule.start === 'earliest' ? log.start : log.end);
  if (rule.warm !== undefined) {
    rule.logger.info(`${partitionName(place)} goes on at its commit, offset ${committed}: it has no need of --warm`);
  }
  const base = await findBase(place, committed, lineage, journal.begin, rule);
  if (base === undefined) {
    const gap = await sourceGap(place, committed, committed, lineage, log, rule, null);
    const begun = empty(Math.max(committed, log.start));
    return gap === undefined ? begun : { ...begun, drafts: [...begun.drafts, gap] };
  }
  const { task, snapshot, offset } = base;
  const gap = await sourceGap(place, offset, committed, lineage, log, rule, snapshot?.watermark ?? null);
  const position = Math.max(offset, log.start);
  return {
    task,
    position,
    suppressBelow: committed,
    effects: lineage.effects.filter((effect) => effect.offset >= offset),
    // A commit ends where a snapshot is cut, so none of them begins before it and ends behind it.
    scores: lineage.scores.filter(({ from }) => from >= offset),
    model: lineage.model,
    crashes: lineage.crashes.filter(({ to }) => to > position),
    drafts: [{ ...owner, offset: committed }, ...(gap === undefined ? [] : [gap])],
    kept: lineage.snapshots.map((entry) => ({
      name: entry.name,
      sha256: entry.sha256,
      offset: entry.offset,
      savepoint: entry.savepoint,
      journal: entry.type === 'restore' ? entry.at : entry.journal,
    })),
    journalEnd: journal.end,
    wantsSnapshot: gap !== undefined || base.hasDropped,
  };
}

/** Learns, and goes live at the end of the log as it is now; the journal says where that is. */
async function warmed(
  place: TopicPartition,
  log: SourceLog,
  empty: (at: number, task?: Task) => Recovered,
  { warm, createTask }: RecoveryRule,
): Promise<Recovered> {
  const live = log.end;
  const start = await warm!(place, log, () => createTask(place));
  if (start.kind === 'log') {
    const begun = empty(start.from);
    // The first commit is of where it goes live, so a restart runs the same records again, without outputs.
    const drafts = begun.drafts.map((draft) => (draft.type === 'owner' ? { ...draft, live } : draft));
    return { ...begun, suppressBelow: live, drafts };
  }
  const { task, reference, checkpoint } = start;
  const begun = empty(live, task);
  const { start: _, ...owner } = begun.drafts[0] as JournalDraft & { start?: number };
  return {
    ...begun,
    drafts: [{ type: 'restore', offset: live, ...reference, checkpoint }, { ...owner, live } as JournalDraft],
    kept: [{ ...reference, offset: live, savepoint: undefined, journal: begun.journalEnd }],
  };
}

interface Base {
  readonly task: Task;
  readonly offset: number;
  readonly snapshot: Snapshot | undefined;
  /** State of an operator was dropped by --allow. */
  readonly hasDropped: boolean;
}

/** Undefined to begin empty at the committed offset. */
async function findBase(
  place: TopicPartition,
  committed: number,
  lineage: Lineage,
  journalBegin: number,
  rule: RecoveryRule,
): Promise<Base | undefined> {
  const name = partitionName(place);
  const { store, logger, fresh } = rule;
  const named = lineage.snapshots.filter(({ offset }) => offset <= committed).toReversed();
  const failures: AnomalyError[] = [];
  for (const reference of named) {
    try {
      requireEffects(reference, journalBegin);
      const snapshot = await store.load(reference);
      check(snapshot, place, reference.offset, reference.name);
      const task = rule.createTask(place);
      requireKnown(snapshot, task, rule);
      task.restore(snapshot.operators, rule.allow);
      tellChanges(name, snapshot, task, rule);
      return { task, offset: reference.offset, snapshot, hasDropped: snapshot.definition !== rule.definition };
    } catch (error) {
      if (!isAnomalyError(error)) throw error;
      if (error.code === 'ANM_STATE_INCOMPATIBLE') {
        if (fresh) return begunEmpty(name, committed, error.message, rule);
        throw incompatible(name, committed, rule, error);
      }
      if (error.code !== 'ANM_STATE_CORRUPT' && error.code !== 'ANM_STATE_MISSING') throw error;
      logger.warn(`left aside checkpoint ${reference.name} of ${name} at offset ${reference.offset}: ${error.message}`);
      failures.push(error);
    }
  }
  if (named.length === 0 && lineage.start !== undefined && lineage.start <= committed) {
    return { task: rule.createTask(place), offset: lineage.start, snapshot: undefined, hasDropped: false };
  }
  const [failure] = failures;
  if (fresh) return begunEmpty(name, committed, failure?.message ?? 'its journal names no checkpoint', rule);
  if (named.length === 0 && committed === 0) return undefined;
  if (failure !== undefined) {
    const isMissing = failures.every(({ code }) => code === 'ANM_STATE_MISSING');
    const unusable =
      named.length === 1
        ? 'the one checkpoint that its journal names cannot be used'
        : `none of the ${named.length} checkpoints that its journal names can be used`;
    throw new AnomalyError(
      isMissing ? 'ANM_STATE_MISSING' : 'ANM_STATE_CORRUPT',
      `cannot go on with ${name} at offset ${committed} as ${unusable}: ${failure.message}`,
      {
        cause: failure,
        hint: `bring back what is missing in ${store.location} (checkpoint.store), or go on with empty windows by --fresh`,
      },
    );
  }
  throw new AnomalyError(
    'ANM_STATE_MISSING',
    `cannot go on with ${name} at offset ${committed} as its journal names no checkpoint at or below it`,
  );
}

function begunEmpty(name: string, committed: number, reason: string, { logger }: RecoveryRule): undefined {
  logger.warn(`${name} begins with empty state at offset ${committed} by --fresh: ${reason}`);
}

/** What changed the state after it may have stood in a part of the journal that somebody else has removed. */
function requireEffects(reference: Lineage['snapshots'][number], journalBegin: number): void {
  if (reference.type === 'restore' || reference.journal >= journalBegin) return;
  throw new AnomalyError(
    'ANM_STATE_MISSING',
    `cannot go on from checkpoint ${reference.name} as it needs the journal from offset ${reference.journal} on, and that begins at ${journalBegin}`,
  );
}

/** A store that gives another snapshot than the journal names has been meddled with. */
function check(snapshot: Snapshot, { topic, partition }: TopicPartition, offset: number, name: string): void {
  if (snapshot.topic === topic && snapshot.partition === partition && snapshot.offset === offset) return;
  throw new AnomalyError(
    'ANM_STATE_CORRUPT',
    `cannot use checkpoint ${name} as it is of ${snapshot.topic}/${snapshot.partition} at offset ${snapshot.offset}, and the journal says ${topic}/${partition} at offset ${offset}`,
  );
}

/** As they stand on the command line. */
function allowFlags({ details }: AnomalyError): string {
  const operators = details?.['operators'];
  return Array.isArray(operators) ? operators.map((id) => `--allow ${id}`).join(' ') : '--allow OPERATOR';
}

function incompatible(name: string, committed: number, rule: RecoveryRule, cause: AnomalyError): AnomalyError {
  return new AnomalyError(
    'ANM_STATE_INCOMPATIBLE',
    `cannot go on with ${name} from its checkpoint in ${rule.store.location}: ${cause.message}`,
    {
      cause,
      details: cause.details,
      hint: `drop just that state by ${allowFlags(cause)}, give the changed pipeline another --pipeline name, which reads from the start, or go on at offset ${committed} with empty windows by --fresh`,
    },
  );
}
