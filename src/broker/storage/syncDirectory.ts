import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Names made, changed or removed in it survive a power cut. */
export function syncDirectory(path: string): void {
  // Windows has no handles of directories, and keeps names by itself.
  if (process.platform === 'win32') return;
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
