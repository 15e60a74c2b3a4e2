import type { MergedRows } from '../../inputs/mergedRows.ts';

/**
 * Rows as a network would bring them: those whose event times lie within `spanMs` of each other come in any order. So
 * none of them is late for a watermark that waits `spanMs`, and the same seed gives the same order.
 */
export async function* jittered(
  rows: AsyncIterable<MergedRows>,
  seed: number,
  spanMs: number,
): AsyncGenerator<MergedRows, void, void> {
  const random = randomOf(seed);
  for await (const merged of rows) {
    for (let first = 0; first < merged.count; ) {
      const untilMs = timeOf(merged, first) + spanMs;
      let end = first + 1;
      while (end < merged.count && timeOf(merged, end) <= untilMs) end++;
      shuffle(merged, first, end, random);
      first = end;
    }
    yield merged;
  }
}

function timeOf({ readers, files, rows }: MergedRows, i: number): number {
  return readers[files[i]!]!.chunk.times[rows[i]!]!;
}

/** Fisher and Yates. */
function shuffle({ files, rows }: MergedRows, first: number, end: number, random: () => number): void {
  for (let i = end - 1; i > first; i--) {
    const j = first + Math.floor(random() * (i - first + 1));
    const [file, row] = [files[i]!, rows[i]!];
    files[i] = files[j]!;
    rows[i] = rows[j]!;
    files[j] = file;
    rows[j] = row;
  }
}

/** mulberry32: uniform in [0, 1), the same sequence on every runtime. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
