import type { PipelineDefinition, WindowDefinition } from '../../src/engine/definition.ts';

/**
 * What the windows of a partition put out, written for clarity: every window keeps all its values in plain objects, and
 * each record looks at all of them. The engine is compared with it (test/invariants/engineReference.test.ts).
 */
export type Event = ReadingEvent | { readonly kind: 'idle'; readonly watermark: number };

export interface ReadingEvent {
  readonly kind: 'reading';
  /** Empty for a record that the decoder rejected. */
  readonly series: string;
  readonly time: number;
  /** One a field; NaN for null. */
  readonly values: readonly number[];
}

export interface ReferenceRow {
  readonly window: string;
  readonly series: string;
  readonly field: string;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly pane: number;
  readonly onTime: boolean;
  readonly isFinal: boolean;
  /** The values, in the order in which they came. */
  readonly values: readonly { readonly value: number; readonly time: number }[];
}

interface Value {
  readonly time: number;
  readonly values: readonly number[];
  readonly sequence: number;
}

interface Pane {
  readonly place: number;
  readonly series: string;
  start: number;
  end: number;
  values: Value[];
  isFired: boolean;
  rows: number;
  isChanged: boolean;
}

interface Out {
  readonly row: ReferenceRow;
  readonly due: number;
  readonly place: number;
}

export class ReferenceEngine {
  readonly rows: ReferenceRow[] = [];
  /** Offset, window and how late, a late record. */
  readonly late: [number, string, number][] = [];
  readonly #definition: PipelineDefinition;
  readonly #lateness: number;
  readonly #idle: number;
  readonly #isPerSeries: boolean;
  #panes: Pane[] = [];
  #clock = -Infinity;
  readonly #own = new Map<string, number>();
  #sequence = 0;
  #offset = -1;
  #out: Out[] = [];

  constructor(definition: PipelineDefinition) {
    this.#definition = definition;
    this.#lateness = definition.allowedLatenessMs ?? 0;
    this.#idle = definition.idleAfterMs ?? Infinity;
    this.#isPerSeries = definition.watermark === 'series';
  }

  take(event: Event, offset: number): void {
    if (event.kind === 'idle') {
      const before = this.#clock;
      if (!(event.watermark > before)) return;
      this.#clock = event.watermark;
      this.#fire(() => this.#floor());
      if (!this.#isPerSeries) this.#early(before, this.#clock, () => true);
      this.#flush();
      return;
    }
    this.#offset = offset;
    const { series, time } = event;
    if (series === '') return;
    const before = this.#watermarkOf(series);
    this.#definition.windows.forEach((window, place) => {
      this.#add(window, place, event, before);
    });
    const reached = time - this.#definition.outOfOrdernessMs;
    this.#clock = Math.max(this.#clock, reached);
    this.#own.set(series, Math.max(reached, this.#own.get(series) ?? -Infinity));
    this.#fire((pane) => (pane.series === series ? this.#watermarkOf(series) : this.#floor()));
    this.#early(before, this.#watermarkOf(series), (pane) => !this.#isPerSeries || pane.series === series);
    this.#flush();
  }

  close(): void {
    this.#fire(() => Infinity);
    this.#flush();
  }

  #floor(): number {
    return this.#isPerSeries ? this.#clock - this.#idle : this.#clock;
  }

  #watermarkOf(series: string): number {
    return this.#isPerSeries ? Math.max(this.#own.get(series) ?? -Infinity, this.#floor()) : this.#clock;
  }

  #add(window: WindowDefinition, place: number, { series, time, values }: ReadingEvent, watermark: number): void {
    const { type = 'tumbling', sizeMs, advanceMs = sizeMs, gapMs = 0, size = 0, offsetMs = 0 } = window;
    const hasValue = this.#definition.fields.some((_, f) => !Number.isNaN(values[f]!));
    const countsNulls = !this.#isPerSeries && (type === 'tumbling' || type === 'hopping');
    if (!hasValue && !countsNulls) return;
    const value = { time, values, sequence: this.#sequence++ };
    const mine = this.#panes.filter((pane) => pane.place === place && pane.series === series);
    const open = (start: number, end: number): Pane => {
      const pane = { place, series, start, end, values: [], isFired: false, rows: 0, isChanged: false };
      this.#panes.push(pane);
      return pane;
    };
    if (type === 'count') {
      const pane = mine[0] ?? open(0, 0);
      pane.values.push(value);
      if (pane.values.length < size) return;
      pane.start = Math.min(...pane.values.map((each) => each.time));
      pane.end = Math.max(...pane.values.map((each) => Math.floor(each.time))) + 1;
      this.#write(pane, -Infinity, true, true);
      this.#panes = this.#panes.filter((each) => each !== pane);
      return;
    }
    if (type === 'session') {
      const touched = mine.filter((pane) => pane.start <= time + gapMs && pane.end >= time);
      if (touched.length === 0 && time + gapMs + this.#lateness <= watermark) {
        this.late.push([this.#offset, window.name, watermark - time - gapMs]);
        return;
      }
      const pane = open(time, time + gapMs);
      for (const other of touched) {
        pane.start = Math.min(pane.start, other.start);
        pane.end = Math.max(pane.end, other.end);
        pane.values.push(...other.values);
        pane.rows = Math.max(pane.rows, other.rows);
      }
      pane.values.sort((a, b) => a.sequence - b.sequence);
      pane.values.push(value);
      pane.isChanged = true;
      pane.isFired = pane.end <= watermark;
      this.#panes = this.#panes.filter((each) => !touched.includes(each));
      if (pane.isFired) this.#write(pane, -Infinity, false, false);
      return;
    }
    const last = Math.floor((time - offsetMs) / advanceMs) * advanceMs + offsetMs;
    if (last + sizeMs + this.#lateness <= watermark) {
      this.late.push([this.#offset, window.name, watermark - last - sizeMs]);
      return;
    }
    const late: Pane[] = [];
    for (let start = last; start + sizeMs > time; start -= advanceMs) {
      const end = start + sizeMs;
      if (end + this.#lateness <= watermark) continue;
      const pane = mine.find((each) => each.start === start) ?? open(start, end);
      pane.values.push(value);
      if (hasValue) pane.isChanged = true;
      pane.isFired = end <= watermark;
      if (pane.isFired && hasValue) late.push(pane);
    }
    for (const pane of late.reverse()) this.#write(pane, -Infinity, false, false);
  }

  /** Puts out what is due, one after the other, by due time, place, end and first appearance. */
  #fire(watermarkOf: (pane: Pane) => number): void {
    for (;;) {
      const due = this.#panes.filter((pane) => this.#isTimed(pane) && this.#dueOf(pane) <= watermarkOf(pane));
      const [first] = due.sort((a, b) => this.#dueOf(a) - this.#dueOf(b) || a.place - b.place || this.#before(a, b));
      if (first === undefined) return;
      const isFinal = first.isFired || this.#lateness === 0;
      this.#write(first, this.#dueOf(first), !first.isFired, isFinal);
      first.isFired = true;
      if (isFinal) this.#panes = this.#panes.filter((each) => each !== first);
    }
  }

  #early(before: number, after: number, isMeant: (pane: Pane) => boolean): void {
    this.#definition.windows.forEach(({ emitEveryMs: every = 0 }, place) => {
      if (every === 0 || before === -Infinity || Math.floor(before / every) >= Math.floor(after / every)) return;
      const panes = this.#panes.filter((pane) => pane.place === place && isMeant(pane) && !pane.isFired);
      for (const pane of panes.sort((a, b) => this.#before(a, b))) {
        if (pane.isChanged) this.#write(pane, after, false, false);
      }
    });
  }

  #isTimed(pane: Pane): boolean {
    return this.#definition.windows[pane.place]!.type !== 'count';
  }

  #dueOf(pane: Pane): number {
    return pane.isFired ? pane.end + this.#lateness : pane.end;
  }

  /** By end, then by first appearance in the window: for slices of hopping windows, the slice counts first. */
  #before(a: Pane, b: Pane): number {
    if (a.end !== b.end) return a.end - b.end;
    const window = this.#definition.windows[a.place]!;
    if (window.type === 'hopping' && !this.#isPerSeries) {
      const slice = divisor(window.sizeMs, window.advanceMs!);
      const sliceOf = ({ time }: Value) => Math.floor((time - (window.offsetMs ?? 0)) / slice);
      const first = (pane: Pane) => Math.min(...pane.values.map(sliceOf));
      const [left, right] = [first(a), first(b)];
      if (left !== right) return left - right;
      const within = (pane: Pane) => pane.values.find((value) => sliceOf(value) === left)!.sequence;
      return within(a) - within(b);
    }
    return a.values[0]!.sequence - b.values[0]!.sequence;
  }

  #write(pane: Pane, due: number, onTime: boolean, isFinal: boolean): void {
    this.#definition.fields.forEach((field, f) => {
      const values = pane.values
        .map(({ time, values: all }) => ({ time, value: all[f]! }))
        .filter(({ value }) => !Number.isNaN(value));
      if (values.length === 0) return;
      const { name } = this.#definition.windows[pane.place]!;
      const { series, start, end, rows } = pane;
      const row = {
        window: name,
        series,
        field,
        start,
        end,
        offset: this.#offset,
        pane: rows,
        onTime,
        isFinal,
        values,
      };
      this.#out.push({ row, due, place: pane.place });
    });
    pane.rows++;
    pane.isChanged = false;
  }

  /** The rows of one record in their order. */
  #flush(): void {
    // Under a watermark a series each window follows the records by itself: early rows are due at the watermark, too.
    if (this.#isPerSeries) this.#out.sort((a, b) => (a.due === b.due ? a.place - b.place : a.due - b.due));
    this.rows.push(...this.#out.map(({ row }) => row));
    this.#out = [];
  }
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
