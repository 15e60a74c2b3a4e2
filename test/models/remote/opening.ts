import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type AnomalyError, isAnomalyError } from '../../../src/errors.ts';
import type { ModelSpec } from '../../../src/models/modelSpec.ts';
import {
  openRemoteScorer,
  type RemoteModelOptions,
  type RemoteModelScorer,
} from '../../../src/models/remote/remoteModel.ts';

/** A score of windows of four values. */
export const SCORE: Partial<ModelSpec> = { kind: 'score', length: 3, channels: ['value'] };

/** Closed with the test. Nothing here waits for its deadlines. */
export async function opened(
  context: Pick<TestContext, 'after'>,
  uri: string,
  options: Partial<RemoteModelOptions> = {},
): Promise<RemoteModelScorer> {
  const scorer = await openRemoteScorer(uri, {
    spec: SCORE,
    startTimeoutMs: 30_000,
    guard: { timeoutMs: 30_000, batch: 64 },
    ...options,
  });
  context.after(() => scorer.close());
  return scorer;
}

export async function failure(promise: Promise<unknown>, code: string, message: RegExp): Promise<AnomalyError> {
  const error = await promise.then(
    () => assert.fail('it was opened'),
    (reason: unknown) => reason,
  );
  assert.ok(isAnomalyError(error), String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return error;
}

export function close(actual: Float32Array, expected: readonly number[], tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(actual[i]! - value) <= tolerance, `row ${i}: ${actual[i]}, expected ${value}`);
  }
}

/** Windows of one channel, each of another size. */
export function someWindows(rows: number, size: number): { windows: Float32Array; rows: number; lists: number[][] } {
  const windows = Float32Array.from({ length: rows * size }, (_, i) => ((i * 31) % 17) / 7 - 1);
  const lists = Array.from({ length: rows }, (_, row) => Array.from(windows.subarray(row * size, (row + 1) * size)));
  return { windows, rows, lists };
}
