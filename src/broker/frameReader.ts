/** Redpanda's kafka_request_max_bytes: a longer frame is no request, or no reasonable one. */
export const MAX_FRAME_BYTES = 100 * 1024 * 1024;

export class FrameTooLarge extends Error {}

/**
 * Cuts what a socket delivers into frames: int32 length, then that many bytes. A frame within one piece is a view of
 * it; one that spans pieces is gathered once, into a buffer of its exact size.
 */
export class FrameReader {
  /** Less for a client that has not logged in yet. */
  maxBytes = MAX_FRAME_BYTES;
  private readonly frames: Buffer[] = [];
  /** Bytes of an incomplete length. */
  private head: Buffer | null = null;
  /** The frame under way, and how much of it is there. */
  private partial: Buffer | null = null;
  private filled = 0;

  /** Frames that are complete and not yet taken. */
  get waiting(): number {
    return this.frames.length;
  }

  take(): Buffer | undefined {
    return this.frames.shift();
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
      if (length < 0 || length > this.maxBytes) {
        throw new FrameTooLarge(`a frame of ${length} bytes, the limit is ${this.maxBytes}`);
      }
      at += 4;
      if (bytes.length - at >= length) {
        this.frames.push(bytes.subarray(at, at + length));
        at += length;
      } else {
        this.partial = Buffer.allocUnsafeSlow(length);
        this.filled = 0;
      }
    }
  }

  private fill(partial: Buffer, bytes: Buffer, at: number): number {
    const count = Math.min(partial.length - this.filled, bytes.length - at);
    partial.set(bytes.subarray(at, at + count), this.filled);
    this.filled += count;
    if (this.filled === partial.length) {
      this.frames.push(partial);
      this.partial = null;
    }
    return count;
  }
}
