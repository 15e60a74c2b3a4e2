import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { AnomalyError } from '../errors.ts';
import type { BadRow } from './rowChunk.ts';

/** How many bad rows a run may have: a number, or a share of all rows; `most` is the larger of two such bounds. */
export interface ErrorBudget {
  readonly rows: number;
  readonly share: number;
  readonly text: string;
}

export const DEFAULT_BUDGET: ErrorBudget = { rows: 100, share: 0.01, text: '100, or 1 % of the rows if that is more' };
/** A share is held against at least this many rows, so that an early bad one does not end a run. */
const SHARE_ROWS_MIN = 1000;

/** `100`, `0` or `2.5%`. @throws ANM_USAGE */
export function parseBudget(text: string): ErrorBudget {
  const match = /^(\d+(?:\.\d+)?)(\s*%)?$/.exec(text.trim());
  const value = Number(match?.[1]);
  if (
    match === null ||
    (match[2] === undefined && !Number.isInteger(value)) ||
    (match[2] !== undefined && value > 100)
  ) {
    throw new AnomalyError('ANM_USAGE', `--max-errors cannot be ${text}`, {
      hint: 'give a number of rows, or a share as 2%',
    });
  }
  return match[2] === undefined
    ? { rows: value, share: 0, text }
    : { rows: 0, share: value / 100, text: `${text} of the rows` };
}

/** Whether that many bad rows are too many beside `rows` good ones; `ended` once there are no more to come. */
export function exceedsBudget(budget: ErrorBudget, bad: number, rows: number, ended: boolean): boolean {
  if (bad <= budget.rows) return false;
  const seen = rows + bad;
  if (budget.share === 0) return true;
  return bad > (ended ? seen : Math.max(seen, SHARE_ROWS_MIN)) * budget.share;
}

/**
 * Bad rows as NDJSON (file, line, reason, raw, and raw_base64 of what is no UTF-8), appended to a file that is made when
 * the first one comes. Written at once: they are few, and must be there when the run ends, however it ends.
 */
export class RejectsFile {
  readonly path: string;
  count = 0;
  #fd = -1;
  readonly #skipsKnown: boolean;
  /** Lines that the file has already; null until the first row comes. */
  #known: ReadonlySet<string> | null = null;

  /** `skipsKnown`: rows that the file has already are counted and not written again, as an input is read once more. */
  constructor(path: string, skipsKnown = false) {
    this.path = path;
    this.#skipsKnown = skipsKnown;
  }

  /** @throws ANM_FILE */
  add({ file, line, reason, raw, rawBase64 }: BadRow): void {
    this.count++;
    const text = JSON.stringify({ file, line, reason, raw, raw_base64: rawBase64 });
    try {
      this.#known ??= this.#skipsKnown ? knownLines(this.path) : new Set();
      if (this.#known.has(text)) return;
      if (this.#fd < 0) this.#fd = openSync(this.path, 'a');
      writeSync(this.#fd, `${text}\n`);
    } catch (error) {
      throw new AnomalyError('ANM_FILE', `cannot write bad rows to ${this.path} as ${(error as Error).message}`, {
        cause: error,
        hint: 'choose another file by --rejects',
      });
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function knownLines(path: string): ReadonlySet<string> {
  return new Set(existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []);
}
