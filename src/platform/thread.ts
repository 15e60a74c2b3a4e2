import { Worker } from 'node:worker_threads';
import { runtimeInfo } from './runtime.ts';

/** A thread does not inherit the loader of tsx, under which the tests run src/: it registers it before the entry. */
export function newThread(entry: URL): Worker {
  const isUnderTsx = runtimeInfo().name === 'node' && entry.href.endsWith('.ts') && process.execArgv.includes('tsx');
  if (!isUnderTsx) return new Worker(entry);
  const code = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}); })`;
  return new Worker(code, { eval: true });
}
