import { readLong } from './avroScalars.ts';
import { REASON } from './reasons.ts';

/** Text of keys that are numbers, symbols or JSON texts, in one buffer that is used again for every batch. */
export class KeyText {
  bytes: Uint8Array = new Uint8Array(4096);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  /** Appends bytes as they are. */
  append(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    let at = this.length;
    for (let i = start; i < end; i++) this.bytes[at++] = source[i]!;
    this.length = at;
  }

  appendText(text: string): void {
    this.reserve(text.length * 3);
    this.length += ENCODER.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /**
   * Appends the decimal digits of the varint at `pos`, which has at most `maxBytes`; gives the position after it or
   * minus a REASON code. Exact for every long: two ids that differ only beyond 2^53 are two series.
   */
  appendVarint(bytes: Uint8Array, pos: number, end: number, maxBytes: number): number {
    const next = readLong(bytes, pos, end, NUMBER, 0);
    if (next < 0) return next;
    const value = NUMBER[0]!;
    if (next - pos > maxBytes) return -REASON.badVarint;
    if (Number.isSafeInteger(value)) this.#appendInteger(value);
    else this.appendText(exactLong(bytes, pos, next).toString());
    return next;
  }

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length + more, this.bytes.length * 2));
    grown.set(this.bytes);
    this.bytes = grown;
  }

  #appendInteger(value: number): void {
    this.reserve(20);
    let left = Math.abs(value);
    let digits = 1;
    for (let power = 10; power <= left; power *= 10) digits++;
    if (value < 0) this.bytes[this.length++] = 45;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      this.bytes[at] = 48 + (left % 10);
      left = Math.floor(left / 10);
    }
    this.length += digits;
  }
}

/** The rare long beyond 2^53: the only place where a BigInt is worth its cost. */
function exactLong(bytes: Uint8Array, start: number, end: number): bigint {
  let zigzag = 0n;
  for (let i = end - 1; i >= start; i--) zigzag = (zigzag << 7n) | BigInt(bytes[i]! & 0x7f);
  return (zigzag & 1n) === 0n ? zigzag >> 1n : -(zigzag >> 1n) - 1n;
}

const ENCODER = new TextEncoder();
const NUMBER = new Float64Array(1);
