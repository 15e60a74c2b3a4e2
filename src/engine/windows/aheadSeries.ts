import type { StateReader, StateWriter } from '../state.ts';
import type { Pane } from './pane.ts';

/** Windows up to these numbers have had the watermark at their end, and at the end of their lateness. */
export interface Passed {
  readonly fired: number;
  readonly ended: number;
}

/** Series that came from a partition whose watermark was ahead: what had passed there, until it has passed here. */
export class AheadSeries {
  readonly #passed = new Map<number, Passed>();

  get(series: number): Passed | undefined {
    return this.#passed.size === 0 ? undefined : this.#passed.get(series);
  }

  set(series: number, passed: Passed): void {
    this.#passed.set(series, passed);
  }

  /** All that are in the panes and not ahead already. */
  setAll(panes: readonly Pane[], passed: Passed): void {
    for (const { order, count } of panes) {
      for (let k = 0; k < count; k++) if (order[k]! >= 0 && !this.#passed.has(order[k]!)) this.set(order[k]!, passed);
    }
  }

  delete(series: number): void {
    this.#passed.delete(series);
  }

  /** Windows up to `ended` are gone. */
  pass(ended: number): void {
    for (const [series, { fired }] of this.#passed) if (fired <= ended) this.#passed.delete(series);
  }

  snapshot(state: StateWriter): void {
    const all = [...this.#passed];
    if (all.length === 0) return;
    const series = Int32Array.from(all, ([id]) => id);
    state.array('ahead', series, all.length);
    const passed = Float64Array.from(all.flatMap(([, { fired, ended }]) => [fired, ended]));
    state.array('ahead/passed', passed, passed.length);
  }

  restore(state: StateReader): void {
    if (!state.has('ahead')) return;
    const passed = state.f64('ahead/passed');
    state.i32('ahead').forEach((series, k) => {
      this.set(series, { fired: passed[2 * k]!, ended: passed[2 * k + 1]! });
    });
  }
}
