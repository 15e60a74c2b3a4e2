import { existsSync } from 'node:fs';

/** The first of PATH-1, PATH-2 ... that is free: what was put aside before is never written over. */
export function asidePath(path: string): string {
  for (let number = 1; ; number++) if (!existsSync(`${path}-${number}`)) return `${path}-${number}`;
}
