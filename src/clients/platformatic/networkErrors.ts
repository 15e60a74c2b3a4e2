import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { ClientOptions } from '../client.ts';
import { tlsFailure } from '../explainFailure.ts';

interface LibraryError {
  readonly code?: string;
  readonly message?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  readonly serverErrorMessage?: string | null;
}

/** The innermost reason in plain words: 'connection refused', 'no such host'. */
export function plainReason(error: unknown): string {
  let reason = '';
  for (const found of chain(error)) {
    const words = SYSTEM_REASONS[found.code ?? ''];
    if (words !== undefined) return words;
    reason = found.serverErrorMessage || found.message || reason;
  }
  return reason.replace(/\.$/, '') || 'unknown reason';
}

/** Why a connection could not be opened, as the tool's error. */
export function connectionFailure(
  error: unknown,
  address: string,
  options: ClientOptions,
  dialTimeoutMs: number,
): AnomalyError {
  if (isAnomalyError(error)) return error;
  const failure = options.tls === undefined ? null : tlsFailure(error, address, options.tls);
  if (failure !== null) return failure;
  return new AnomalyError('ANM_BROKER_UNREACHABLE', `cannot connect to ${address}: ${plainReason(error)}`, {
    details: { address, dialTimeoutMs, setting: 'dial_timeout' },
    cause: error,
  });
}

/** Nobody listens there, or not in time: there is nothing to ask about how it wants to be spoken to. */
export function isNobodyThere(error: unknown): boolean {
  return [...chain(error)].some(
    ({ code, message }) => ABSENT.has(code ?? '') || (message ?? '').startsWith('no connection within'),
  );
}

const ABSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

function* chain(error: unknown, depth = 0): Generator<LibraryError> {
  if (typeof error !== 'object' || error === null || depth > 6) return;
  const found = error as LibraryError;
  yield found;
  for (const inner of found.errors ?? []) yield* chain(inner, depth + 1);
  yield* chain(found.cause, depth + 1);
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name could not be looked up',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'no answer',
  EPIPE: 'connection reset',
};
