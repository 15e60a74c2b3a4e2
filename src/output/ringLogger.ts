import type { Logger, LogLevel } from './logger.ts';
import { fieldsText, withoutSecrets } from './streamLogger.ts';

export interface LogLine {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly level: LogLevel;
  readonly text: string;
}

/** Keeps the last lines of a log for a view, and hands all of it on. */
export class RingLogger implements Logger {
  readonly #most: number;
  readonly #now: () => number;
  readonly #next: Logger;
  readonly #isDebug: boolean;
  #lines: LogLine[] = [];

  /** @param isDebug whether lines of level debug are kept here, too */
  constructor(most: number, now: () => number, next: Logger, isDebug: boolean) {
    this.#most = most;
    this.#now = now;
    this.#next = next;
    this.#isDebug = isDebug;
  }

  /** Oldest first. */
  lines(): readonly LogLine[] {
    return this.#lines.slice(-this.#most);
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    if (this.#isDebug) this.#keep('debug', message, fields);
    this.#next.debug(message, fields);
  }

  info(message: string, fields?: Record<string, unknown>): void {
    this.#keep('info', message, fields);
    this.#next.info(message, fields);
  }

  warn(message: string, fields?: Record<string, unknown>): void {
    this.#keep('warn', message, fields);
    this.#next.warn(message, fields);
  }

  error(message: string, fields?: Record<string, unknown>): void {
    this.#keep('error', message, fields);
    this.#next.error(message, fields);
  }

  #keep(level: LogLevel, message: string, fields: Record<string, unknown> = {}): void {
    this.#lines.push({ atMs: this.#now(), level, text: message + fieldsText(withoutSecrets(fields)) });
    if (this.#lines.length >= 2 * this.#most) this.#lines = this.#lines.slice(-this.#most);
  }
}
