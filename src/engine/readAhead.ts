/**
 * State of many series is read in scattered order, where each access waits for memory. Reading the places of a block of
 * records first, in a loop that does nothing else, lets the processor wait for many of them at once; what follows finds
 * them in its caches. Nothing is changed by it, and no order.
 */

/** Records read ahead at once: what they need stays in the processor's second cache. */
export const BLOCK = 128;
/** With fewer series the caches hold all of it, and reading ahead would only cost. */
export const MANY = 32_768;

/**
 * Reads the first slot, the position and the bytes of the keys with these hashes, which it overwrites. Returns a number
 * that has to be kept: what nobody needs is not read.
 */
export function readKeys(
  hashes: Int32Array,
  from: number,
  to: number,
  slots: Int32Array,
  mask: number,
  spans: Int32Array,
  arena: Uint8Array,
): number {
  let sum = 0;
  for (let i = from; i < to; i++) hashes[i] = slots[hashes[i]! & mask]! & mask;
  for (let i = from; i < to; i++) sum += spans[2 * Math.max(0, hashes[i]! - 1)]!;
  for (let i = from; i < to; i++) sum += arena[spans[2 * Math.max(0, hashes[i]! - 1)]!]!;
  return sum;
}
