import type { TopicPartitionOffset } from '../clients/topicPartition.ts';
import { AnomalyError } from '../errors.ts';
import { Checkpointer, type CheckpointTotals, type Cut, noCheckpoints } from './checkpoints/checkpointer.ts';
import { sourcesWith } from './checkpoints/sourcesWith.ts';
import type { CommitCycle } from './commit/commitCycle.ts';
import type { ModelDispatch } from './model/modelDispatch.ts';
import type { PartitionAtWork } from './partitionAtWork.ts';
import { type Restored, Restorer } from './recovery/restorer.ts';
import type { RunnerOptions, StateOptions } from './runnerOptions.ts';
import { partitionName } from './topics/partitionName.ts';

/** What a run does about the states of its partitions. */
export interface RunState {
  readonly checkpointer: Checkpointer | undefined;
  readonly totals: CheckpointTotals;
  /** Begins to restore partitions; returns where the consumer starts until they are back. */
  begin(partitions: readonly PartitionAtWork[]): Promise<TopicPartitionOffset[]>;
  /** Those that came back since the last call. */
  restored(): Restored[];
  drop(partition: PartitionAtWork): void;
  /** Stores every state that no checkpoint holds yet; true where a commit has to name one. */
  storeAll(partitions: Iterable<PartitionAtWork>): Promise<boolean>;
  /** Keeps all states under a name; resolves with the checkpoint's id once it counts. */
  savepoint(name: string, commits: CommitCycle): Promise<string>;
}

/** Nothing to remember: a partition goes on at its commit. */
export function statelessRun({ consumer, createTask }: RunnerOptions): RunState {
  return {
    checkpointer: undefined,
    totals: noCheckpoints(),
    begin: async (partitions) => {
      const found = await consumer.committed(partitions);
      for (const partition of partitions) {
        partition.committed = found.find((each) => partitionName(each) === partition.name)?.offset ?? -1;
        const position = partition.committed;
        const nothing = {
          effects: [],
          scores: [],
          crashes: [],
          drafts: [],
          kept: [],
          journalEnd: 0,
          wantsSnapshot: false,
        };
        partition.begin({ task: createTask(partition), position, suppressBelow: position, ...nothing });
      }
      // Without a commit the client knows where to start.
      return partitions
        .filter(({ committed }) => committed >= 0)
        .map(({ topic, partition, committed }) => ({ topic, partition, offset: committed }));
    },
    restored: () => [],
    drop: () => {},
    storeAll: async () => false,
    savepoint: async (name) => {
      throw new AnomalyError('ANM_UNSUPPORTED', `cannot take savepoint ${name} as this run keeps no state`);
    },
  };
}

/** States are restored by journal and checkpoints, in the background. */
export function stateOfRun(
  options: RunnerOptions,
  state: StateOptions,
  partitions: () => Iterable<PartitionAtWork>,
  model: Pick<ModelDispatch, 'recover'> | undefined,
): RunState {
  const { logger, ticks } = options;
  const { client, journalTopic, head } = state;
  const place = (partition: number) => ({ topic: journalTopic, partition });
  const checkpointer = new Checkpointer({
    ...state,
    logger,
    ticks,
    journalEnd: async (partition) => (await client.admin.listOffsets([place(partition)], 'latest'))[0]!.offset,
    trimJournal: (partition, offset) => client.admin.deleteRecords([{ ...place(partition), offset }]),
    sourcesWith: (partition) => sourcesWith(client.admin, options.topics, partition),
  });
  const rule = {
    ...{ store: state.store, createTask: options.createTask, start: options.start, logger },
    ...{ allow: state.allow, fresh: state.fresh, acceptGap: state.acceptGap },
    ...{ definition: head.definition, version: head.toolVersion },
    ...(state.warm !== undefined && { warm: state.warm }),
  };
  const generation = () => options.consumer.membership()?.generation ?? -1;
  const restorer = new Restorer({ ...options, ...state, generation, rule, model });
  return {
    checkpointer,
    totals: checkpointer.totals,
    begin: (added) => beginAll(added, restorer),
    restored: () => {
      const back = restorer.take();
      if (back.length === 0) return back;
      const count = [...partitions()].length;
      for (const [turn, { partition, recovered }] of back.entries()) {
        checkpointer.add(partition, recovered, (partition.partition + turn) % count, count);
      }
      return back;
    },
    drop: (partition) => {
      const unused = checkpointer.remove(partition);
      options.dropTask?.(partition, unused);
    },
    storeAll: (all) => storeAll(checkpointer, all),
    savepoint: (name, commits) => savepoint(name, checkpointer, commits),
  };
}

async function beginAll(partitions: readonly PartitionAtWork[], restorer: Restorer): Promise<TopicPartitionOffset[]> {
  const logs = await restorer.logs(partitions);
  return partitions.map((partition, i) => {
    const log = logs[i]!;
    restorer.add(partition, log);
    const { topic, partition: number } = partition;
    // Where there is nothing to fetch: it is moved when its state is back, which tells where it goes on.
    return { topic, partition: number, offset: log.end };
  });
}

async function savepoint(name: string, checkpointer: Checkpointer, commits: CommitCycle): Promise<string> {
  const cuts = await commits.cut(name);
  if (cuts === undefined || cuts.length === 0) {
    const reason = cuts === undefined ? 'the group takes no commit now' : 'no partition has its state yet';
    throw new AnomalyError('ANM_GROUP_REBALANCED', `cannot take savepoint ${name} as ${reason}`);
  }
  const results = await Promise.allSettled(cuts.map((cut) => checkpointer.storeOne(cut)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const isCommitted = await commits.now();
  // A partition that went to another meanwhile was in no commit, and its part counts for nothing.
  const isNamed = ({ partition }: Cut) => checkpointer.keptOf(partition).some((each) => each.savepoint === name);
  if (!isCommitted || !cuts.every(isNamed)) {
    throw new AnomalyError(
      'ANM_GROUP_REBALANCED',
      `cannot name savepoint ${name} in the journal as the group moved on`,
    );
  }
  return cuts[0]!.head.checkpoint;
}

async function storeAll(checkpointer: Checkpointer, partitions: Iterable<PartitionAtWork>): Promise<boolean> {
  await checkpointer.settle();
  const whole = [...partitions].filter(({ isRestoring, isReplaying }) => !isRestoring && !isReplaying);
  // One at a time: each holds a copy of a state.
  let isAny = whole.some(({ drafts }) => drafts.length > 0);
  for (const partition of whole) {
    for (const cut of checkpointer.cutAll([partition])) {
      // A failure is told and counted there; the commit is made, so that nothing is lost by it.
      isAny =
        (await checkpointer.storeOne(cut).then(
          () => true,
          () => false,
        )) || isAny;
    }
  }
  return isAny;
}
