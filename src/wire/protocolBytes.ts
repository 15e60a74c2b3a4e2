import { AnomalyError } from '../errors.ts';
import { readInt16, readInt32, readInt64, writeInt16, writeInt32, writeInt64 } from './batchHeader.ts';

/**
 * The primitives of non-flexible Kafka requests and responses: big-endian integers, strings with an int16 length and
 * arrays with an int32 count; -1 is null. Source: Kafka protocol guide, "Protocol Primitive Types".
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes a request into a growing buffer. */
export class ProtocolWriter {
  #bytes = new Uint8Array(256);
  #end = 0;

  get length(): number {
    return this.#end;
  }

  /** What is written, as a view. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  int8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#end++] = value;
    return this;
  }

  int16(value: number): this {
    this.#reserve(2);
    writeInt16(this.#bytes, this.#end, value);
    this.#end += 2;
    return this;
  }

  int32(value: number): this {
    this.#reserve(4);
    writeInt32(this.#bytes, this.#end, value);
    this.#end += 4;
    return this;
  }

  int64(value: number): this {
    this.#reserve(8);
    writeInt64(this.#bytes, this.#end, value);
    this.#end += 8;
    return this;
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const text = encoder.encode(value);
    return this.int16(text.length).raw(text);
  }

  /** Bytes without a length before them. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
    return this;
  }

  /** Overwrites an int32 written before. */
  setInt32(pos: number, value: number): void {
    writeInt32(this.#bytes, pos, value);
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }
}

/** Begins a request: room for its size, then header v1 (API key, version, correlation id, client id). */
export function beginRequest(apiKey: number, version: number, correlationId: number, clientId: string): ProtocolWriter {
  return new ProtocolWriter().int32(0).int16(apiKey).int16(version).int32(correlationId).string(clientId);
}

/** Reads a response frame. Reading past its end is ANM_PROTOCOL. */
export class ProtocolReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** What is read, for messages: "Fetch response". */
  readonly what: string;
  pos: number;

  constructor(bytes: Uint8Array, what: string, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.what = what;
    this.pos = start;
    this.end = end;
  }

  int16(): number {
    return readInt16(this.bytes, this.skip(2));
  }

  int32(): number {
    return readInt32(this.bytes, this.skip(4));
  }

  int64(): number {
    return readInt64(this.bytes, this.skip(8));
  }

  string(): string | null {
    const length = this.int16();
    if (length < 0) return null;
    const start = this.skip(length);
    return decoder.decode(this.bytes.subarray(start, start + length));
  }

  /** The count of an array whose elements take `leastBytes` each; null (-1) counts as 0. */
  count(leastBytes: number): number {
    const count = this.int32();
    if (count < 0) return 0;
    if (count * leastBytes > this.end - this.pos) throw this.#cut(count * leastBytes);
    return count;
  }

  /** Moves on by `length` bytes and returns where they began. */
  skip(length: number): number {
    const start = this.pos;
    if (length < 0 || length > this.end - start) throw this.#cut(length);
    this.pos = start + length;
    return start;
  }

  #cut(needed: number): AnomalyError {
    const left = this.end - this.pos;
    return new AnomalyError(
      'ANM_PROTOCOL',
      `cannot read the ${this.what} as ${needed} bytes are needed at byte ${this.pos} and ${left} are there`,
    );
  }
}
