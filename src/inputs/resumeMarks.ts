import { AnomalyError } from '../errors.ts';
import type { KeyRange } from './rowChunk.ts';

/** The header that a record of a resumable load carries. */
export const MARK_HEADER = 'anomaly.resume';

/**
 * How far a load has come in a partition, as each of its records says: the load (by its inputs), the settings that
 * decide what the records are, the number of the row in its partition from 1, and a digest of all rows of the partition
 * up to it, keys and values.
 */
export interface ResumeMark {
  readonly load: string;
  readonly settings: string;
  readonly row: number;
  readonly chain: string;
}

const MARK = /^([0-9a-f]{16})\.([0-9a-f]{16})\.([1-9]\d{0,15})\.([0-9a-f]{16})$/;

/** Null for a text that is no mark. */
export function parseMark(text: string): ResumeMark | null {
  const match = MARK.exec(text);
  return match === null ? null : { load: match[1]!, settings: match[2]!, row: Number(match[3]), chain: match[4]! };
}

/** A digest of a text: the same at every run, and different for different texts but for accidents of 1 in 2^64. */
export function digestOf(text: string): string {
  const digest = new Digest();
  digest.add(Buffer.from(text), 0, Buffer.byteLength(text));
  return digest.text();
}

/**
 * Follows the rows of a load through its partitions. Rows up to a partition's last mark are in the topic already; the
 * digest there has to be that of the mark, so every row before it is the one that was sent.
 */
export class ResumeMarks {
  readonly load: string;
  readonly #settings: string;
  /** By partition: the last mark in the topic; null for none. */
  readonly #found: readonly (ResumeMark | null)[];
  readonly #rows: Float64Array;
  readonly #digests: readonly Digest[];
  readonly #headers = [{ key: MARK_HEADER, value: Buffer.alloc(0) }];
  #behind: number;

  constructor(load: string, settings: string, found: readonly (ResumeMark | null)[]) {
    this.load = load;
    this.#settings = settings;
    this.#found = found;
    this.#rows = new Float64Array(found.length);
    this.#digests = found.map(() => new Digest());
    this.#behind = found.filter((mark) => mark !== null).length;
  }

  /** Whether rows that are in the topic already may still come. */
  get isCatchingUp(): boolean {
    return this.#behind > 0;
  }

  /** Rows of a partition that are in the topic already. */
  foundIn(partition: number): number {
    return this.#found[partition]?.row ?? 0;
  }

  /** The same of all partitions. */
  get foundRows(): number {
    return this.#found.reduce((sum, mark) => sum + (mark?.row ?? 0), 0);
  }

  /**
   * Takes the next row of a partition; false when it is in the topic already, else `headers` are those of its record.
   * @throws ANM_RESUME where the rows are not those that were sent
   */
  take(partition: number, key: KeyRange, value: Uint8Array, length: number): boolean {
    const row = this.#rows[partition]! + 1;
    this.#rows[partition] = row;
    const digest = this.#digests[partition]!;
    if (key.bytes !== null) digest.add(key.bytes, key.start, key.end);
    digest.add(value, 0, length);
    const mark = this.#found[partition]!;
    if (mark !== null && row <= mark.row) {
      if (row === mark.row) {
        this.#behind--;
        if (digest.text() !== mark.chain) throw changed(partition, row);
      }
      return false;
    }
    this.#headers[0]!.value = Buffer.from(`${this.load}.${this.#settings}.${row}.${digest.text()}`, 'latin1');
    return true;
  }

  get headers(): readonly { readonly key: string; readonly value: Uint8Array }[] {
    return this.#headers;
  }

  /** At the end of the source. @throws ANM_RESUME where the topic holds more rows than it */
  end(): void {
    this.#found.forEach((mark, partition) => {
      const rows = this.#rows[partition]!;
      if (mark === null || rows >= mark.row) return;
      throw new AnomalyError(
        'ANM_RESUME',
        `cannot resume as partition ${partition} holds ${mark.row} rows of these inputs, and they have only ${rows} for it`,
        { hint: 'the source has become shorter since: load it into another topic' },
      );
    });
  }
}

function changed(partition: number, row: number): AnomalyError {
  return new AnomalyError(
    'ANM_RESUME',
    `cannot resume as the rows up to number ${row} of partition ${partition} are not those that were sent: the source has changed`,
    { hint: 'load it into another topic', details: { partition, row } },
  );
}

/** Two lanes of 32 bits over bytes and lengths: FNV-1a, and the same with a rotation and another multiplier. */
class Digest {
  #a = 0x811c9dc5;
  #b = 0x2545f491;

  add(bytes: Uint8Array, start: number, end: number): void {
    let a = this.#a;
    let b = this.#b;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(((b << 5) | (b >>> 27)) ^ byte, 0x9e3779b1);
    }
    // The length keeps 'ab','c' and 'a','bc' apart.
    const length = end - start;
    this.#a = Math.imul(a ^ length, 0x01000193);
    this.#b = Math.imul(((b << 5) | (b >>> 27)) ^ length, 0x9e3779b1);
  }

  text(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0');
  }
}
