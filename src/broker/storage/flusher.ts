import { fdatasync, fdatasyncSync } from 'node:fs';
import type { Logger } from '../../output/logger.ts';
import type { Clock, Timer } from '../clock.ts';
import { onDisk } from './refused.ts';

/**
 * When what is written reaches the disk itself. `always`: before any answer leaves the broker, so nothing that a client
 * knows of is lost by a power cut. `interval`: at most 100 ms later (Redpanda's flush.ms with write caching). `never`:
 * when the system likes. The end of the process alone, kill -9 too, loses nothing under any of them, as the page cache
 * belongs to the system.
 */
export const FSYNC_POLICIES = ['always', 'interval', 'never'] as const;
export type FsyncPolicy = (typeof FSYNC_POLICIES)[number];

export const FLUSH_INTERVAL_MS = 100;

/** An open file that was written to. */
export interface Flushable {
  readonly fd: number;
  readonly path: string;
}

/** Syncs the files of a data directory by its policy. */
export class Flusher {
  readonly policy: FsyncPolicy;
  private readonly clock: Clock;
  private readonly logger: Logger | undefined;
  /** Written to since their last sync began. */
  private readonly dirty = new Set<Flushable>();
  /** Those whose sync is under way beside the loop: until it ends nothing is known to be on the disk. */
  private readonly syncing = new Map<Flushable, symbol>();
  /** Those whose last sync failed: said once, and tried again. */
  private readonly failing = new Set<Flushable>();
  private timer: Timer | null = null;

  constructor(policy: FsyncPolicy, clock: Clock, logger?: Logger) {
    this.policy = policy;
    this.clock = clock;
    this.logger = logger;
  }

  /** The file was written to. */
  touch(file: Flushable): void {
    if (this.policy === 'never') return;
    this.dirty.add(file);
    if (this.policy === 'interval') this.wind();
  }

  /** To be called before an answer leaves the broker. @throws StorageError: then nothing may be answered */
  beforeAnswer(): void {
    if (this.policy === 'always' && this.dirty.size > 0) this.flush();
  }

  /** The file is about to be closed, or its end is in sight: synced now, if it has to be. @throws StorageError */
  settle(file: Flushable): void {
    if (!this.dirty.has(file) && !this.syncing.has(file)) return;
    onDisk('sync', file.path, () => fdatasyncSync(file.fd));
    this.forget(file);
  }

  /** The file is gone: nothing to sync. */
  forget(file: Flushable): void {
    this.dirty.delete(file);
    this.syncing.delete(file);
    this.failing.delete(file);
  }

  /** @throws StorageError */
  close(): void {
    this.timer?.cancel();
    this.timer = null;
    if (this.policy !== 'never') this.flush();
  }

  private flush(): void {
    let failure: unknown;
    for (const file of [...this.dirty, ...this.syncing.keys()]) {
      try {
        this.settle(file);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** Beside the loop: nobody waits for it. */
  private flushAside(): void {
    this.timer = null;
    for (const file of this.dirty) {
      // The sync before takes longer than the interval: this one has to come after it.
      if (this.syncing.has(file)) continue;
      this.dirty.delete(file);
      const turn = Symbol();
      this.syncing.set(file, turn);
      fdatasync(file.fd, (error) => {
        // Settled or forgotten meanwhile: the descriptor may be closed, or another file's by now.
        if (this.syncing.get(file) !== turn) return;
        this.syncing.delete(file);
        if (error === null) this.failing.delete(file);
        else this.failed(file, error);
      });
    }
    if (this.dirty.size > 0) this.wind();
  }

  private failed(file: Flushable, error: Error): void {
    this.touch(file);
    if (this.failing.has(file)) return;
    this.failing.add(file);
    this.logger?.error('cannot sync a file of the data directory', { path: file.path, error: error.message });
  }

  private wind(): void {
    this.timer ??= this.clock.after(FLUSH_INTERVAL_MS, () => this.flushAside());
  }
}
