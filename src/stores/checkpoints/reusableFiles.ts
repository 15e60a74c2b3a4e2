import type { OperatorEntry } from './manifest.ts';

/** A file that an earlier snapshot has. */
export interface Reuse {
  readonly folder: string;
  readonly file: string;
}

interface Known extends Reuse {
  readonly sha256: string;
  readonly bytes: number;
  /** How many snapshots refer to it. */
  uses: number;
}

/** After so many references a file is written anew: what is kept for its sake stays bounded. */
const MOST_USES = 8;

/** Files of the last snapshot of each partition, by operator, so that one that did not change is not written again. */
export class ReusableFiles {
  readonly #leastBytes: number;
  readonly #partitions = new Map<string, Map<string, Known>>();

  constructor(leastBytes: number) {
    this.#leastBytes = leastBytes;
  }

  of(partition: string) {
    const files = this.#partitions.get(partition) ?? new Map<string, Known>();
    this.#partitions.set(partition, files);
    return {
      find: (operator: string, sha256: string, bytes: number): Reuse | undefined => {
        const last = files.get(operator);
        const isSame = last?.sha256 === sha256 && last.bytes === bytes && last.uses < MOST_USES;
        return isSame && bytes >= this.#leastBytes ? last : undefined;
      },
      /** Only what is stored for good is referred to. */
      saved: (folder: string, entries: readonly OperatorEntry[]): void => {
        const before = new Map(files);
        files.clear();
        for (const { id, parts } of entries) {
          // What changes piece by piece is not the same as before.
          if (parts.length !== 1) continue;
          const { file, base, bytes, sha256 } = parts[0]!;
          const uses = base === undefined ? 0 : (before.get(id)?.uses ?? 0) + 1;
          files.set(id, { folder: base ?? folder, file, bytes, sha256, uses });
        }
      },
    };
  }

  /** Another process may have removed them since: it had the partition meanwhile. */
  forget(partition: string): void {
    this.#partitions.delete(partition);
  }

  /** Of a snapshot that is gone. */
  removed(partition: string, folder: string): void {
    const files = this.#partitions.get(partition);
    for (const [operator, known] of files ?? []) if (known.folder === folder) files!.delete(operator);
  }
}
