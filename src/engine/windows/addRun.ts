import type { ColumnBatch } from '../batch.ts';
import { BLOCK, MANY } from '../readAhead.ts';
import type { Layout } from './layout.ts';
import { CELL } from './moments.ts';
import type { Pane } from './pane.ts';

/** Records of a run before it is worth reading ahead: where records of two panes alternate, a run is a few of them. */
const LONG_RUN = 16;

/**
 * Adds records to a pane from `from` on as long as they fall into it, and returns the index of the first that does not.
 * What moments.ts does is written out here: this loop sees every record.
 */
export function addRun(
  pane: Pane,
  layout: Layout,
  batch: ColumnBatch,
  from: number,
  to: number,
  alerts: Float64Array,
): number {
  const { series, eventTimes, fields } = batch;
  const fieldCount = layout.fields;
  const { start, end, place, base: cells } = pane;
  const isAhead = place.length > MANY;
  const long = from + LONG_RUN;
  let i = from;
  for (; i < to; i++) {
    if (isAhead && i >= long && (i - long) % BLOCK === 0) pane.readAhead(series, i, Math.min(to, i + BLOCK));
    const id = series[i]!;
    if (id < 0) continue;
    const time = eventTimes[i]!;
    if (time < start || time >= end) break;
    let at = id * fieldCount * CELL;
    // The place lies elsewhere in memory: it is asked for only where the first field has no value yet.
    if (cells[at] === 0 && place[id] === 0) pane.begin(id);
    for (let f = 0; f < fieldCount; f++, at += CELL) {
      const value = fields[f]![i]!;
      if (Number.isNaN(value)) continue;
      const count = cells[at]! + 1;
      cells[at] = count;
      if (count === 1) {
        cells[at + 1] = value;
        cells[at + 2] = 0;
        cells[at + 3] = value;
        cells[at + 4] = value;
        continue;
      }
      const delta = value - cells[at + 1]!;
      const mean = cells[at + 1]! + delta / count;
      cells[at + 1] = mean;
      cells[at + 2] = cells[at + 2]! + delta * (value - mean);
      if (value < cells[at + 3]!) cells[at + 3] = value;
      else if (value > cells[at + 4]!) cells[at + 4] = value;
    }
  }
  const { accumulators } = layout;
  for (let a = 0; a < accumulators.length; a++) {
    for (let f = 0; f < fieldCount; f++) accumulators[a]!.addRun(pane.tables[a]!, batch, f, from, i, alerts);
  }
  return i;
}
