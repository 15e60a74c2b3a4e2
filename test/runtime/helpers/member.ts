import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../../../src/clients/connect.ts';
import { directoryCheckpoints } from '../../../src/commands/checkpoint/place.ts';
import type { PipelineConfig } from '../../../src/config/pipelineConfig.ts';
import { runJob } from '../../../src/runtime/job.ts';
import { journalTopic } from '../../../src/runtime/journal/journalRecord.ts';
import { JournalWriter } from '../../../src/runtime/journal/journalWriter.ts';
import { LocalMember } from '../../../src/runtime/localMember.ts';
import type { Scorers } from '../../../src/runtime/model/modelOptions.ts';
import type { Crash } from '../../../src/runtime/poison/crashMemory.ts';
import type { Task } from '../../../src/runtime/task.ts';
import type { CheckpointStore } from '../../../src/stores/checkpointStore.ts';
import type { World } from '../../helpers/world.ts';
import type { LogLines } from './config.ts';

export interface MemberStart {
  readonly world: World;
  readonly config: PipelineConfig;
  readonly log: LogLines;
  readonly signal: AbortSignal;
  readonly untilEnd?: boolean;
  readonly wrapTask?: (task: Task) => Task;
  readonly stateDir?: string;
  /** Put around the checkpoint store of each run. */
  readonly wrapStore?: (store: CheckpointStore) => CheckpointStore;
  /** In place of files in `stateDir`. */
  readonly checkpoints?: CheckpointStore;
  /** The models of each run. */
  readonly scorers?: () => Scorers;
}

/** A member as `run` makes it, with a task factory of the test's; waits between restarts take no time. */
export function startMember({
  world,
  config,
  log,
  signal,
  untilEnd = false,
  wrapTask,
  stateDir,
  wrapStore = (store) => store,
  checkpoints,
  scorers,
}: MemberStart): LocalMember {
  const directory = stateDir ?? mkdtempSync(join(world.dir, 'state-'));
  const brokers = [world.env['ANOMALY_BROKERS']!];
  const { pipeline, group, guarantee } = config;
  const who = {
    pipeline,
    group,
    guarantee,
    member: 'm',
    instance: null,
    host: 'h',
    pid: 1,
    definition: 'd',
    toolVersion: '0',
  };
  return new LocalMember({
    identity: who,
    restart: config.operation.restart,
    metrics: config.operation.metrics,
    run: async (hooks, stop) => {
      const client = await connect({ brokers, client: 'platformatic' });
      try {
        return await runJob({
          ...{ client, registry: undefined, config, stage: 'run', groupId: group, toolVersion: '0', untilEnd, hooks },
          localDir: directory,
          openCheckpoints: async (id, cluster) =>
            wrapStore(checkpoints ?? (await directoryCheckpoints(directory, id, cluster))),
          recovery: { fresh: false, acceptGap: false, allow: [] },
          ...{ leaveOpen: true, maxBadRate: 1, logger: log, now: Date.now, signal: stop },
          ticks: () => performance.now(),
          ...(wrapTask !== undefined && { wrapTask }),
          ...(scorers !== undefined && { scorers: scorers() }),
        });
      } finally {
        await client.close();
      }
    },
    keepCrash: (crash) => keep(world, group, crash),
    ...{ now: Date.now, ticks: () => performance.now(), random: () => 0.5, pause: async () => {}, signal, logger: log },
  });
}

async function keep(world: World, group: string, { topic, partition, from, to, error }: Crash): Promise<void> {
  const producer = await world.client.createProducer();
  const place = { topic, partition, offset: from, generation: -1, member: '' };
  new JournalWriter(journalTopic(group), producer, Date.now).append({ type: 'crash', ...place, to, error });
  await producer.close();
}

/** A task whose steps the test looks into. */
export function tapped(task: Task, steps: Partial<Pick<Task, 'decode' | 'run'>>): Task {
  return {
    topic: task.topic,
    partition: task.partition,
    pipeline: task.pipeline,
    get rejectCount() {
      return task.rejectCount;
    },
    get filteredCount() {
      return task.filteredCount;
    },
    get lastRejectReason() {
      return task.lastRejectReason;
    },
    reject: (row) => task.reject(row),
    placeOf: (row) => task.placeOf(row),
    decode: steps.decode ?? ((batch) => task.decode(batch)),
    run: steps.run ?? ((batch, from, to) => task.run(batch, from, to)),
    close: () => task.close(),
    cut: (kind) => task.cut(kind),
    restore: (operators, allow) => task.restore(operators, allow),
  };
}
