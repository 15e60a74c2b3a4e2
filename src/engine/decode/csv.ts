import { AnomalyError } from '../../errors.ts';
import type { ColumnBatch } from '../batch.ts';
import { parseDecimal } from './decimal.ts';
import { KeyText } from './keyText.ts';
import type { ColumnReader, DecodedColumns, SourceNeeds } from './reader.ts';
import { REASON } from './reasons.ts';
import { timeOfText } from './times.ts';

/**
 * Reads values that are one CSV row each (RFC 4180: cells in quotes, a quote doubled), with a given list of columns.
 * An empty cell is null; a field that is neither empty nor a decimal number rejects the record, as does another number
 * of cells than columns. A line end after the row is allowed.
 */
export class CsvReader implements ColumnReader {
  readonly #needs: SourceNeeds;
  readonly #separator: number;
  readonly #fieldCells: readonly number[];
  readonly #timeCell: number;
  readonly #keyCell: number;
  /** Cells of one row, unquoted, back to back. */
  readonly #cells = new KeyText();
  readonly #cellEnds: Int32Array;
  readonly #keyText = new KeyText();

  constructor(needs: SourceNeeds, columns: readonly string[], separator = ',') {
    this.#needs = needs;
    this.#separator = separator.charCodeAt(0);
    this.#fieldCells = needs.fields.map((name) => cellOf(name, columns));
    this.#timeCell = needs.time === undefined ? -1 : cellOf(needs.time, columns);
    this.#keyCell = needs.key === undefined ? -1 : cellOf(needs.key, columns);
    this.#cellEnds = new Int32Array(columns.length);
  }

  read(batch: ColumnBatch, from: number, to: number, headerBytes: number, out: DecodedColumns): void {
    this.#keyText.clear();
    for (let i = from; i < to; i++) {
      out.keyStart[i] = -1;
      const whole = this.#split(batch.bytes, batch.valueStart[i]! + headerBytes, batch.valueEnd[i]!);
      out.reasons[i] = whole ? this.#readRow(batch, i, out) : REASON.badColumns;
    }
    out.keyBytes = this.#keyText.bytes;
  }

  #readRow(batch: ColumnBatch, i: number, out: DecodedColumns): number {
    const cells = this.#cells.bytes;
    for (let f = 0; f < this.#fieldCells.length; f++) {
      const cell = this.#fieldCells[f]!;
      const start = this.#startOf(cell);
      const end = this.#cellEnds[cell]!;
      const value = parseDecimal(cells, start, end);
      if (Number.isNaN(value) && start < end) return REASON.noNumber;
      batch.fields[f]![i] = value;
    }
    const time = this.#timeCell;
    if (time >= 0) {
      batch.eventTimes[i] = timeOfText(cells, this.#startOf(time), this.#cellEnds[time]!, this.#needs.timeUnit);
    }
    const key = this.#keyCell;
    if (key >= 0 && this.#startOf(key) < this.#cellEnds[key]!) {
      out.keyStart[i] = this.#keyText.length;
      this.#keyText.append(cells, this.#startOf(key), this.#cellEnds[key]!);
      out.keyEnd[i] = this.#keyText.length;
    }
    return REASON.none;
  }

  #startOf(cell: number): number {
    return cell === 0 ? 0 : this.#cellEnds[cell - 1]!;
  }

  /** Splits a row into the cells; false when their number is wrong or a quote stays open. */
  #split(bytes: Uint8Array, start: number, valueEnd: number): boolean {
    const cells = this.#cells;
    const separator = this.#separator;
    cells.clear();
    cells.reserve(valueEnd - start);
    let end = valueEnd;
    if (end > start && bytes[end - 1] === LINE_FEED) end--;
    if (end > start && bytes[end - 1] === CARRIAGE_RETURN) end--;
    let cell = 0;
    let at = start;
    for (;;) {
      if (cell === this.#cellEnds.length) return false;
      if (at < end && bytes[at] === QUOTE) {
        at++;
        while (at < end && (bytes[at] !== QUOTE || (at + 1 < end && bytes[at + 1] === QUOTE))) {
          if (bytes[at] === QUOTE) at++;
          cells.bytes[cells.length++] = bytes[at++]!;
        }
        if (at >= end) return false;
        at++;
        if (at < end && bytes[at] !== separator) return false;
      } else {
        while (at < end && bytes[at] !== separator) cells.bytes[cells.length++] = bytes[at++]!;
      }
      this.#cellEnds[cell++] = cells.length;
      if (at >= end) return cell === this.#cellEnds.length;
      at++;
    }
  }
}

function cellOf(name: string, columns: readonly string[]): number {
  const cell = columns.indexOf(name);
  if (cell >= 0) return cell;
  throw new AnomalyError('ANM_CONFIG', `cannot read ${name} as it is not among the CSV columns ${columns.join(', ')}`, {
    hint: 'check --columns (source.columns) against --field, --key and --time',
  });
}

const QUOTE = 34;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
