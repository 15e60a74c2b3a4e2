/**
 * Names of series whose keys are bytes: a Java long, a UUID. As text they would run together, since every wrong byte
 * becomes the same replacement character.
 */

/** Whether bytes[start, end) are text: UTF-8 without a zero byte. */
export function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === 0) return false;
    if (byte >= 0x80) return isUtf8(bytes, start, end);
  }
  return true;
}

/** '0x00000000000000c8' */
export function hexName(bytes: Uint8Array, start: number, end: number): string {
  let text = '0x';
  for (let i = start; i < end; i++) text += bytes[i]!.toString(16).padStart(2, '0');
  return text;
}

function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    return !STRICT.decode(bytes.subarray(start, end)).includes('\0');
  } catch {
    return false;
  }
}

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
