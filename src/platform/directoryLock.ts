import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kill, pid } from 'node:process';
import { AnomalyError } from '../errors.ts';

interface Owner {
  readonly pid: number;
  /** When the process began, as the system counts it: another process may get the same id later. Empty if unknown. */
  readonly born: string;
}

/**
 * Takes DIRECTORY/lock for this process, or says who has it. A lock whose process is gone, after a kill -9 or a power
 * cut, is taken over. Returns how to give it back. @throws AnomalyError ANM_DATA_LOCKED
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, 'lock');
  const own = join(directory, `lock.${pid}`);
  const mine = JSON.stringify({ pid, born: bornOf(pid) } satisfies Owner);
  writeFileSync(own, mine);
  try {
    // A link is made by one process only, and it never shows half a file.
    while (!tryLink(own, path)) removeIfDead(directory, path);
  } finally {
    rmSync(own, { force: true });
  }
  return () => {
    if (readOr(path) === mine) rmSync(path, { force: true });
  };
}

function tryLink(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function removeIfDead(directory: string, path: string): void {
  const text = readOr(path);
  if (text === null) return;
  const owner = parse(text);
  if (owner !== null && isAlive(owner)) {
    throw new AnomalyError('ANM_DATA_LOCKED', `cannot use ${directory} as process ${owner.pid} has it`, {
      details: { path, pid: owner.pid },
    });
  }
  // Renamed before it is removed: of two that find it dead, one gets it, and it sees whether it got the dead one.
  const aside = `${path}.dead.${pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readOr(aside) !== text) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function isAlive({ pid: id, born }: Owner): boolean {
  try {
    // Signal 0 asks, and does nothing.
    kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const fields = statOf(id);
  // One that was killed keeps its id until its parent asks for its end, which some never do.
  if (fields[0] === 'Z' || fields[0] === 'X') return false;
  const now = fields[19] ?? '';
  // Within this process too: one broker, one directory.
  return born === '' || now === '' || now === born;
}

/** Field 22 of /proc/PID/stat, where the system has it: clock ticks from its boot to the process's start. */
function bornOf(id: number): string {
  return statOf(id)[19] ?? '';
}

/** Fields of /proc/PID/stat from the third on, which is the state; none where the system has no such file. */
function statOf(id: number): readonly string[] {
  const stat = readOr(`/proc/${id}/stat`);
  return stat === null ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function parse(text: string): Owner | null {
  try {
    const owner = JSON.parse(text) as Partial<Owner>;
    return typeof owner.pid === 'number' && typeof owner.born === 'string' ? (owner as Owner) : null;
  } catch {
    return null;
  }
}

/** The text of a file, or null where there is none. */
export function readOr(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
