import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32c } from '../../wire/crc32c.ts';
import type { ProducerState, ProducerStates } from '../log/producerStates.ts';

const EXTENSION = '.producers';

/**
 * Idempotent producers of a partition as they were at an offset: NAME.producers, the CRC-32C of the rest in eight
 * hexadecimal digits, then JSON. The newest alone is kept; what came after it is read from the batches.
 */
export function writeProducers(directory: string, offset: number, producers: ProducerStates): void {
  const path = join(directory, `${String(offset).padStart(20, '0')}${EXTENSION}`);
  const text = Buffer.from(JSON.stringify([...producers.all()]));
  writeFileSync(`${path}.new`, `${crc32c(text).toString(16).padStart(8, '0')}${text}`);
  renameSync(`${path}.new`, path);
  for (const name of names(directory)) if (join(directory, name) !== path) rmSync(join(directory, name));
}

/** Fills `producers` from the newest file that is whole; returns the offset that it is of, or 0 without one. */
export function readProducers(directory: string, producers: ProducerStates): number {
  if (!existsSync(directory)) return 0;
  for (const name of names(directory).reverse()) {
    const text = readFileSync(join(directory, name));
    if (text.length < 8 || crc32c(text, 8) !== Number.parseInt(text.toString('latin1', 0, 8), 16)) continue;
    for (const state of JSON.parse(text.toString('utf8', 8)) as ProducerState[]) producers.restore(state);
    return Number(name.slice(0, -EXTENSION.length));
  }
  return 0;
}

function names(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(EXTENSION))
    .sort();
}
