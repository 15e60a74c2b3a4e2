import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** Puts a whole file into its place, or, where that fails, leaves the old one and nothing else. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const aside = `${path}.new`;
  try {
    writeFileSync(aside, content);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}
