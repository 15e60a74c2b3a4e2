import { StorageError } from '../log/segmentBytes.ts';

/** Runs what touches the disk; what the system says against it becomes a StorageError that names file and reason. */
export function onDisk<T>(verb: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw refused(verb, path, error);
  }
}

export function refused(verb: string, path: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  return new StorageError(`cannot ${verb} ${path}: ${reasonOf(error)}`, { cause: error });
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Told of work on files that failed and can wait: what was there before still stands. */
export type OnProblem = (what: string, path: string, error: unknown) => void;

/** Runs what may fail; true when it did not. */
export function attempt(what: string, path: string, onProblem: OnProblem, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    onProblem(what, path, error);
    return false;
  }
}
