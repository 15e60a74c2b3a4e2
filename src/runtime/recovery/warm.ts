import { Readable } from 'node:stream';
import type { Admin } from '../../clients/client.ts';
import type { TopicPartition } from '../../clients/topicPartition.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { CheckpointStore, SnapshotReference } from '../../stores/checkpointStore.ts';
import { murmur2 } from '../../wire/murmur2.ts';
import type { SnapshotHead } from '../checkpoints/snapshotHead.ts';
import { fieldNames } from '../definition/fieldNames.ts';
import { fileLines } from '../input/fileSource.ts';
import { LineBatch } from '../input/lineBatch.ts';
import { LineSchemas } from '../input/lineSchemas.ts';
import type { Line, RecordLine } from '../input/lines.ts';
import { settleWithoutModel } from '../model/withoutModel.ts';
import { runWhole, type Task } from '../task.ts';
import { partitionName } from '../topics/partitionName.ts';
import type { SourceLog } from './sourceGap.ts';

/**
 * What a partition that has no commit yet learns from before it goes live at the end of its log: records of the log from
 * an offset on, or a state that was made of files and is stored.
 */
export type WarmStart =
  | { readonly kind: 'log'; readonly from: number }
  | {
      readonly kind: 'state';
      readonly task: Task;
      readonly reference: SnapshotReference;
      readonly checkpoint: string;
    };

export type Warm = (place: TopicPartition, log: SourceLog, createTask: () => Task) => Promise<WarmStart>;

/** Learns from what the topic has since a record time (epoch ms). */
function warmByLog(admin: Pick<Admin, 'listOffsets'>, sinceMs: number, logger: Logger): Warm {
  return async ({ topic, partition }, log) => {
    const [found] = await admin.listOffsets([{ topic, partition }], sinceMs);
    const offset = found?.offset ?? -1;
    const from = offset < 0 ? log.end : Math.max(offset, log.start);
    logger.info(
      `${topic}/${partition} learns from offset ${from} on, and alerts from ${log.end} on: ${log.end - from} records before it`,
    );
    return { kind: 'log', from };
  };
}

/** The history of the topic for so long, or files by their absolute paths. */
export type WarmChoice = { readonly forMs: number } | { readonly files: readonly string[] };

export interface WarmOptions {
  readonly admin: Pick<Admin, 'listOffsets'>;
  readonly config: PipelineConfig;
  readonly partitionsOf: (topic: string) => number;
  readonly store: Pick<CheckpointStore, 'save'>;
  readonly head: SnapshotHead;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
}

/** Reads the clock now: a partition that comes later learns from the same time on. */
export function warmOf(choice: WarmChoice, options: WarmOptions): Warm {
  const { admin, config, now, logger } = options;
  if ('forMs' in choice) return warmByLog(admin, now() - choice.forMs, logger);
  const { key, time } = config.source;
  const lines = () =>
    fileLines({
      ...{ inputs: choice.files, cwd: '/', stdin: Readable.from([]), timeColumn: time, keyColumn: key },
      ...{ timeName: 'source.time', keyName: 'source.key' },
      onBadRow: ({ file, line, reason }) => logger.warn(`left out ${file}:${line}: ${reason}`),
      onNote: (text) => logger.warn(text),
    });
  return warmByFiles(lines, choice.files.join(', '), options);
}

/**
 * Learns from files: each series in the partition where Java's partitioner places its key. The state is stored before
 * the partition goes live, so that a restart reads no file again.
 *
 * @param lines record lines of all files by event time, anew at each call
 * @param name of the files, for messages
 * @throws ANM_BAD_DATA where none of the rows can be used
 */
function warmByFiles(lines: () => AsyncGenerator<readonly Line[]>, name: string, options: WarmOptions): Warm {
  const { head, newId, now, store, logger, config } = options;
  const checkpoint = newId();
  return async ({ topic, partition }, log, createTask) => {
    const task = createTask();
    const count = options.partitionsOf(topic);
    const { rows, rejected, reason } = await learn(task, lines(), fieldNames(config).length, count);
    if (rows > 0 && rejected === rows) {
      throw new AnomalyError('ANM_BAD_DATA', `cannot learn from ${name} as none of its rows can be used: ${reason}`, {
        hint: 'source.key, source.time and source.fields name the columns',
      });
    }
    if (rejected > 0) logger.warn(`left out ${rejected} of ${rows} rows of ${name}: ${reason}`);
    const { watermark } = task.pipeline;
    const cut = task.cut('copy');
    cut.step(Infinity);
    const reference = await store.save({
      ...head,
      ...{ topic, partition, offset: log.end, checkpoint, createdMs: now(), schemaIds: [] },
      watermark: Number.isFinite(watermark) ? watermark : null,
      operators: cut.operators(),
    });
    logger.info(
      `${topic}/${partition} has learnt from ${rows - rejected} rows of ${name} (${task.pipeline.keys.count} series), and goes live at offset ${log.end}`,
    );
    return { kind: 'state', task, reference: { name: reference.name, sha256: reference.sha256 }, checkpoint };
  };
}

/** Runs the rows of the partition's series through a task, and throws away what that puts out. */
async function learn(task: Task, lines: AsyncGenerator<readonly Line[]>, fieldCount: number, partitions: number) {
  const place = partitionName(task);
  const batches = new LineBatch(new LineSchemas(undefined), fieldCount);
  const told = { rows: 0, rejected: 0, reason: '' };
  const flush = async (): Promise<void> => {
    const batch = batches.take();
    if (batch === undefined) return;
    await runWhole(task, batch);
    settleWithoutModel(task.pipeline);
    task.pipeline.clearOutput();
    told.rejected += task.rejectCount;
    if (task.rejectCount > 0) told.reason = task.lastRejectReason;
  };
  for await (const chunk of lines) {
    for (const line of chunk) {
      if (line['type'] !== 'record') continue;
      const record = line as unknown as RecordLine;
      if (partitionOf(record, partitions) !== task.partition) continue;
      told.rows++;
      if (!batches.fits(task.topic, task.partition)) await flush();
      const misfit = await batches.add({ ...record, topic: task.topic, partition: task.partition });
      if (misfit === null) continue;
      told.rejected++;
      told.reason = `${misfit} (${place})`;
    }
    await flush();
  }
  return told;
}

/** As Java's partitioner places the key; one without a key may be anywhere, so it is of the first. */
function partitionOf({ key }: RecordLine, partitions: number): number {
  if (typeof key !== 'string') return 0;
  return (murmur2(new TextEncoder().encode(key)) & 0x7fffffff) % partitions;
}
