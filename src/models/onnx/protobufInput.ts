const TEXT = new TextDecoder();

/** What is wrong with the bytes, without the name of the file. */
export class ProtobufError extends Error {}

/**
 * Reads one message of protobuf's wire format from a part of an array, without copying it
 * (https://protobuf.dev/programming-guides/encoding). Every length is checked, whatever the bytes are.
 */
export class ProtobufInput {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;
  /** Of the field that `next` came to. */
  field = 0;
  wire = 0;

  constructor(bytes: Uint8Array, from = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = from;
    this.end = end;
  }

  /** Goes to the next field; false at the end of the message. Its value has to be read or skipped. */
  next(): boolean {
    if (this.at >= this.end) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.wire = tag % 8;
    if (this.field === 0) throw new ProtobufError(`field 0 at byte ${this.at}`);
    return true;
  }

  /** As a signed 64-bit number; beyond 2^53 it is rounded. */
  varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) throw new ProtobufError(`a number goes beyond byte ${this.end}`);
      const byte = this.bytes[this.at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low += bits * 2 ** shift;
      else high += bits * 2 ** (shift - 28);
      if (byte < 0x80) {
        const value = low + high * 2 ** 28;
        return value >= 2 ** 63 ? -Number(2n ** 64n - (BigInt(low) + (BigInt(high) << 28n))) : value;
      }
    }
    throw new ProtobufError(`a number of more than 10 bytes before byte ${this.at}`);
  }

  float32(): number {
    const at = this.#take(4);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, 4).getFloat32(0, true);
  }

  text(): string {
    const length = this.#length();
    this.at += length;
    return TEXT.decode(this.bytes.subarray(this.at - length, this.at));
  }

  message(): ProtobufInput {
    const length = this.#length();
    this.at += length;
    return new ProtobufInput(this.bytes, this.at - length, this.at);
  }

  /** Numbers of a repeated field, packed or one by one, added to those before. */
  varints(into: number[]): void {
    if (this.wire !== 2) {
      into.push(this.varint());
      return;
    }
    const packed = this.message();
    while (packed.at < packed.end) into.push(packed.varint());
  }

  /** Returns the bytes of the value. */
  skip(): number {
    const from = this.at;
    if (this.wire === 0) this.varint();
    else if (this.wire === 1) this.#take(8);
    else if (this.wire === 5) this.#take(4);
    else if (this.wire === 2) {
      const length = this.#length();
      this.at += length;
      return length;
    } else throw new ProtobufError(`wire type ${this.wire} at byte ${this.at}`);
    return this.at - from;
  }

  #length(): number {
    if (this.wire !== 2) throw new ProtobufError(`field ${this.field} with wire type ${this.wire} at byte ${this.at}`);
    const length = this.varint();
    if (length < 0 || length > this.end - this.at) {
      throw new ProtobufError(
        `field ${this.field} at byte ${this.at} is ${length} bytes long, ${this.end - this.at} are left`,
      );
    }
    return length;
  }

  #take(count: number): number {
    const at = this.at;
    if (count > this.end - at) throw new ProtobufError(`field ${this.field} goes beyond byte ${this.end}`);
    this.at += count;
    return at;
  }
}
