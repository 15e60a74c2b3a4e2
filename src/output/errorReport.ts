import { type AnomalyError, isAnomalyError } from '../errors.ts';
import { styled } from './color.ts';
import { toJson } from './json.ts';

export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly causes: readonly string[];
  readonly hint: string;
  readonly exitCode: number;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack: string | undefined;
}

/** What there is to say of anything that was thrown. Errors that are not ours are a defect of the tool. */
export function reportOf(error: unknown): ErrorReport {
  const known = isAnomalyError(error) ? (error as AnomalyError) : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: known?.code ?? 'ANM_INTERNAL',
    message: message || (error instanceof Error ? error.name : 'unknown'),
    causes: causesOf(error),
    hint: known?.hint ?? 'run again with --debug and report the stack',
    exitCode: known?.exitCode ?? 1,
    details: known?.details ?? {},
    stack: error instanceof Error ? stackOf(error) : undefined,
  };
}

/** Lines for people: error, cause and try. */
export function renderError(report: ErrorReport, options: { color: boolean; debug: boolean }): string {
  const { color, debug } = options;
  const lines = [`${styled(color, 'red', `error[${report.code}]:`)} ${report.message}`];
  for (const cause of report.causes) lines.push(`  ${styled(color, 'dim', 'cause:')} ${cause}`);
  lines.push(`  ${styled(color, 'cyan', 'try:')} ${report.hint}`);
  if (debug && report.stack !== undefined) lines.push(report.stack);
  return `${lines.join('\n')}\n`;
}

/** One JSON line for programs. */
export function renderErrorJson(report: ErrorReport, debug: boolean): string {
  const { code, message, causes, hint, exitCode, details, stack } = report;
  const error = { code, message, causes, hint, exitCode, details, ...(debug && stack !== undefined && { stack }) };
  return `${JSON.stringify({ schema_version: 1, error: toJson(error) })}\n`;
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let current = error instanceof Error ? error.cause : undefined;
  while (current !== undefined && current !== null && causes.length < 5) {
    const text = causeText(current);
    // A cause that the message already tells is not told again.
    if (text !== '' && !causes.includes(text) && !(error as Error).message.includes(text)) causes.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return causes;
}

function causeText(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') {
    return [...new Set(cause.errors.map((each) => (each instanceof Error ? each.message : String(each))))].join('; ');
  }
  return (cause instanceof Error ? cause.message : String(cause)).trim();
}

function stackOf(error: Error): string {
  const inner = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${inner}`;
}
