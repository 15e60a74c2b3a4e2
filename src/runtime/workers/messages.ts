import { AnomalyError, type ErrorCode, isAnomalyError } from '../../errors.ts';
import type { MemberStatus } from '../../observe/status.ts';
import type { LogLevel } from '../../output/logger.ts';
import type { ControlCommand } from '../control/command.ts';
import type { MembersResult } from '../members.ts';

/** What the process that started workers sends to one. All messages are plain data. */
export type ToWorker<Plan> =
  | { readonly type: 'run'; readonly plan: Plan }
  | { readonly type: 'stop'; readonly reason: string }
  | { readonly type: 'command'; readonly command: ControlCommand };

/** What a worker sends back; `done` or `failed` is its last word. */
export type FromWorker =
  | { readonly type: 'status'; readonly status: MemberStatus }
  | {
      readonly type: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'done'; readonly result: MembersResult; readonly status: MemberStatus }
  | { readonly type: 'failed'; readonly error: PlainError; readonly status: MemberStatus | null };

/** An error as structured cloning takes it. */
export interface PlainError {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly hint: string | null;
  readonly stack: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly cause: PlainError | null;
}

export function plainError(error: unknown): PlainError {
  const isOurs = isAnomalyError(error);
  const { message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  return {
    code: isOurs ? error.code : null,
    message,
    hint: isOurs ? error.hint : null,
    stack: stack ?? '',
    details: isOurs ? (JSON.parse(JSON.stringify(error.details)) as Record<string, unknown>) : {},
    cause: cause === undefined ? null : plainError(cause),
  };
}

export function errorOf({ code, message, hint, stack, details, cause }: PlainError): Error {
  const inner = cause === null ? {} : { cause: errorOf(cause) };
  const error =
    code === null
      ? new Error(message, inner)
      : new AnomalyError(code, message, { ...inner, details, ...(hint !== null && { hint }) });
  error.stack = stack;
  return error;
}
