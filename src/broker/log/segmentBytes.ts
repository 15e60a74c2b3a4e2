/** Where the batches of one segment lie, one after the other: in memory, or in a file. Only ever appended to. */
export interface SegmentBytes {
  readonly length: number;
  /** Most bytes that it takes. */
  readonly capacity: number;
  /** Appends all of it or nothing. @throws StorageError */
  append(bytes: Buffer): void;
  /** `length` bytes from `position` on, which are there. They must not be changed. @throws StorageError */
  read(position: number, length: number): Buffer;
  /** Nothing more will be appended. */
  seal(): void;
  /** Lets go of what it holds open; the bytes stay. */
  close(): void;
  /** Frees the bytes, or removes the file. */
  remove(): void;
}

/** The disk, or the bound on memory, refuses: the request gets KAFKA_STORAGE_ERROR, and the state is as before. */
export class StorageError extends Error {}

/** Bytes that all logs in memory may take together. */
export class MemoryBudget {
  readonly limitBytes: number;
  usedBytes = 0;

  constructor(limitBytes = Number.POSITIVE_INFINITY) {
    this.limitBytes = limitBytes;
  }

  /** @throws StorageError */
  take(bytes: number): void {
    if (this.usedBytes + bytes > this.limitBytes) {
      throw new StorageError(`the logs take ${this.usedBytes} bytes of memory, and may take ${this.limitBytes}`);
    }
    this.usedBytes += bytes;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }
}

/** One buffer: a fetch hands slices of it to the socket without a copy, several batches as one slice. */
export class MemoryBytes implements SegmentBytes {
  length = 0;
  private readonly buffer: Buffer;
  private readonly budget: MemoryBudget;
  private isFreed = false;

  constructor(capacity: number, budget: MemoryBudget) {
    budget.take(capacity);
    this.budget = budget;
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  get capacity(): number {
    return this.buffer.length;
  }

  append(bytes: Buffer): void {
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  read(position: number, length: number): Buffer {
    return this.buffer.subarray(position, position + length);
  }

  seal(): void {}

  close(): void {}

  remove(): void {
    if (this.isFreed) return;
    this.isFreed = true;
    this.budget.give(this.buffer.length);
  }
}
