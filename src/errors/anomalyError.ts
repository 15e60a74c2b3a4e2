import { ERROR_TABLE, type ErrorCode } from './errorTable.ts';

export interface ErrorOptions {
  /** More specific advice than the table's. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Values and places (topic, partition, file, line), printed with -o json. */
  readonly details?: Readonly<Record<string, unknown>>;
}

const BRAND = Symbol.for('anomaly.error');

/** The only error class. `message` says what happened, with the value and the place; no final period. */
export class AnomalyError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AnomalyError';
    this.code = code;
    this.hint = options.hint ?? ERROR_TABLE[code].hint;
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return ERROR_TABLE[this.code].exit;
  }

  get retryable(): boolean {
    return ERROR_TABLE[this.code].retryable;
  }
}

/** Brand check: true across duplicated module instances, where instanceof is not. */
export function isAnomalyError(error: unknown): error is AnomalyError {
  return typeof error === 'object' && error !== null && (error as { [BRAND]?: true })[BRAND] === true;
}

/**
 * An address for people, without what may be a password: `user:password@host`, with or without a scheme. Names of models
 * and files have none: the @ in `models:/pump@champion` is of an alias.
 */
export function withoutPassword(address: string): string {
  if (/^(?:models|file):\//i.test(address)) return address;
  return address.replace(/^((?:[a-z][a-z0-9+.-]*:\/\/)?[^:@/]*):.*@/i, '$1:********@');
}
