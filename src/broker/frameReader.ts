/** Redpanda's kafka_request_max_bytes: a longer frame is no request, or no reasonable one. */
export const MAX_FRAME_BYTES = 100 * 1024 * 1024;

export class FrameTooLarge extends Error {}

/** Room for a frame is made as its bytes arrive, from here on by doubling: a length alone is only a claim. */
const FIRST_ROOM_BYTES = 2 << 20;

/**
 * Bytes of requests that all connections together may hold before they are handled. When that is too little, the one
 * that holds most is dropped, so that no client can crowd the others out.
 */
export class FrameBudget {
  readonly limitBytes: number;
  private readonly holders = new Set<FrameReader>();
  private usedBytes = 0;

  constructor(limitBytes = Number.POSITIVE_INFINITY) {
    this.limitBytes = limitBytes;
  }

  /** @throws FrameTooLarge where the one who takes is the one to be dropped */
  take(reader: FrameReader, bytes: number): void {
    this.usedBytes += bytes;
    this.holders.add(reader);
    while (this.usedBytes > this.limitBytes) {
      let largest = reader;
      for (const holder of this.holders) if (holder.heldBytes > largest.heldBytes) largest = holder;
      if (largest === reader) throw new FrameTooLarge(`${reader.heldBytes} bytes while requests wait for room`);
      largest.evict();
    }
  }

  give(reader: FrameReader, bytes: number): void {
    this.usedBytes -= bytes;
    if (reader.heldBytes === 0) this.holders.delete(reader);
  }
}

/**
 * Cuts what a socket delivers into frames: int32 length, then that many bytes. A frame within one piece is a view of
 * it; one that spans pieces is gathered, into a buffer that grows with what is there.
 */
export class FrameReader {
  /** Less for a client that has not logged in yet. */
  maxBytes = MAX_FRAME_BYTES;
  /** Bytes of the frames that are complete and not yet taken. */
  waitingBytes = 0;
  /** Those, and what is there of the frame under way. */
  heldBytes = 0;
  private readonly budget: FrameBudget;
  private readonly evicted: () => void;
  private readonly frames: Buffer[] = [];
  /** Bytes of an incomplete length. */
  private head: Buffer | null = null;
  /** The frame under way, its length, and how much of it is there. */
  private partial: Buffer | null = null;
  private length = 0;
  private filled = 0;

  /** `evicted` is called when the budget takes everything from this reader, for those who hold less. */
  constructor(budget = new FrameBudget(), evicted: () => void = () => {}) {
    this.budget = budget;
    this.evicted = evicted;
  }

  /** Frames that are complete and not yet taken. */
  get waiting(): number {
    return this.frames.length;
  }

  take(): Buffer | undefined {
    const frame = this.frames.shift();
    if (frame === undefined) return undefined;
    this.waitingBytes -= frame.length;
    this.release(frame.length);
    return frame;
  }

  /** Forgets everything that it holds. */
  clear(): void {
    this.frames.length = 0;
    this.waitingBytes = 0;
    this.partial = null;
    this.release(this.heldBytes);
  }

  evict(): void {
    this.clear();
    this.evicted();
  }

  /** @throws FrameTooLarge where a length is negative or too large (the peer does not speak Kafka), or room is out. */
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
      if (length < 0 || length > this.maxBytes) {
        throw new FrameTooLarge(`a frame of ${length} bytes, the limit is ${this.maxBytes}`);
      }
      at += 4;
      if (bytes.length - at >= length) {
        this.hold(length);
        this.complete(bytes.subarray(at, at + length));
        at += length;
      } else {
        this.length = length;
        this.filled = 0;
        this.partial = Buffer.allocUnsafeSlow(Math.min(length, FIRST_ROOM_BYTES));
      }
    }
  }

  private fill(partial: Buffer, bytes: Buffer, at: number): number {
    const count = Math.min(this.length - this.filled, bytes.length - at);
    this.hold(count);
    let room = partial;
    if (this.filled + count > room.length) {
      room = Buffer.allocUnsafeSlow(Math.min(this.length, Math.max(room.length * 2, this.filled + count)));
      room.set(partial.subarray(0, this.filled));
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

  private complete(frame: Buffer): void {
    this.frames.push(frame);
    this.waitingBytes += frame.length;
  }

  private hold(bytes: number): void {
    this.heldBytes += bytes;
    this.budget.take(this, bytes);
  }

  private release(bytes: number): void {
    this.heldBytes -= bytes;
    this.budget.give(this, bytes);
  }
}
