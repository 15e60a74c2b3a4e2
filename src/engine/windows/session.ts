import type { ColumnBatch } from '../batch.ts';
import { KeyedWindow } from './keyedWindow.ts';
import type { Layout } from './layout.ts';
import type { WindowOutput } from './output.ts';
import type { WindowTiming } from './timing.ts';

const NONE = -1;

/**
 * Sessions: values of a series with no silence of more than `gapMs` between them, from the first value to the gap after
 * the last one, as Flink's EventTimeSessionWindows. A value may bridge two sessions, which then are one; a session that
 * has put rows out and then grows puts out rows of its new bounds. A record without a value is in no session.
 */
export class SessionWindow extends KeyedWindow {
  readonly #gapMs: number;

  constructor(
    layout: Layout,
    gapMs: number,
    timing: WindowTiming,
    clock: { readonly isPerSeries: boolean; readonly idleAfterMs: number },
  ) {
    super(layout, timing, clock);
    this.#gapMs = gapMs;
  }

  protected take(batch: ColumnBatch, i: number, watermark: number, alerts: Float64Array, out: WindowOutput): void {
    const { panes } = this;
    const series = batch.series[i]!;
    const start = batch.eventTimes[i]!;
    const end = start + this.#gapMs;
    // The list has the newest first: those after the record, those that it touches, those before.
    let newer = NONE;
    let pane = panes.head[series]!;
    while (pane !== NONE && panes.start[pane]! > end) {
      newer = pane;
      pane = panes.next[pane]!;
    }
    let isMoved = true;
    if (pane === NONE || panes.end[pane]! < start) {
      if (end + this.latenessMs <= watermark) {
        out.late.add(i, panes.layout.index, watermark - end);
        return;
      }
      pane = panes.open(series, newer, start, end);
    } else {
      const oldest = this.#joined(pane, start);
      isMoved = oldest !== pane;
      pane = oldest;
      panes.start[pane] = Math.min(panes.start[pane]!, start);
      panes.end[pane] = Math.max(panes.end[pane]!, end);
    }
    panes.add(pane, batch, i, alerts);
    const isFired = panes.end[pane]! <= watermark ? 1 : 0;
    if (isMoved || isFired !== panes.isFired[pane]) {
      panes.isFired[pane] = isFired;
      this.schedule(pane);
    }
    if (isFired === 1) this.writeLate(pane, batch, i, out);
  }

  /** Joins the sessions from `pane` on, older and older, that a value at `start` touches; the oldest takes all. */
  #joined(pane: number, start: number): number {
    const { panes } = this;
    const next = panes.next[pane]!;
    if (next === NONE || panes.end[next]! < start) return pane;
    const touched = [pane];
    for (let older = panes.next[pane]!; older !== NONE && panes.end[older]! >= start; older = panes.next[older]!) {
      touched.push(older);
    }
    const oldest = touched.pop()!;
    for (const each of touched.reverse()) {
      panes.merge(oldest, each);
      panes.end[oldest] = Math.max(panes.end[oldest]!, panes.end[each]!);
      panes.close(each);
    }
    return oldest;
  }
}
