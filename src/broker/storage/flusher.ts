import { fdatasync, fdatasyncSync } from 'node:fs';
import type { Logger } from '../../output/logger.ts';
import type { Clock, Timer } from '../clock.ts';

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
  private readonly dirty = new Set<Flushable>();
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
    if (this.policy === 'interval') this.timer ??= this.clock.after(FLUSH_INTERVAL_MS, () => this.flushAside());
  }

  /** To be called before an answer leaves the broker. @throws the system's error: then nothing may be answered */
  beforeAnswer(): void {
    if (this.policy === 'always' && this.dirty.size > 0) this.flush();
  }

  /** The file is about to be closed, or its end is in sight: synced now, if it has to be. */
  settle(file: Flushable): void {
    if (!this.dirty.has(file)) return;
    fdatasyncSync(file.fd);
    this.dirty.delete(file);
  }

  /** The file is gone: nothing to sync. */
  forget(file: Flushable): void {
    this.dirty.delete(file);
  }

  close(): void {
    this.timer?.cancel();
    this.timer = null;
    if (this.policy !== 'never') this.flush();
  }

  private flush(): void {
    for (const file of this.dirty) this.settle(file);
  }

  /** Beside the loop: nobody waits for it. */
  private flushAside(): void {
    this.timer = null;
    for (const file of this.dirty) {
      fdatasync(file.fd, (error) => {
        // A file that was closed meanwhile was synced before.
        if (error === null || error.code === 'EBADF') return;
        this.logger?.error('cannot sync a file of the data directory', { path: file.path, error: error.message });
      });
    }
    this.dirty.clear();
  }
}
