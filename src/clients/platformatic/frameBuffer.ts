import { AnomalyError } from '../../errors.ts';

const SIZE_BYTES = 4;
const SMALLEST_BYTES = 64 * 1024;
/** A response above this is a stream that has lost its frames, not a response. */
const LARGEST_BYTES = 1 << 30;

/**
 * Cuts a byte stream into frames of `u32 size, body`. A frame is copied once, into a buffer that is used again for
 * the next frame unless its reader takes it; so memory is bounded by the largest frames, not by their number.
 */
export class FrameBuffer {
  readonly #onFrame: (frame: Uint8Array) => void;
  #buffer: Uint8Array = new Uint8Array(SMALLEST_BYTES);
  /** Bytes of the size prefix seen, then of the body. */
  #prefixBytes = 0;
  #size = 0;
  #filled = 0;

  constructor(onFrame: (frame: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#prefixBytes < SIZE_BYTES) {
        this.#size = this.#size * 256 + chunk[at]!;
        at += 1;
        this.#prefixBytes += 1;
        if (this.#prefixBytes < SIZE_BYTES) continue;
        this.#begin();
      }
      const length = Math.min(this.#size - this.#filled, chunk.length - at);
      this.#buffer.set(chunk.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled === this.#size) this.#end();
    }
  }

  /** Gives the buffer of the frame being handled away; `replacement` (any size, or null) is filled next. */
  take(replacement: Uint8Array | null): Uint8Array {
    const taken = this.#buffer;
    this.#buffer = replacement ?? new Uint8Array(SMALLEST_BYTES);
    return taken;
  }

  #begin(): void {
    if (this.#size < SIZE_BYTES || this.#size > LARGEST_BYTES) {
      throw new AnomalyError('ANM_PROTOCOL', `cannot read a response of ${this.#size} bytes: is this a Kafka port`);
    }
    this.#filled = 0;
    if (this.#size <= this.#buffer.length) return;
    let capacity = this.#buffer.length;
    while (capacity < this.#size) capacity *= 2;
    this.#buffer = new Uint8Array(capacity);
  }

  #end(): void {
    const frame = this.#buffer.subarray(0, this.#size);
    this.#prefixBytes = 0;
    this.#size = 0;
    this.#filled = 0;
    this.#onFrame(frame);
  }
}
