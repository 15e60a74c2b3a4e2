import type { Writable } from 'node:stream';
import { type Style, styled } from './color.ts';
import { toJson } from './json.ts';
import type { Logger, LogLevel } from './logger.ts';

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
/** pino's numbers, which log readers know. */
const NUMBERS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 };
const STYLES: Readonly<Record<LogLevel, Style | null>> = { debug: 'dim', info: null, warn: 'yellow', error: 'red' };
const SECRET = /pass(word)?$|secret|token|authorization/i;

export interface LoggerOptions {
  readonly stream: Writable;
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly color: boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Called before a line, so that a progress line can make room. */
  readonly beforeLine?: () => void;
}

/** Diagnostics as `warning: text key=value`, or as NDJSON with pino's field names. Fields named like secrets are hidden. */
export class StreamLogger implements Logger {
  readonly #options: LoggerOptions;

  constructor(options: LoggerOptions) {
    this.#options = options;
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    this.#log('debug', message, fields);
  }

  info(message: string, fields?: Record<string, unknown>): void {
    this.#log('info', message, fields);
  }

  warn(message: string, fields?: Record<string, unknown>): void {
    this.#log('warn', message, fields);
  }

  error(message: string, fields?: Record<string, unknown>): void {
    this.#log('error', message, fields);
  }

  #log(level: LogLevel, message: string, fields: Record<string, unknown> = {}): void {
    const { stream, format, color, now, beforeLine } = this.#options;
    if (ORDER[level] < ORDER[this.#options.level]) return;
    const safe = withoutSecrets(fields);
    beforeLine?.();
    if (format === 'json') {
      const line = {
        level: NUMBERS[level],
        time: now(),
        msg: message,
        ...(toJson(Object.fromEntries(safe)) as object),
      };
      stream.write(`${JSON.stringify(line)}\n`);
      return;
    }
    const prefix = level === 'info' ? '' : `${level === 'warn' ? 'warning' : level}: `;
    const style = STYLES[level];
    const rest = fieldsText(safe);
    const shown = style === null ? prefix : styled(color, style, prefix);
    stream.write(`${shown}${message}${color && rest !== '' ? styled(color, 'dim', rest) : rest}\n`);
  }
}

type Fields = readonly (readonly [string, unknown])[];

/** What a logger may show of the fields of a message. */
export function withoutSecrets(fields: Record<string, unknown>): Fields {
  return Object.entries(fields).map(([key, value]) => [key, SECRET.test(key) ? '********' : value] as const);
}

export function fieldsText(fields: Fields): string {
  return fields.map(([key, value]) => ` ${key}=${fieldText(value)}`).join('');
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === 'string') return /^[\w.:/@<>+*-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(toJson(value)) ?? String(value);
}
