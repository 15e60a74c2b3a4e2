/** CRC-32 as gzip and Avro's snappy blocks have it (reversed polynomial 0xEDB88320; RFC 1952, section 8). */
export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

const TABLE = Int32Array.from({ length: 256 }, (_, i) => {
  let entry = i;
  for (let bit = 0; bit < 8; bit++) entry = (entry & 1) === 1 ? 0xedb88320 ^ (entry >>> 1) : entry >>> 1;
  return entry;
});
