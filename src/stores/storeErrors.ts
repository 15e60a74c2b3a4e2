import { AnomalyError, type ErrorCode } from '../errors.ts';

export type StoreErrorCode = Extract<ErrorCode, `ANM_STORE_${string}` | 'ANM_TLS' | 'ANM_PROTOCOL'>;

/** What was being done, for messages: `cannot write NAME in URL as REASON`. */
export interface StoreAction {
  readonly url: string;
  readonly verb: 'write' | 'read' | 'list' | 'remove';
  readonly name: string;
}

export interface StoreFault {
  readonly code: StoreErrorCode;
  readonly reason: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function storeError({ url, verb, name }: StoreAction, fault: StoreFault, cause?: unknown): AnomalyError {
  const what = name === '' ? url : `${name} in ${url}`;
  return new AnomalyError(fault.code, `cannot ${verb} ${what} as ${fault.reason}`, {
    ...(fault.hint !== undefined && { hint: fault.hint }),
    details: { store: url, object: name, ...fault.details },
    cause,
  });
}

/** Bytes of one request of a larger object. Hashing so many takes some 10 ms, and they go again after a failure. */
export const PIECE_BYTES = 8 * 1024 * 1024;

/** A request of an object larger than a piece has the time of that many pieces. */
export function deadlineMs(timeoutMs: number, bytes: number): number {
  return timeoutMs * Math.max(1, Math.ceil(bytes / PIECE_BYTES));
}

export function timeoutFault(ms: number): StoreFault {
  return {
    code: 'ANM_STORE_TIMEOUT',
    reason: `there is no answer within ${ms} ms (checkpoint.request_timeout)`,
  };
}

/** Ends a request whose time is over. */
export class DeadlineError extends Error {
  readonly ms: number;

  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = 'TimeoutError';
    this.ms = ms;
  }
}

const TLS_WORDS =
  /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ALTNAME|EPROTO|WRONG_VERSION|InvalidContentType|UnknownIssuer|certificate/i;

/** What a socket says. `host` as host:port. Undefined where it is no failure of the network. */
export function networkFault(error: unknown, host: string): StoreFault | undefined {
  if (error instanceof DeadlineError) return timeoutFault(error.ms);
  const first = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return undefined;
  const code = (first as NodeJS.ErrnoException).code ?? '';
  if (TLS_WORDS.test(code) || TLS_WORDS.test(first.message)) {
    return {
      code: 'ANM_TLS',
      reason: `TLS with ${host} fails: ${first.message}`,
      hint: 'give the certificate authority as checkpoint.s3.ca, or check whether the endpoint is http or https',
    };
  }
  const text = NETWORK_TEXT[code];
  if (
    text === undefined &&
    !/socket hang up|aborted|terminated|other side closed|ConnectionRefused|ConnectionClosed/i.test(
      `${code} ${first.message}`,
    )
  ) {
    return undefined;
  }
  return { code: 'ANM_STORE_UNREACHABLE', reason: `${host} ${text ?? `broke the connection (${first.message})`}` };
}

const NETWORK_TEXT: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'broke the connection',
  ECONNABORTED: 'broke the connection',
  EPIPE: 'broke the connection',
  UND_ERR_SOCKET: 'broke the connection',
  HPE_INVALID_CONSTANT: 'answers no HTTP',
  ENOTFOUND: 'is no known host',
  EAI_AGAIN: 'cannot be looked up at the moment',
  ETIMEDOUT: 'does not answer',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  ENETDOWN: 'cannot be reached',
};
