import type { TopicPartition } from '../../clients/topicPartition.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { CheckpointStore } from '../../stores/checkpointStore.ts';
import type { JournalEntry } from '../journal/journalRecord.ts';
import { type Lineage, lineageOf } from '../journal/lineage.ts';
import { journalOnly } from '../model/journalOnly.ts';
import type { RunnerSink } from '../output/rowSink.ts';
import { PartitionAtWork } from '../partitionAtWork.ts';
import type { Task } from '../task.ts';
import { partitionName } from '../topics/partitionName.ts';
import type { OutputComparison } from './outputComparison.ts';
import type { CapturedRows, OutputRow } from './outputRow.ts';

export interface VerifyOptions {
  readonly journal: readonly JournalEntry[];
  readonly store: CheckpointStore;
  readonly createTask: (place: TopicPartition) => Task;
  /** Source records from <= offset < to. */
  readonly read: (from: number, to: number, fieldCount: number) => AsyncIterable<ColumnBatch>;
  /** Field columns of what is computed. */
  readonly fieldCount: number;
  /** First offset that is left in the source. */
  readonly logStart: number;
  /** Where the comparison begins; undefined: as early as there is a state to begin with. */
  readonly from: number | undefined;
  /** Where it ends, exclusive: at most what the group has committed. */
  readonly to: number;
  /** Hash of what the configuration computes. */
  readonly definition: string;
  /** Puts rows into `captured`. */
  readonly sink: RunnerSink;
  readonly captured: CapturedRows;
  /** Comparisons by output topic, opened for the range that is known by then. */
  readonly openOutputs: (range: VerifiedRange) => Promise<ReadonlyMap<string, OutputComparison>>;
  readonly logger: Logger;
}

export interface VerifiedRange {
  readonly from: number;
  readonly to: number;
  /** The state came twice to some offsets: a checkpoint was restored, or the pipeline began anew. */
  readonly mayRepeat: boolean;
}

export interface VerifiedPartition extends VerifiedRange {
  readonly topic: string;
  readonly partition: number;
  /** Name of the checkpoint that the run began with; null for an empty state. */
  readonly checkpoint: string | null;
  /** Records of the range, and those before it that were needed for the state. */
  readonly records: number;
  readonly before: number;
  readonly outputs: readonly { topic: string; rows: number; repeated: number; trimmed: number }[];
}

/**
 * Runs a partition's records once more, from a checkpoint or from where its state was empty, with what the journal says
 * took effect between them, and compares the rows with what was written.
 *
 * @throws ANM_CHECK_FAILED naming the first difference
 * @throws ANM_STATE_MISSING, ANM_STATE_INCOMPATIBLE, ANM_SOURCE_GAP where the range cannot be run again
 */
export async function verifyPartition(place: TopicPartition, options: VerifyOptions): Promise<VerifiedPartition> {
  try {
    return await verify(place, options);
  } catch (error) {
    const hint = isAnomalyError(error) ? changeHint(place, options) : undefined;
    if (hint === undefined || !isAnomalyError(error) || !OF_CHANGES.has(error.code)) throw error;
    throw new AnomalyError(error.code, error.message, { cause: error, hint, details: error.details });
  }
}

const OF_CHANGES: ReadonlySet<string> = new Set(['ANM_CHECK_FAILED', 'ANM_STATE_INCOMPATIBLE']);

/** Where the journal says that the pipeline has changed to the one that is given. */
function changeHint({ topic, partition }: TopicPartition, { journal, definition, from }: VerifyOptions) {
  let change: { readonly offset: number; readonly writtenMs: number } | undefined;
  let last: string | undefined;
  for (const entry of journal) {
    if (entry.type !== 'owner' || entry.topic !== topic || entry.partition !== partition) continue;
    if (last !== undefined && entry.definition !== last) change = entry;
    last = entry.definition;
  }
  if (change === undefined || last !== definition || (from ?? -1) >= change.offset) return undefined;
  const time = new Date(change.writtenMs).toISOString();
  return `the pipeline was changed at offset ${change.offset}, at ${time}: with this anomaly.yaml, what it has written since can be verified, by --offset ${change.offset}: --partition ${partition} or --offset @TIME of records from then on (docs/checkpoints.md)`;
}

async function verify(place: TopicPartition, options: VerifyOptions): Promise<VerifiedPartition> {
  const { journal, to, sink, captured } = options;
  const lineage = lineageOf(journal, place);
  checkDefinition(place, lineage, options);
  const base = await findBase(place, lineage, options);
  // What it learnt from before it went live was never put out.
  const from = Math.max(base.offset, lineage.live ?? 0, options.from ?? base.offset);
  const range: VerifiedRange = { from, to, mayRepeat: hasReturned(journal, place) };
  const outputs = await options.openOutputs(range);
  const partition = new PartitionAtWork(place, base.task, to);
  const recovered = {
    ...{ task: base.task, position: base.offset, suppressBelow: from },
    effects: lineage.effects.filter(({ offset }) => offset >= base.offset && offset <= to),
    // What closes at the end itself was asked behind the commit of its records.
    scores: lineage.scores.filter((each) => each.from >= base.offset && each.from <= to),
    ...{ drafts: [], kept: [], crashes: [], journalEnd: 0, wantsSnapshot: false },
  };
  const putOut = (_: PartitionAtWork, batch: ColumnBatch | undefined) => {
    sink.write(partition.task, batch);
    partition.task.pipeline.clearOutput();
  };
  partition.begin(recovered, putOut, journalOnly(lineage.live ?? 0));
  let records = 0;
  for await (const batch of options.read(afterGaps(base.offset, lineage), to, options.fieldCount)) {
    const pending = partition.task.decode(batch);
    if (pending !== undefined) await pending;
    partition.run(batch, putOut);
    partition.scores?.drafts(to);
    records += batch.count;
    await compare(captured.take(), outputs);
  }
  partition.applyEffects(to, putOut);
  await compare(captured.take(), outputs);
  for (const comparison of outputs.values()) await comparison.end();
  return {
    ...place,
    ...range,
    checkpoint: base.checkpoint,
    records: records - partition.replayed,
    before: partition.replayed,
    outputs: [...outputs].map(([topic, { equal, repeated, trimmed }]) => ({ topic, rows: equal, repeated, trimmed })),
  };
}

async function compare(rows: readonly OutputRow[], outputs: ReadonlyMap<string, OutputComparison>): Promise<void> {
  for (const row of rows) await outputs.get(row.topic)?.take(row);
}

function checkDefinition(place: TopicPartition, { definition }: Lineage, options: VerifyOptions): void {
  if (definition === undefined || definition === options.definition) return;
  throw new AnomalyError(
    'ANM_STATE_INCOMPATIBLE',
    `cannot verify ${partitionName(place)} as the configuration computes something else than the one that ran`,
    {
      hint: 'give the anomaly.yaml that ran, by --config; a changed one can be verified once anomaly run has gone on with it, from then on by --offset @TIME of the change (docs/checkpoints.md)',
      details: { ran: definition, given: options.definition },
    },
  );
}

/** The newest state at or before the wanted offset; without one, the earliest that the records which are left allow. */
async function findBase(
  place: TopicPartition,
  lineage: Lineage,
  options: VerifyOptions,
): Promise<{ task: Task; offset: number; checkpoint: string | null }> {
  const { store, createTask, from, to, logStart, logger } = options;
  const isReadable = (offset: number) => offset >= logStart || afterGaps(offset, lineage) >= logStart;
  const begun = lineage.start;
  const empty = begun !== undefined && begun <= (from ?? Infinity) && isReadable(begun);
  // Without a wish the whole of what was run is compared, so the earliest state serves best.
  if (empty && from === undefined) return { task: createTask(place), offset: begun, checkpoint: null };
  const usable = lineage.snapshots.filter(({ offset }) => offset <= (from ?? to) && isReadable(offset));
  for (const reference of from === undefined ? usable : usable.toReversed()) {
    try {
      const snapshot = await store.load(reference);
      const task = createTask(place);
      task.restore(snapshot.operators, new Set());
      return { task, offset: reference.offset, checkpoint: reference.name };
    } catch (error) {
      if (!isAnomalyError(error) || (error.code !== 'ANM_STATE_MISSING' && error.code !== 'ANM_STATE_CORRUPT'))
        throw error;
      logger.warn(`left aside checkpoint ${reference.name} of ${partitionName(place)}: ${error.message}`);
    }
  }
  if (empty) return { task: createTask(place), offset: begun, checkpoint: null };
  const wanted = from === undefined ? '' : ` at or below offset ${from}`;
  throw new AnomalyError(
    'ANM_STATE_MISSING',
    `cannot run ${partitionName(place)} again as its journal names no checkpoint${wanted} whose records from there on are left (the log begins at ${logStart})`,
    { hint: 'choose a later --offset; anomaly checkpoint ls shows what there is' },
  );
}

/** The offset to read from: behind gaps over which the user went on. */
function afterGaps(offset: number, { gaps }: Lineage): number {
  return gaps.reduce((at, gap) => (gap.offset <= at && gap.to > at ? gap.to : at), offset);
}

/** Whether a checkpoint was restored, or the state begun empty more than once. */
function hasReturned(journal: readonly JournalEntry[], { topic, partition }: TopicPartition): boolean {
  const own = journal.filter((entry) => entry.topic === topic && entry.partition === partition);
  const begun = own.filter((entry) => entry.type === 'owner' && entry.start !== undefined);
  return own.some(({ type }) => type === 'restore') || begun.length > 1;
}
