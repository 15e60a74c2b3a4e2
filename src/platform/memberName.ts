import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAnomalyError } from '../errors.ts';
import { lockDirectory, readOr } from './directoryLock.ts';

/** A name that one process of this host has at a time, and that its successor has after it. */
export interface MemberName {
  readonly name: string;
  /** Lets another process have it. */
  release(): void;
}

/**
 * Takes the first free name of a group's members under the state directory, as Kafka Streams keeps its process id in
 * state.dir. Each name is a directory, members/GROUP/HOST/N, with an id drawn once and the lock of the process that has
 * it; the name of a killed process is free. The host is part of the path, as a lock is known by the process id: of
 * containers that share a volume, each sees only its own processes.
 *
 * @throws what the file system says where a name cannot be kept
 */
export function takeMemberName(stateDirectory: string, group: string, host: string): MemberName {
  const names = join(stateDirectory, 'members', part(group), part(host));
  for (let n = 0; ; n++) {
    const directory = join(names, String(n));
    mkdirSync(directory, { recursive: true });
    const release = lockUnlessHeld(directory);
    if (release === undefined) continue;
    try {
      return { name: idOf(join(directory, 'id')), release };
    } catch (error) {
      release();
      throw error;
    }
  }
}

function lockUnlessHeld(directory: string): (() => void) | undefined {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (isAnomalyError(error) && error.code === 'ANM_DATA_LOCKED') return undefined;
    throw error;
  }
}

/** Under the lock, so nobody else writes it. A file that a power cut has left empty or half gets a new id. */
function idOf(path: string): string {
  const known = readOr(path)?.trim() ?? '';
  if (/^[0-9a-f]{16}$/.test(known)) return known;
  const drawn = randomBytes(8).toString('hex');
  writeFileSync(path, `${drawn}\n`);
  return drawn;
}

/** Any text as the name of one directory. */
function part(text: string): string {
  return encodeURIComponent(text).replace(/^\./, '%2E');
}
