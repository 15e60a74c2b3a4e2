import { userInfo } from 'node:os';

/** Name of the user that runs the process; a container may run as one that has no entry. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
