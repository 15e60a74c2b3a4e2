/**
 * Murmur2 in the 32-bit form and with the seed that Kafka's Java client uses to place keys, so that a record lands in
 * the partition where any Java producer, Kafka Streams or Flink would put it.
 * Source: A. Appleby, MurmurHash2; org.apache.kafka.common.utils.Utils.murmur2 and its test vectors.
 */

const SEED = 0x9747b28c | 0;
const MULTIPLIER = 0x5bd1e995;

/** Hash of bytes[start, end) as a signed 32-bit number, as Java prints it. */
export function murmur2(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const length = end - start;
  let hash = SEED ^ length;
  let i = start;
  for (const last = end - 4; i <= last; i += 4) {
    let word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    word = Math.imul(word, MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  const rest = end - i;
  if (rest > 0) {
    if (rest === 3) hash ^= bytes[i + 2]! << 16;
    if (rest >= 2) hash ^= bytes[i + 1]! << 8;
    hash = Math.imul(hash ^ bytes[i]!, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/** The partition of a key: murmur2 without its sign bit, modulo the number of partitions (1 or more). */
export function partitionForKey(key: Uint8Array, start: number, end: number, partitions: number): number {
  return (murmur2(key, start, end) & 0x7fffffff) % partitions;
}
