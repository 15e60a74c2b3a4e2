const ROW_BYTES = 16;

/**
 * Bytes as `hexdump -C` prints them: offset, sixteen bytes, their ASCII. Above `mostBytes` the rest is only counted.
 */
export function hexDump(bytes: Uint8Array, mostBytes = Infinity): string {
  const lines: string[] = [];
  const shown = Math.min(bytes.length, mostBytes);
  for (let at = 0; at < shown; at += ROW_BYTES) {
    const row = bytes.subarray(at, Math.min(shown, at + ROW_BYTES));
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0'));
    const halves = `${hex.slice(0, 8).join(' ').padEnd(23)}  ${hex.slice(8).join(' ').padEnd(23)}`;
    const ascii = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${halves}  |${ascii}|`);
  }
  if (bytes.length > shown) lines.push(`... and ${bytes.length - shown} bytes more`);
  return lines.join('\n');
}
