import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { Clock } from '../clock.ts';
import type { Fence, SegmentStore } from '../log/segmentStore.ts';
import { type FileServices, ReadHandles } from './fileBytes.ts';
import { Flusher, type FsyncPolicy } from './flusher.ts';
import { Journal } from './journal.ts';
import { lockDirectory } from './lock.ts';
import { PartitionFiles } from './partitionFiles.ts';

export const DEFAULT_FSYNC: FsyncPolicy = 'interval';

export interface DataDirOptions {
  readonly path: string;
  readonly fsync: FsyncPolicy;
  readonly clock: Clock;
  readonly logger?: Logger | undefined;
}

export interface PartitionPlace {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
}

/** Says that the last life ended in order. */
const CLOSED = 'closed';
const TOPICS = 'topics';
/** A folder on its way out: a crash in the middle is finished by the next start. */
const DELETED = '.deleted';
/** As long as a name in a path should get; the id makes it unique. */
const SHOWN_NAME_LENGTH = 150;

/**
 * What a broker keeps on disk:
 *   lock                                 the process that has it
 *   closed                               there after an orderly end
 *   meta.journal                         topics, configurations, committed offsets, ids: see metadata.ts
 *   topics/NAME-ID/PARTITION/            segments: see partitionFiles.ts
 */
export class DataDir {
  readonly path: string;
  readonly journal: Journal;
  readonly flusher: Flusher;
  readonly services: FileServices;
  /** What recovery cut, for people. */
  readonly cuts: string[] = [];
  readonly wasClosed: boolean;
  private readonly journals: Journal[] = [];
  private readonly clock: Clock;
  private readonly unlock: () => void;
  private readonly onCut: (message: string) => void;

  /** @throws AnomalyError ANM_DATA_DIRECTORY, ANM_DATA_LOCKED, ANM_DATA_CORRUPT */
  constructor({ path, fsync, clock, logger }: DataDirOptions) {
    this.path = path;
    this.clock = clock;
    this.unlock = usable(path, () => {
      mkdirSync(join(path, TOPICS), { recursive: true });
      return lockDirectory(path);
    });
    this.onCut = (message) => {
      this.cuts.push(message);
      logger?.info(message);
    };
    try {
      this.wasClosed = existsSync(join(path, CLOSED));
      rmSync(join(path, CLOSED), { force: true });
      this.flusher = new Flusher(fsync, clock, logger);
      this.services = { flusher: this.flusher, handles: new ReadHandles() };
      this.journal = usable(path, () => this.openJournal('meta.journal'));
      this.removeDeleted();
    } catch (error) {
      this.unlock();
      throw error;
    }
  }

  /** Another journal of the directory, as the Schema Registry's. */
  openJournal(name: string): Journal {
    const journal = new Journal({ path: join(this.path, name), flusher: this.flusher, onCut: this.onCut });
    this.journals.push(journal);
    return journal;
  }

  partition({ topic, topicId, partition }: PartitionPlace): SegmentStore {
    const startKey = `start/${topicId}/${partition}`;
    const fenceKey = `fence/${topicId}/${partition}/`;
    return new PartitionFiles({
      directory: join(this.topicPath(topic, topicId), String(partition)),
      services: this.services,
      wasClosed: this.wasClosed,
      nowMs: this.clock.now(),
      logStartOffset: Number(this.journal.get(startKey) ?? 0),
      fences: [...this.journal.under(fenceKey)].map(([, fence]) => fence as unknown as Fence),
      onFenced: (fence) => this.journal.set(`${fenceKey}${fence.producerId}`, { ...fence }),
      onUnfenced: (producerId) => this.journal.delete(`${fenceKey}${producerId}`),
      onStartMoved: (offset) => this.journal.set(startKey, offset),
      onCut: this.onCut,
    });
  }

  /** The journal says already that the topic is gone. Its partitions are closed. */
  removeTopic(topic: string, topicId: string): void {
    for (const kind of ['start', 'fence']) {
      const prefix = `${kind}/${topicId}/`;
      for (const [rest] of [...this.journal.under(prefix)]) this.journal.delete(prefix + rest);
    }
    const path = this.topicPath(topic, topicId);
    if (!existsSync(path)) return;
    renameSync(path, path + DELETED);
    rmSync(path + DELETED, { recursive: true, force: true });
  }

  /** Folders of topics that the journal no longer knows: their deletion was interrupted. */
  removeOrphans(knownIds: ReadonlySet<string>): void {
    // A journal that lost its tail may have lost the topic, and its records may be wanted.
    if (this.cuts.length > 0) return;
    const directory = join(this.path, TOPICS);
    for (const name of readdirSync(directory)) {
      if (!knownIds.has(name.slice(name.lastIndexOf('-') + 1))) rmSync(join(directory, name), { recursive: true });
    }
  }

  /** The disk that it is on. */
  disk() {
    const { bavail, blocks, bsize } = statfsSync(this.path);
    return { path: this.path, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }

  /** After everything else is closed. */
  close(): void {
    for (const journal of this.journals) journal.close();
    this.flusher.close();
    this.services.handles.closeAll();
    writeFileSync(join(this.path, CLOSED), '');
    this.unlock();
  }

  /** The start failed: what is there stays as it is, and is not called orderly. */
  abandon(): void {
    for (const journal of this.journals) journal.close();
    this.flusher.close();
    this.services.handles.closeAll();
    this.unlock();
  }

  private topicPath(topic: string, topicId: string): string {
    return join(this.path, TOPICS, `${topic.slice(0, SHOWN_NAME_LENGTH)}-${topicId}`);
  }

  private removeDeleted(): void {
    const directory = join(this.path, TOPICS);
    for (const name of readdirSync(directory)) {
      if (name.endsWith(DELETED)) rmSync(join(directory, name), { recursive: true, force: true });
    }
  }
}

function usable<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (isAnomalyError(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AnomalyError('ANM_DATA_DIRECTORY', `cannot use ${path} for the data of the broker: ${reason}`, {
      cause: error,
      details: { path },
    });
  }
}
