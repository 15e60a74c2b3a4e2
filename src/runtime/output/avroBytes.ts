/**
 * Avro binary encoding (Avro 1.11 specification, "Binary Encoding") into one buffer that is used again for every row:
 * nothing is allocated per row. Values are written in the order of the schema's fields by the caller.
 */
export class AvroBytes {
  bytes = new Uint8Array(1024);
  length = 0;
  #view = new DataView(this.bytes.buffer);

  /** Begins a value of the registry's wire format: byte 0, then the schema id. */
  begin(schemaId: number): void {
    this.length = 5;
    this.bytes[0] = 0;
    this.#view.setInt32(1, schemaId);
  }

  /** A zigzag varint; exact for integers from -2^52 to 2^53. */
  long(value: number): void {
    this.#room(10);
    const { bytes } = this;
    let at = this.length;
    let zigzag = value < 0 ? -2 * value - 1 : 2 * value;
    while (zigzag >= 0x80) {
      // Bit operations would cut to 32 bits.
      bytes[at++] = (zigzag % 0x80) | 0x80;
      zigzag = Math.floor(zigzag / 0x80);
    }
    bytes[at++] = zigzag;
    this.length = at;
  }

  double(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** A union ["null", "double"]: NaN is null. */
  nullableDouble(value: number): void {
    if (Number.isNaN(value)) {
      this.null();
      return;
    }
    this.#room(9);
    this.bytes[this.length++] = 2;
    this.double(value);
  }

  /** A union ["null", "long"]: NaN is null. */
  nullableLong(value: number): void {
    if (Number.isNaN(value)) {
      this.null();
      return;
    }
    this.#room(1);
    this.bytes[this.length++] = 2;
    this.long(value);
  }

  boolean(value: boolean): void {
    this.#room(1);
    this.bytes[this.length++] = value ? 1 : 0;
  }

  /** The null branch of a union whose first branch is null; also an empty array or map, or the end of one. */
  null(): void {
    this.#room(1);
    this.bytes[this.length++] = 0;
  }

  /** A string, or bytes, given as a range of UTF-8 bytes. */
  range(source: Uint8Array, start: number, end: number): void {
    this.long(end - start);
    this.raw(source, start, end);
  }

  string(utf8: Uint8Array): void {
    this.range(utf8, 0, utf8.length);
  }

  /** Bytes as they are, without a length. */
  raw(source: Uint8Array, start: number, end: number): void {
    this.#room(end - start);
    const { bytes } = this;
    let at = this.length;
    // Names are short: a loop beats a view and a call to set.
    for (let i = start; i < end; i++) bytes[at++] = source[i]!;
    this.length = at;
  }

  /** Digits of a non-negative integer below 2^53, or of a negative one, as ASCII without a length. */
  digits(value: number): void {
    this.#room(20);
    if (value < 0) this.bytes[this.length++] = 45;
    let left = Math.abs(value);
    const first = this.length;
    do {
      this.bytes[this.length++] = 48 + (left % 10);
      left = Math.floor(left / 10);
    } while (left > 0);
    this.bytes.subarray(first, this.length).reverse();
  }

  #room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length + more, this.bytes.length * 2));
    grown.set(this.bytes);
    this.bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
