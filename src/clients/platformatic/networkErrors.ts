import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { ClientOptions } from '../client.ts';

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
  handshaken: boolean,
  dialTimeoutMs: number,
): AnomalyError {
  if (isAnomalyError(error)) return error;
  const authentication = [...chain(error)].some((found) => found.code === 'PLT_KFK_AUTHENTICATION');
  if (options.sasl !== undefined && (authentication || handshaken)) {
    const who = options.sasl.username === undefined ? '' : ` as ${options.sasl.username}`;
    return new AnomalyError(
      'ANM_AUTHENTICATION',
      `cannot log in to ${address}${who} by ${options.sasl.mechanism}: ${plainReason(error)}`,
      { details: { address, mechanism: options.sasl.mechanism }, cause: error },
    );
  }
  return new AnomalyError('ANM_BROKER_UNREACHABLE', `cannot connect to ${address}: ${plainReason(error)}`, {
    details: { address, dialTimeoutMs, setting: 'dial_timeout' },
    cause: error,
  });
}

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
  CERT_HAS_EXPIRED: 'the certificate of the broker has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate of the broker is self-signed, see --tls-ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate chain of the broker is self-signed, see --tls-ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate of the broker is signed by an unknown authority, see --tls-ca',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of the broker is for another name',
};
