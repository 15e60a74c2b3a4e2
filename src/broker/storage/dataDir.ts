import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import { lockDirectory } from '../../platform/directoryLock.ts';
import type { Clock } from '../clock.ts';
import type { SegmentStore } from '../log/segmentStore.ts';
import { asidePath } from './asidePath.ts';
import { type FileServices, ReadHandles, WriteHandles } from './fileBytes.ts';
import { Flusher, type FsyncPolicy } from './flusher.ts';
import { Journal } from './journal.ts';
import { PartitionEntries } from './partitionEntries.ts';
import { PartitionFiles } from './partitionFiles.ts';
import { attempt, type OnProblem, reasonOf } from './refused.ts';

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
/** Folders that no topic of the journal has, for people. */
const UNKNOWN = 'unknown';
/** Key of the policy that the last life had. */
const FSYNC = 'fsync';
/** Keys of topics whose folder has to go: only what the journal gave up is ever deleted. */
const GOING = 'deleted/';
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
 *   unknown/NAME-ID-N/                   folders of topics that the journal does not know, as one that lost its end
 */
export class DataDir {
  readonly path: string;
  readonly journal: Journal;
  readonly flusher: Flusher;
  readonly services: FileServices;
  /** What recovery cut, for people. */
  readonly cuts: string[] = [];
  readonly wasClosed: boolean;
  private readonly wasUnsynced: boolean;
  private readonly entries: PartitionEntries;
  /** Something of this life is not on the disk as it should be, so that the next start has to look. */
  private isUntidy = false;
  private readonly journals: Journal[] = [];
  private readonly clock: Clock;
  private readonly unlock: () => void;
  private readonly onCut: (message: string) => void;
  private readonly onProblem: OnProblem;

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
    this.onProblem = (what, file, error) => {
      this.isUntidy = true;
      logger?.error(`cannot ${what}`, { path: file, error: reasonOf(error) });
    };
    this.flusher = new Flusher(fsync, clock, logger);
    this.services = { flusher: this.flusher, handles: new ReadHandles(), writers: new WriteHandles() };
    try {
      this.wasClosed = existsSync(join(path, CLOSED));
      this.journal = usable(path, () => {
        rmSync(join(path, CLOSED), { force: true });
        return this.openJournal('meta.journal');
      });
      this.wasUnsynced = this.journal.get(FSYNC) === 'never';
      this.entries = new PartitionEntries(this.journal);
      usable(path, () => {
        if (this.journal.get(FSYNC) !== fsync) this.journal.set(FSYNC, fsync);
        this.removeDeleted();
      });
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** Another journal of the directory, as the Schema Registry's. */
  openJournal(name: string): Journal {
    const { flusher, onCut, onProblem } = this;
    const journal = new Journal({ path: join(this.path, name), flusher, onCut, onProblem });
    this.journals.push(journal);
    return journal;
  }

  partition({ topic, topicId, partition }: PartitionPlace): SegmentStore {
    const { entries } = this;
    const place = `${topicId}/${partition}`;
    return new PartitionFiles({
      directory: join(this.topicPath(topic, topicId), String(partition)),
      services: this.services,
      wasClosed: this.wasClosed,
      wasUnsynced: this.wasUnsynced,
      nowMs: this.clock.now(),
      logStartOffset: entries.startOf(place),
      fences: entries.fencesOf(place),
      onFenced: (fence) => entries.fence(place, fence),
      onUnfenced: (producerId) => entries.unfence(place, producerId),
      onStartMoved: (offset) => entries.startMoved(place, offset),
      onCut: this.onCut,
      onProblem: this.onProblem,
    });
  }

  /** The topic is to be deleted: a crash from here on is finished by the next start. @throws StorageError */
  removingTopic(topic: string, topicId: string): void {
    this.journal.set(GOING + topicId, topic);
  }

  /** The journal says already that the topic is gone. Its partitions are closed. */
  removeTopic(topic: string, topicId: string, partitionCount: number): void {
    const path = this.topicPath(topic, topicId);
    attempt('remove a topic', path, this.onProblem, () => {
      for (let partition = 0; partition < partitionCount; partition++) this.entries.remove(`${topicId}/${partition}`);
      if (existsSync(path)) {
        renameSync(path, path + DELETED);
        rmSync(path + DELETED, { recursive: true, force: true });
      }
      this.journal.delete(GOING + topicId);
    });
  }

  /**
   * Folders of topics that the journal does not know. Where it says that their deletion began, it is finished. Of
   * others it may have lost the topic, at a cut or as a whole, and their records may be wanted: they are moved away.
   */
  removeOrphans(knownIds: ReadonlySet<string>): void {
    const directory = join(this.path, TOPICS);
    for (const name of readdirSync(directory)) {
      const id = name.slice(name.lastIndexOf('-') + 1);
      if (knownIds.has(id)) continue;
      if (this.journal.get(GOING + id) !== undefined) rmSync(join(directory, name), { recursive: true });
      else this.moveAway(directory, name);
    }
    for (const [id] of [...this.journal.under(GOING)]) this.journal.delete(GOING + id);
  }

  /** The disk that it is on. */
  disk() {
    const { bavail, blocks, bsize } = statfsSync(this.path);
    return { path: this.path, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }

  /** After everything else is closed. What a full or broken disk refuses is said, and left to the next start. */
  close(): void {
    try {
      this.closeFiles();
      if (!this.isUntidy) this.attempt('mark the end', () => writeFileSync(join(this.path, CLOSED), ''));
    } finally {
      this.unlock();
    }
  }

  /** The start failed: what is there stays as it is, and is not called orderly. */
  abandon(): void {
    try {
      this.closeFiles();
    } finally {
      this.unlock();
    }
  }

  private closeFiles(): void {
    for (const journal of this.journals) this.attempt('close a journal', () => journal.close());
    this.attempt('sync what was written last', () => this.flusher.close());
    this.services.writers.closeAll();
    this.services.handles.closeAll();
  }

  private attempt(what: string, action: () => void): void {
    attempt(what, this.path, this.onProblem, action);
  }

  private moveAway(directory: string, name: string): void {
    mkdirSync(join(this.path, UNKNOWN), { recursive: true });
    const kept = asidePath(join(this.path, UNKNOWN, name));
    renameSync(join(directory, name), kept);
    this.onCut(`moved ${join(directory, name)} to ${kept} as meta.journal knows no such topic`);
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

/** @throws AnomalyError ANM_DATA_DIRECTORY with what the system says against it */
export function usable<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (isAnomalyError(error)) throw error;
    throw new AnomalyError('ANM_DATA_DIRECTORY', `cannot use ${path} for the data of the broker: ${reasonOf(error)}`, {
      cause: error,
      details: { path },
    });
  }
}
