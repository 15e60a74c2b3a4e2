/** Which JavaScript runtime this is. The only file that names Bun or Deno. */
export interface RuntimeInfo {
  readonly name: 'node' | 'bun' | 'deno';
  readonly version: string;
  /** Whether native Kafka bindings can load here at all. */
  readonly nativeClient: boolean;
}

export function runtimeInfo(): RuntimeInfo {
  const globals = globalThis as { Bun?: { version: string }; Deno?: { version: { deno: string } } };
  if (globals.Bun !== undefined) return { name: 'bun', version: globals.Bun.version, nativeClient: false };
  if (globals.Deno !== undefined) return { name: 'deno', version: globals.Deno.version.deno, nativeClient: false };
  return { name: 'node', version: process.versions.node, nativeClient: true };
}

/** The least Node version that the tool runs on, as in package.json's engines. */
export const LEAST_NODE = '20.19.0';

/** Negative when version a is older than b; pre-release tags are not looked at. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map((part) => Number.parseInt(part, 10));
  const right = b.split('.').map((part) => Number.parseInt(part, 10));
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
