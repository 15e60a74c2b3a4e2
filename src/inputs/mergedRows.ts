import { AnomalyError } from '../errors.ts';
import type { RowSource } from './rowSource.ts';

/** A file that takes part in a merge. It is opened when the merge gets to its first time, and closed at its end. */
export interface MergeFile {
  /** Event time of the first row, as the sample has it. */
  readonly firstTimeMs: number;
  /** Its source stays open between reads (a stream): such files cannot be parked. */
  readonly holdsOpen: boolean;
  open(): Promise<RowSource>;
  close(reader: RowSource): Promise<void>;
}

/**
 * The next rows in order, as places: row `rows[i]` of the chunk of file `files[i]`. Reused, and valid until the next
 * one is asked for.
 */
export class MergedRows {
  count = 0;
  readonly files: Int32Array;
  readonly rows: Int32Array;
  /** By file; null before its first and after its last row. */
  readonly readers: (RowSource | null)[];

  constructor(fileCount: number, capacity = 4096) {
    this.files = new Int32Array(capacity);
    this.rows = new Int32Array(capacity);
    this.readers = Array.from({ length: fileCount }, () => null);
  }
}

/** Streams open at once in a merge. Plain files are not counted: the pool closes and opens them again. */
const OPEN_STREAMS_MAX = 256;

/** One file after the other, in the order given. */
export async function* rowsInFileOrder(files: readonly MergeFile[]): AsyncGenerator<MergedRows, void, void> {
  const out = new MergedRows(files.length);
  for (let file = 0; file < files.length; file++) {
    const reader = await files[file]!.open();
    out.readers[file] = reader;
    try {
      while (await reader.fill()) {
        for (let row = 0; row < reader.chunk.count; ) {
          out.count = Math.min(out.files.length, reader.chunk.count - row);
          out.files.fill(file, 0, out.count);
          for (let i = 0; i < out.count; i++) out.rows[i] = row++;
          yield out;
        }
      }
    } finally {
      out.readers[file] = null;
      await files[file]!.close(reader);
    }
  }
}

/**
 * All rows by event time: each file's rows keep their order, and the file whose next row is the earliest goes first;
 * equal times go by file, then by row. A file that is not sorted itself stays so: its late rows come where they stand.
 */
export async function* rowsInTimeOrder(files: readonly MergeFile[]): AsyncGenerator<MergedRows, void, void> {
  const merge = new TimeMerge(files);
  try {
    for (;;) {
      const starved = merge.take();
      if (merge.out.count > 0) yield merge.out;
      if (starved >= 0) await merge.feed(starved);
      else if (merge.done) return;
    }
  } finally {
    await merge.close();
  }
}

class TimeMerge {
  readonly out: MergedRows;
  readonly #files: readonly MergeFile[];
  /** Index of the next row in each file's chunk. */
  readonly #cursor: Int32Array;
  /** Binary heap of files by the time of their next row; times in step. */
  readonly #heapFile: Int32Array;
  readonly #heapTime: Float64Array;
  #size = 0;
  #openStreams = 0;

  constructor(files: readonly MergeFile[]) {
    this.#files = files;
    this.out = new MergedRows(files.length);
    this.#cursor = new Int32Array(files.length);
    this.#heapFile = new Int32Array(files.length);
    this.#heapTime = new Float64Array(files.length);
    files.forEach((file, i) => {
      this.#heapFile[this.#size] = i;
      this.#heapTime[this.#size] = file.firstTimeMs;
      this.#siftUp(this.#size++);
    });
  }

  get done(): boolean {
    return this.#size === 0;
  }

  /** Fills `out` from the chunks at hand; the result is the file that has to be fed before going on, or -1. */
  take(): number {
    const { out } = this;
    const capacity = out.files.length;
    out.count = 0;
    while (this.#size > 0 && out.count < capacity) {
      const file = this.#heapFile[0]!;
      const reader = out.readers[file] ?? null;
      if (reader === null) return file;
      const { chunk } = reader;
      const second = this.#size > 1 ? this.#second() : -1;
      const untilTime = second < 0 ? Number.POSITIVE_INFINITY : this.#heapTime[second]!;
      const untilFile = second < 0 ? file + 1 : this.#heapFile[second]!;
      let row = this.#cursor[file]!;
      let time = this.#heapTime[0]!;
      while (out.count < capacity && (time < untilTime || (time === untilTime && file < untilFile))) {
        out.files[out.count] = file;
        out.rows[out.count++] = row++;
        if (row === chunk.count) break;
        time = chunk.times[row]!;
      }
      this.#cursor[file] = row;
      if (row === chunk.count) return file;
      this.#heapTime[0] = time;
      this.#siftDown(0);
    }
    return -1;
  }

  /** Reads on in the file at the top of the heap, which must be the one that `take` named. */
  async feed(file: number): Promise<void> {
    const source = this.#files[file]!;
    const reader = this.out.readers[file] ?? (await this.#open(file));
    if (await reader.fill()) {
      this.#cursor[file] = 0;
      this.#heapTime[0] = reader.chunk.times[0]!;
    } else {
      this.out.readers[file] = null;
      if (source.holdsOpen) this.#openStreams--;
      await source.close(reader);
      this.#size--;
      this.#heapFile[0] = this.#heapFile[this.#size]!;
      this.#heapTime[0] = this.#heapTime[this.#size]!;
    }
    this.#siftDown(0);
  }

  async close(): Promise<void> {
    for (let file = 0; file < this.#files.length; file++) {
      const reader = this.out.readers[file];
      if (reader !== null && reader !== undefined) await this.#files[file]!.close(reader);
    }
  }

  async #open(file: number): Promise<RowSource> {
    const source = this.#files[file]!;
    if (source.holdsOpen && ++this.#openStreams > OPEN_STREAMS_MAX) {
      throw new AnomalyError(
        'ANM_FILE',
        `cannot merge more than ${OPEN_STREAMS_MAX} compressed files that overlap in time`,
        {
          hint: 'decompress them, or give --order file',
        },
      );
    }
    const reader = await source.open();
    this.out.readers[file] = reader;
    return reader;
  }

  /** Place of the second smallest entry of the heap. */
  #second(): number {
    return this.#size > 2 && this.#before(2, 1) ? 2 : 1;
  }

  #before(a: number, b: number): boolean {
    const timeA = this.#heapTime[a]!;
    const timeB = this.#heapTime[b]!;
    return timeA < timeB || (timeA === timeB && this.#heapFile[a]! < this.#heapFile[b]!);
  }

  #siftUp(start: number): void {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #siftDown(start: number): void {
    for (let at = start; ; ) {
      const left = at * 2 + 1;
      if (left >= this.#size) return;
      const child = left + 1 < this.#size && this.#before(left + 1, left) ? left + 1 : left;
      if (!this.#before(child, at)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(a: number, b: number): void {
    const file = this.#heapFile[a]!;
    const time = this.#heapTime[a]!;
    this.#heapFile[a] = this.#heapFile[b]!;
    this.#heapTime[a] = this.#heapTime[b]!;
    this.#heapFile[b] = file;
    this.#heapTime[b] = time;
  }
}
