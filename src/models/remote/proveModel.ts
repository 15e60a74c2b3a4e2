import { isAnomalyError } from '../../errors.ts';
import type { InputPlan } from '../scoring/inputPlan.ts';

/** Two, as the trap is a batch that is only ever 1. */
const PROBE_ROWS = 2;

/**
 * Runs two windows, alone and together: what a server claims of its shapes is not relied on.
 *
 * @param run scores so many rows in one request
 * @param mostRows of one request
 * @returns why rows cannot share a request; undefined where they can, or need not
 * @throws what `run` throws for a single row
 */
export async function proveModel(
  { rowSize, type }: InputPlan,
  run: (windows: Float32Array, rows: number) => Promise<Float32Array>,
  mostRows: number,
): Promise<string | undefined> {
  const windows = Float32Array.from({ length: PROBE_ROWS * rowSize }, (_, i) => ((i * 7919) % 13) / 13 - 0.5);
  const alone: number[] = [];
  for (let row = 0; row < PROBE_ROWS; row++) {
    alone.push((await run(windows.subarray(row * rowSize, (row + 1) * rowSize), 1))[0]!);
  }
  if (mostRows < PROBE_ROWS) return undefined;
  let together: Float32Array;
  try {
    together = await run(windows, PROBE_ROWS);
  } catch (error) {
    if (!isAnomalyError(error) || !OF_THE_BATCH.has(error.code)) throw error;
    return error.message;
  }
  const tolerance = type === 'float16' ? 1e-2 : 1e-3;
  const isSame = alone.every(
    (score, i) => Object.is(score, together[i]) || Math.abs(score - together[i]!) <= tolerance * (1 + Math.abs(score)),
  );
  return isSame ? undefined : 'rows of one request change the scores of each other';
}

/** A server that answers each row, and these for two of them, does not take two. */
const OF_THE_BATCH: ReadonlySet<string> = new Set([
  'ANM_PROTOCOL',
  'ANM_MODEL_SPEC',
  'ANM_MODEL_OUTPUT',
  'ANM_MODEL_SERVER',
]);
