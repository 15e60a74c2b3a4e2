import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { crc32c } from '../../wire/crc32c.ts';
import type { PartitionTransactionsState } from '../log/partitionTransactions.ts';
import type { ProducerState } from '../log/producerStates.ts';
import type { LogState } from '../log/segmentStore.ts';
import { replaceFile } from './replaceFile.ts';

const EXTENSION = '.state';
const NO_TRANSACTIONS: PartitionTransactionsState = { open: [], aborted: [] };

interface Kept {
  readonly producers: readonly ProducerState[];
  readonly transactions: PartitionTransactionsState;
}

/**
 * A partition's idempotent producers and transactions as they were at an offset: OFFSET.state, the CRC-32C of the rest
 * in eight hexadecimal digits, then JSON. The newest alone is kept; what came after it is read from the batches.
 */
export function writeState(directory: string, offset: number, { producers, transactions }: LogState): void {
  const path = join(directory, `${String(offset).padStart(20, '0')}${EXTENSION}`);
  const kept: Kept = { producers: [...producers.all()], transactions: transactions.toState() };
  const text = Buffer.from(JSON.stringify(kept));
  replaceFile(path, `${crc32c(text).toString(16).padStart(8, '0')}${text}`);
  for (const name of names(directory)) if (join(directory, name) !== path) rmSync(join(directory, name));
}

/** Fills `state` from the newest file that is whole; returns the offset that it is of, or 0 without one. */
export function readState(directory: string, state: LogState): number {
  if (!existsSync(directory)) return 0;
  for (const name of names(directory).reverse()) {
    const text = readFileSync(join(directory, name));
    if (text.length < 8 || crc32c(text, 8) !== Number.parseInt(text.toString('latin1', 0, 8), 16)) continue;
    const kept = JSON.parse(text.toString('utf8', 8)) as Kept;
    for (const producer of kept.producers) state.producers.restore(producer);
    state.transactions.restore(kept.transactions);
    return Number(name.slice(0, -EXTENSION.length));
  }
  return 0;
}

/** What it says of a log that has lost its end would be believed again once the log has grown as long. */
export function removeStates(directory: string): void {
  for (const name of names(directory)) rmSync(join(directory, name));
}

export function clearState({ producers, transactions }: LogState): void {
  producers.clear();
  transactions.restore(NO_TRANSACTIONS);
}

function names(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(EXTENSION))
    .sort();
}
