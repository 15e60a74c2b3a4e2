/** Redpanda's kafka_request_max_bytes: a longer frame is no request, or no reasonable one. */
const MAX_FRAME_BYTES = 100 * 1024 * 1024;

export class FrameTooLarge extends Error {}

/** Room for a frame is made as its bytes arrive, from here on by doubling: a length alone is only a claim. */
const FIRST_ROOM_BYTES = 1 << 20;

/** Bytes of requests that all connections together may hold before they are handled. */
export class FrameBudget {
  readonly limitBytes: number;
  usedBytes = 0;

  constructor(limitBytes = Number.POSITIVE_INFINITY) {
    this.limitBytes = limitBytes;
  }

  /** @throws FrameTooLarge */
  take(bytes: number): void {
    if (this.usedBytes + bytes > this.limitBytes) {
      throw new FrameTooLarge(`${bytes} bytes more, as requests of all clients take ${this.usedBytes} already`);
    }
    this.usedBytes += bytes;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }
}

/**
 * Cuts what a socket delivers into frames: int32 length, then that many bytes. A frame within one piece is a view of
 * it; one that spans pieces is gathered, into a buffer that grows with what is there.
 */
export class FrameReader {
  /** Bytes of the frames that are complete and not yet taken. */
  waitingBytes = 0;
  private readonly budget: FrameBudget;
  private readonly frames: Buffer[] = [];
  /** Bytes of an incomplete length. */
  private head: Buffer | null = null;
  /** The frame under way, its length, and how much of it is there. */
  private partial: Buffer | null = null;
  private length = 0;
  private filled = 0;

  constructor(budget = new FrameBudget()) {
    this.budget = budget;
  }

  /** Frames that are complete and not yet taken. */
  get waiting(): number {
    return this.frames.length;
  }

  take(): Buffer | undefined {
    const frame = this.frames.shift();
    if (frame !== undefined) this.release(frame);
    return frame;
  }

  /** Forgets everything that it holds. */
  clear(): void {
    while (this.take() !== undefined);
    if (this.partial !== null) this.budget.give(this.partial.length);
    this.partial = null;
  }

  /** @throws FrameTooLarge where a length is negative or too large: the peer does not speak Kafka. */
  push(piece: Buffer): void {
    let bytes = piece;
    if (this.head !== null) {
      bytes = Buffer.concat([this.head, piece]);
      this.head = null;
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.partial !== null) {
        at += this.fill(this.partial, bytes, at);
        continue;
      }
      if (bytes.length - at < 4) {
        this.head = Buffer.from(bytes.subarray(at));
        return;
      }
      const length = bytes.readInt32BE(at);
      if (length < 0 || length > MAX_FRAME_BYTES) {
        throw new FrameTooLarge(`a frame of ${length} bytes, the limit is ${MAX_FRAME_BYTES}`);
      }
      at += 4;
      if (bytes.length - at >= length) {
        this.budget.take(length);
        this.complete(bytes.subarray(at, at + length));
        at += length;
      } else {
        this.length = length;
        this.filled = 0;
        this.partial = this.room(Math.min(length, FIRST_ROOM_BYTES));
      }
    }
  }

  private fill(partial: Buffer, bytes: Buffer, at: number): number {
    const count = Math.min(this.length - this.filled, bytes.length - at);
    let room = partial;
    if (this.filled + count > room.length) {
      room = this.room(Math.min(this.length, Math.max(room.length * 2, this.filled + count)));
      room.set(partial.subarray(0, this.filled));
      this.budget.give(partial.length);
      this.partial = room;
    }
    room.set(bytes.subarray(at, at + count), this.filled);
    this.filled += count;
    if (this.filled === this.length) {
      this.partial = null;
      this.complete(room);
    }
    return count;
  }

  private room(bytes: number): Buffer {
    this.budget.take(bytes);
    return Buffer.allocUnsafeSlow(bytes);
  }

  private complete(frame: Buffer): void {
    this.frames.push(frame);
    this.waitingBytes += frame.length;
  }

  private release(frame: Buffer): void {
    this.waitingBytes -= frame.length;
    this.budget.give(frame.length);
  }
}
