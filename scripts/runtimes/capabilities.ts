// What is held on each runtime, docs/runtimes.json that keeps the results, and README's table made from it.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Runtime } from './runtime.ts';

/** In the order of README's table. */
export const CAPABILITIES = {
  units: 'unit tests of `src/wire`, `src/engine` and models',
  golden: 'engine outputs, bit for bit (the golden digest)',
  demo: '`demo`, same results',
  dev: '`dev`: broker, registry, Admin API',
  produce: '`produce`',
  run: '`run`, same windows and alerts',
  lag: '`lag`',
  tail: '`tail`, same records',
  doctor: '`doctor`',
  installed: 'installed from the npm package: `demo`, same results',
  native: 'native client (`librdkafka`, optional)',
  old: 'brokers for which `--client auto` needs it: Redpanda before v25.3',
} as const;

export type Capability = keyof typeof CAPABILITIES;
type RuntimeId = Runtime['id'];

export interface Results {
  /** Titles with versions: 'Node 20.20.2'. */
  readonly runtimes: Record<RuntimeId, string>;
  readonly capabilities: Record<Capability, Record<RuntimeId, boolean>>;
}

const FILE = new URL('../../docs/runtimes.json', import.meta.url);

export function readResults(): Results {
  return JSON.parse(readFileSync(FILE, 'utf8'));
}

export function writeResults(results: Results): void {
  writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`);
}

export function capabilityTable({ runtimes, capabilities }: Results): string {
  const ids = Object.keys(runtimes) as RuntimeId[];
  const line = (first: string, cells: readonly string[]) => `| ${[first, ...cells].join(' | ')} |`;
  return [
    line(
      '',
      ids.map((id) => runtimes[id].replace(/\.\d+\.\d+$/, '')),
    ),
    line(
      '---',
      ids.map(() => '---'),
    ),
    line(
      'runs in a clone from',
      ids.map((id) => (id.startsWith('node') ? '`dist/`' : '`src/`')),
    ),
    ...Object.entries(CAPABILITIES).map(([name, text]) =>
      line(
        text,
        ids.map((id) => (capabilities[name as Capability][id] ? 'yes' : 'no')),
      ),
    ),
  ].join('\n');
}
