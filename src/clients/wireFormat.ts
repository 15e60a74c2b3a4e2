/**
 * The registry wire format of a record's key or value: byte 0x00, schema id as 4 bytes big-endian, payload.
 * Source: Confluent "Wire format"; Redpanda uses the same.
 */
export const WIRE_HEADER_BYTES = 5;

/** Writes the 5 header bytes at `position`; the result is the position after them. */
export function writeWireHeader(bytes: Uint8Array, position: number, schemaId: number): number {
  bytes[position] = 0;
  bytes[position + 1] = schemaId >>> 24;
  bytes[position + 2] = schemaId >>> 16;
  bytes[position + 3] = schemaId >>> 8;
  bytes[position + 4] = schemaId;
  return position + WIRE_HEADER_BYTES;
}

/** The schema id of the range [start, end), or -1 when it is not in wire format. A null value has start -1. */
export function readSchemaId(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0 || end - start < WIRE_HEADER_BYTES || bytes[start] !== 0) return -1;
  return ((bytes[start + 1]! << 24) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 8) | bytes[start + 4]!) >>> 0;
}
