/** Whether what was read, if anything, is these bytes. */
export function isEqual(read: Uint8Array | undefined, bytes: Uint8Array): boolean {
  return read?.length === bytes.length && read.every((byte, i) => byte === bytes[i]);
}
