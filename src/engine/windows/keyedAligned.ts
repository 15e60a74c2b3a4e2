import type { ColumnBatch } from '../batch.ts';
import type { Aligner } from './aligner.ts';
import { KeyedWindow } from './keyedWindow.ts';
import type { Layout } from './layout.ts';
import type { WindowOutput } from './output.ts';
import type { WindowTiming } from './timing.ts';

const NONE = -1;

/** Where the windows of a time begin: the last of them by the aligner, the others each `advanceMs` before. */
export interface AlignedWindows {
  /** Cuts time into the starts. */
  readonly aligner: Aligner;
  /** Undefined where the windows touch each other, and are as long as the aligner says. */
  readonly hopping?: { readonly sizeMs: number; readonly advanceMs: number };
}

/**
 * Tumbling and hopping windows under a watermark a series: each series has windows of its own, which close by its own
 * time. A record is added to each of its windows, so a hopping one costs size / advance times a tumbling one.
 */
export class KeyedAlignedWindow extends KeyedWindow {
  readonly #windows: AlignedWindows;
  readonly #late: number[] = [];

  constructor(
    layout: Layout,
    windows: AlignedWindows,
    timing: WindowTiming,
    clock: { readonly isPerSeries: boolean; readonly idleAfterMs: number },
  ) {
    super(layout, timing, clock);
    this.#windows = windows;
  }

  protected take(batch: ColumnBatch, i: number, watermark: number, alerts: Float64Array, out: WindowOutput): void {
    const { panes } = this;
    const { aligner, hopping } = this.#windows;
    const series = batch.series[i]!;
    const time = batch.eventTimes[i]!;
    let start = aligner.startOf(time);
    let end = hopping === undefined ? aligner.endOf(start) : start + hopping.sizeMs;
    if (end + this.latenessMs <= watermark) {
      out.late.add(i, panes.layout.index, watermark - end);
      return;
    }
    let newer = NONE;
    let pane = panes.head[series]!;
    while (end > time && end + this.latenessMs > watermark) {
      while (pane !== NONE && panes.start[pane]! > start) {
        newer = pane;
        pane = panes.next[pane]!;
      }
      if (pane === NONE || panes.start[pane]! < start) {
        pane = panes.open(series, newer, start, end);
        panes.isFired[pane] = end <= watermark ? 1 : 0;
        this.schedule(pane);
      }
      panes.add(pane, batch, i, alerts);
      if (panes.isFired[pane] === 1) this.#late.push(pane);
      if (hopping === undefined) break;
      start -= hopping.advanceMs;
      end -= hopping.advanceMs;
    }
    // The oldest first.
    while (this.#late.length > 0) this.writeLate(this.#late.pop()!, batch, i, out);
  }
}
