export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Diagnostics go to stderr (or the log file while a TUI is up); never to stdout, never with secrets. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
