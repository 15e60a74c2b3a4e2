import { readInt64, writeInt64 } from '../../wire/batchHeader.ts';

/** Elements of all lists of one message: more would take the machine's memory, and the time of every other client. */
const MAX_ELEMENTS = 250_000;

/** Reads the primitive types of the protocol from one frame. Throws RangeError where the frame ends too early. */
export class ByteReader {
  readonly bytes: Buffer;
  position: number;
  private elementsLeft = MAX_ELEMENTS;

  constructor(bytes: Buffer, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  int8(): number {
    const value = this.bytes.readInt8(this.position);
    this.position += 1;
    return value;
  }

  int16(): number {
    const value = this.bytes.readInt16BE(this.position);
    this.position += 2;
    return value;
  }

  int32(): number {
    const value = this.bytes.readInt32BE(this.position);
    this.position += 4;
    return value;
  }

  int64(): number {
    this.need(8);
    const value = readInt64(this.bytes, this.position);
    this.position += 8;
    return value;
  }

  float64(): number {
    const value = this.bytes.readDoubleBE(this.position);
    this.position += 8;
    return value;
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes.readUInt8(this.position++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`cannot read a varint of more than 5 bytes at ${this.position}`);
  }

  /** A view, no copy. */
  take(length: number): Buffer {
    this.need(length);
    const view = this.bytes.subarray(this.position, this.position + length);
    this.position += length;
    return view;
  }

  utf8(length: number): string {
    this.need(length);
    const text = this.bytes.toString('utf8', this.position, this.position + length);
    this.position += length;
    return text;
  }

  /** A list of so many elements follows. */
  claim(elements: number): void {
    this.elementsLeft -= elements;
    if (this.elementsLeft < 0)
      throw new RangeError(`cannot read more than ${MAX_ELEMENTS} list elements of one message`);
  }

  private need(length: number): void {
    if (length < 0 || length > this.remaining) {
      throw new RangeError(`cannot read ${length} bytes as ${this.remaining} are left at ${this.position}`);
    }
  }
}

/**
 * Writes one response. Primitives go into a buffer that is reused from message to message; record batches are noted by
 * position and handed out between the written pieces, so that they are sent from where they lie.
 */
export class ByteWriter {
  position = 0;
  private bytes = Buffer.allocUnsafeSlow(4096);
  private readonly foreign: { readonly at: number; readonly chunk: Buffer }[] = [];
  private foreignBytes = 0;

  reset(): void {
    this.position = 0;
    this.foreign.length = 0;
    this.foreignBytes = 0;
  }

  int8(value: number): void {
    this.grow(1);
    this.bytes[this.position++] = value;
  }

  int16(value: number): void {
    this.grow(2);
    this.position = this.bytes.writeInt16BE(value, this.position);
  }

  int32(value: number): void {
    this.grow(4);
    this.position = this.bytes.writeInt32BE(value, this.position);
  }

  int64(value: number): void {
    this.grow(8);
    writeInt64(this.bytes, this.position, value);
    this.position += 8;
  }

  float64(value: number): void {
    this.grow(8);
    this.position = this.bytes.writeDoubleBE(value, this.position);
  }

  uvarint(value: number): void {
    this.grow(5);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.position++] = rest;
  }

  copy(source: Uint8Array): void {
    this.grow(source.length);
    this.bytes.set(source, this.position);
    this.position += source.length;
  }

  utf8(text: string, length: number): void {
    this.grow(length);
    this.bytes.write(text, this.position, length, 'utf8');
    this.position += length;
  }

  hex(text: string): void {
    this.grow(text.length / 2);
    this.position += this.bytes.write(text, this.position, 'hex');
  }

  /** Sends `chunk` here as it lies; its bytes must not change until the message is out. */
  foreignChunk(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.foreign.push({ at: this.position, chunk });
    this.foreignBytes += chunk.length;
  }

  /** The frame in pieces, its length in front. The writer may be used again at once. */
  frame(): Buffer[] {
    const own = Buffer.allocUnsafe(4 + this.position);
    own.writeInt32BE(this.position + this.foreignBytes, 0);
    own.set(this.bytes.subarray(0, this.position), 4);
    if (this.foreign.length === 0) return [own];
    const pieces: Buffer[] = [];
    let from = 0;
    for (const { at, chunk } of this.foreign) {
      if (at + 4 > from) pieces.push(own.subarray(from, at + 4));
      pieces.push(chunk);
      from = at + 4;
    }
    if (from < own.length) pieces.push(own.subarray(from));
    return pieces;
  }

  private grow(more: number): void {
    const need = this.position + more;
    if (need <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.position));
    this.bytes = grown;
  }
}
