import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Name =
  | 'writeFileSync'
  | 'writeSync'
  | 'fdatasyncSync'
  | 'fdatasync'
  | 'fsyncSync'
  | 'openSync'
  | 'mkdirSync'
  | 'rmSync'
  | 'renameSync';

/**
 * Functions of node:fs throw what the system would, in this process, until the answer is called: a full disk without a
 * disk to fill. `isHit` chooses the calls by their first argument, a path or a descriptor.
 */
export function refuseDisk(
  names: readonly Name[],
  code: string,
  isHit: (first: unknown) => boolean = () => true,
): () => void {
  const real = names.map((name) => [name, fs[name]] as const);
  for (const [name, call] of real) {
    const refusing = (...args: readonly unknown[]) => {
      if (isHit(args[0])) throw Object.assign(new Error(`${code}: ${name} is refused`), { code });
      return (call as (...all: readonly unknown[]) => unknown)(...args);
    };
    Object.assign(fs, { [name]: refusing });
  }
  syncBuiltinESMExports();
  return () => {
    Object.assign(fs, Object.fromEntries(real));
    syncBuiltinESMExports();
  };
}

/** A call of node:fs is held back until the answer's `go` is called. */
export function holdSyncs(): { readonly held: readonly (() => void)[]; restore(): void } {
  const real = fs.fdatasync;
  const held: (() => void)[] = [];
  const holding = (fd: number, done: (error: NodeJS.ErrnoException | null) => void) => {
    held.push(() => real(fd, done));
  };
  Object.assign(fs, { fdatasync: holding });
  syncBuiltinESMExports();
  return {
    held,
    restore: () => {
      Object.assign(fs, { fdatasync: real });
      syncBuiltinESMExports();
    },
  };
}
