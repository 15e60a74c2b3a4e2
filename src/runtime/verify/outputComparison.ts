import { AnomalyError } from '../../errors.ts';
import type { OutputRow } from './outputRow.ts';
import { type RowFields, sameRow } from './rowFields.ts';

export interface ComparisonOptions {
  readonly topic: string;
  readonly partition: number;
  /** Rows of the output topic's partition from its log start on, committed ones only. */
  readonly found: AsyncIterator<OutputRow>;
  readonly fields: RowFields;
  /** Rows brought about by source records from <= offset < to, of this source topic, are compared. */
  readonly source: { readonly topic: string; readonly from: number; readonly to: number };
  /** Whether the source is the only one of the output. */
  readonly isOnlySource: boolean;
  /** Whether the log of the output begins later than 0: rows may have been deleted by retention. */
  readonly isTrimmed: boolean;
  /** Whether rows may be there again, as at least once and a restored checkpoint leave them. */
  readonly mayRepeat: boolean;
  /** Whether rows after the last computed one are known to be too many. */
  readonly isClosed: boolean;
  /** False for topics whose broker sets the time of their records. */
  readonly comparesTime: boolean;
  /** Rows that are no result of a run over records, and are passed over. */
  readonly isForeign?: (row: OutputRow) => boolean;
}

/** Repeated rows are looked for among so many that were compared before. */
const REMEMBERED = 200_000;

/** Holds what a run computes again against what one partition of an output topic has, row by row. */
export class OutputComparison {
  /** Rows that are the same. */
  equal = 0;
  /** Rows that are there once more. */
  repeated = 0;
  /** Computed rows that retention has deleted. */
  trimmed = 0;
  readonly #options: ComparisonOptions;
  readonly #compared = new Set<string>();
  #held: OutputRow | undefined;

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  /** The next row that was computed. @throws ANM_CHECK_FAILED naming the first difference */
  async take(expected: OutputRow): Promise<void> {
    for (let found = await this.#next(); found !== undefined; found = await this.#next()) {
      // The bytes say where a row is from, too: only one that differs has to be read.
      if (sameRow(expected, found, this.#options.comparesTime)) {
        this.equal++;
        this.#remember(found);
        return;
      }
      const place = await this.#placeOf(found);
      if (place === 'after') break;
      if (place === 'before' || this.#isRepeated(found)) continue;
      if (await this.#wasDeleted(expected, found)) {
        this.trimmed++;
        this.#held = found;
        return;
      }
      throw await this.#differs(expected, found);
    }
    throw await this.#missing(expected);
  }

  /** After the last computed row. @throws ANM_CHECK_FAILED where there are rows that were not computed */
  async end(): Promise<void> {
    for (let found = await this.#next(); found !== undefined; found = await this.#next()) {
      const place = await this.#placeOf(found);
      if (place === 'after') return;
      if (place === 'before' || this.#isRepeated(found)) continue;
      if (this.#options.isClosed) throw await this.#extra(found);
      return;
    }
  }

  async #next(): Promise<OutputRow | undefined> {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) return held;
    const { found, isForeign } = this.#options;
    for (;;) {
      const next = await found.next();
      if (next.done === true) return undefined;
      if (isForeign?.(next.value) !== true) return next.value;
    }
  }

  /**
   * Where a row lies: rows of a partition come by their source offsets, so that one after the range is the end of it; not
   * where they may be repeated, or where several sources write.
   */
  async #placeOf(row: OutputRow): Promise<'inside' | 'before' | 'after'> {
    const { fields, source, isOnlySource, mayRepeat } = this.#options;
    const { topic, offset } = await fields.source(row);
    if (!isOnlySource && topic !== source.topic) return 'before';
    if (offset < source.from) return 'before';
    if (offset >= source.to) return mayRepeat || !isOnlySource ? 'before' : 'after';
    return 'inside';
  }

  #isRepeated(row: OutputRow): boolean {
    if (!this.#options.mayRepeat || !this.#compared.has(digest(row))) return false;
    this.repeated++;
    return true;
  }

  /** Retention deletes from the front: what was computed and lies before the first row that is left. */
  async #wasDeleted(expected: OutputRow, found: OutputRow): Promise<boolean> {
    if (!this.#options.isTrimmed || this.equal > 0) return false;
    const { fields } = this.#options;
    const [one, other] = [await fields.source(expected), await fields.source(found)];
    return one.offset <= other.offset;
  }

  #remember(row: OutputRow): void {
    if (!this.#options.mayRepeat) return;
    this.#compared.add(digest(row));
    if (this.#compared.size > REMEMBERED) this.#compared.delete(this.#compared.keys().next().value!);
  }

  async #differs(expected: OutputRow, found: OutputRow): Promise<AnomalyError> {
    const { fields, comparesTime } = this.#options;
    const difference = await fields.difference(expected, found, comparesTime);
    const { field, expected: computed, found: there } = difference!;
    const title = await fields.title(found);
    return this.#failure(
      found.offset,
      `${field} is ${text(there)} there and ${text(computed)} when it is computed again${title}`,
      { field, computed, found: there },
    );
  }

  async #missing(expected: OutputRow): Promise<AnomalyError> {
    const { offset } = await this.#options.fields.source(expected);
    const title = await this.#options.fields.title(expected);
    return this.#failure(null, `a row of source offset ${offset} is computed and not there${title}`, {
      field: 'row',
      computed: await this.#options.fields.value(expected),
      found: null,
    });
  }

  async #extra(found: OutputRow): Promise<AnomalyError> {
    const { offset } = await this.#options.fields.source(found);
    const title = await this.#options.fields.title(found);
    return this.#failure(found.offset, `a row of source offset ${offset} is there and not computed again${title}`, {
      field: 'row',
      computed: null,
      found: await this.#options.fields.value(found),
    });
  }

  #failure(offset: number | null, what: string, details: Readonly<Record<string, unknown>>): AnomalyError {
    const { topic, partition } = this.#options;
    const place = `${topic}/${partition}${offset === null ? '' : ` offset ${offset}`}`;
    return new AnomalyError('ANM_CHECK_FAILED', `the run differs from what was written at ${place}: ${what}`, {
      hint: 'is anomaly.yaml the one that ran, and did nobody else write to the topic? where it was changed since, by an aggregate as well, verify from then on by --offset @TIME of the change (docs/checkpoints.md); else report it with these values',
      details: { topic, partition, offset, ...details },
    });
  }
}

function digest({ key, value, headers, timeMs }: OutputRow): string {
  const parts = [Buffer.from(key ?? ''), Buffer.from(value ?? '')];
  for (const header of headers) parts.push(Buffer.from(header.key), Buffer.from(header.value ?? ''));
  return `${timeMs}:${parts.map((part) => part.toString('latin1')).join('\x00')}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? 'absent');
}
