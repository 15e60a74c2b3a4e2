import type { Writable } from 'node:stream';

/** What a long command says of itself on stderr. */
export interface Progress {
  /** Called as often as wanted; `text` is only made when it is shown. */
  update(text: () => string): void;
  /** Ends the rewritten line, with a last text where given. */
  end(text?: () => string): void;
  /** Takes the rewritten line away, so that another line can be printed. */
  clear(): void;
}

export interface ProgressOptions {
  readonly stream: Writable & { isTTY?: boolean; columns?: number };
  readonly quiet: boolean;
  /** Whether lines may be rewritten: a terminal that is not dumb. */
  readonly live: boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A rewritten line changes this often, */
const LIVE_INTERVAL_MS = 100;
/** and off a terminal a plain line comes this often. */
const PLAIN_INTERVAL_MS = 10_000;

export function createProgress(options: ProgressOptions): Progress {
  const { stream, quiet, live, now } = options;
  if (quiet) return { update: () => {}, end: () => {}, clear: () => {} };
  const intervalMs = live ? LIVE_INTERVAL_MS : PLAIN_INTERVAL_MS;
  // Off a terminal the first line comes after one interval: a short command stays silent.
  let nextAtMs = live ? -Infinity : now() + intervalMs;
  // Spaces take the old text away: an escape sequence would not be for every terminal that can rewrite a line.
  let shownWidth = 0;
  const clear = (): void => {
    if (shownWidth > 0) stream.write(`\r${' '.repeat(shownWidth)}\r`);
    shownWidth = 0;
  };
  const print = (text: string): void => {
    if (!live) {
      stream.write(`${text}\n`);
      return;
    }
    // A terminal that does not know its size says 0.
    const columns = stream.columns || 80;
    const cut = text.length < columns ? text : text.slice(0, columns - 1);
    stream.write(`\r${cut.padEnd(shownWidth)}`);
    shownWidth = cut.length;
  };
  return {
    update: (text) => {
      const at = now();
      if (at < nextAtMs) return;
      nextAtMs = at + intervalMs;
      print(text());
    },
    end: (text) => {
      if (text !== undefined) print(text());
      if (shownWidth > 0) stream.write('\n');
      shownWidth = 0;
    },
    clear,
  };
}
