import type { PipelineDefinition } from '../../engine/definition.ts';
import { KeyDictionary } from '../../engine/keys.ts';
import type { Json, OperatorState } from '../../engine/operatorState.ts';
import { PartitionPipeline } from '../../engine/pipeline.ts';
import { isRows, RowSections } from '../../engine/rowSnapshot.ts';
import { SnapshotReader } from '../../engine/state.ts';
import { type WindowShown, windowObject } from '../output/rowObjects.ts';

/** What a snapshot has of one series. */
export interface SeriesRow {
  readonly series: string;
  /** Epoch milliseconds of event time; null in snapshots that do not have it. */
  readonly lastSeenMs: number | null;
  readonly records: number | null;
  /** Of its rows in the operators that keep one a series. */
  readonly bytes: number;
}

/** The series of a snapshot, read without the pipeline that wrote it. */
export class SeriesOfSnapshot {
  readonly #keys = new KeyDictionary();
  readonly #times: Float64Array | undefined;
  readonly #operators: readonly OperatorState[];

  /** @throws ANM_STATE_CORRUPT */
  constructor(operators: readonly OperatorState[]) {
    this.#operators = operators;
    const state = new SnapshotReader(operators.find(({ id }) => id === 'keys')!.bytes);
    this.#keys.restore(state);
    const series = state.scope('series');
    this.#times = series.has('times') ? series.f64('times') : undefined;
  }

  get count(): number {
    return this.#keys.count;
  }

  has(name: string): boolean {
    return this.#find(name) >= 0;
  }

  /** All of them, in the order of their ids. */
  rows(): SeriesRow[] {
    const bytes = this.#bytes();
    const rows: SeriesRow[] = [];
    for (let id = 0; id < this.#keys.size; id++) {
      if (!this.#keys.has(id)) continue;
      const time = this.#times?.[2 * id] ?? -Infinity;
      rows.push({
        series: this.#keys.name(id),
        lastSeenMs: time > -Infinity ? time : null,
        records: this.#times?.[2 * id + 1] ?? null,
        bytes: bytes[id]!,
      });
    }
    return rows;
  }

  #bytes(): Float64Array {
    const bytes = new Float64Array(this.#keys.size);
    const rows = this.#operators.filter((each) => isRows(each.bytes));
    const latest = rows.map(() => new Float64Array(this.#keys.size));
    new RowSections(rows).next(Infinity, (k, series, _bytes, from, to) => {
      if (series < bytes.length) latest[k]![series] = to - from;
    });
    for (const sizes of latest) for (let id = 0; id < bytes.length; id++) bytes[id]! += sizes[id]!;
    return bytes;
  }

  #find(name: string): number {
    const text = new TextEncoder().encode(name);
    const id = this.#keys.find(text, 0, text.length);
    if (id >= 0 || !name.startsWith('0x')) return id;
    for (let other = 0; other < this.#keys.size; other++) if (this.#keys.hexName(other) === name) return other;
    return -1;
  }
}

/** One series' state in plain values, one entry an operator. */
export interface OperatorReport {
  readonly operator: string;
  readonly state: Json;
}

/**
 * What each operator holds of a series. Open windows are shown as they would close now.
 *
 * @throws ANM_STATE_INCOMPATIBLE where the definition is not that of the snapshot
 */
export function reportSeries(
  name: string,
  operators: readonly OperatorState[],
  definition: PipelineDefinition,
  shown: WindowShown,
): OperatorReport[] {
  const pipeline = new PartitionPipeline(definition, new KeyDictionary());
  pipeline.restore(operators, new Set());
  const { keys, windowRows } = pipeline;
  let id = -1;
  for (let other = 0; other < keys.size && id < 0; other++) {
    if (keys.has(other) && keys.name(other) === name) id = other;
  }
  const described = pipeline.state
    .describe(id)
    .map(({ id: operator, state }) => ({ operator, state: byField(state, definition.fields) }));
  pipeline.close();
  pipeline.showOpen();
  const windows = definition.windows.map(({ name: window }, w) => {
    // With an allowed lateness a window closes twice, on time and at last, both with what it holds.
    const open = new Map<string, Json>();
    for (let row = 0; row < windowRows.count; row++) {
      if (windowRows.window[row] !== w || windowRows.series[row] !== id) continue;
      const {
        series: _,
        window: __,
        topic: ___,
        partition: ____,
        ...rest
      } = windowObject(pipeline, row, { topic: '', partition: 0 }, shown);
      open.set(`${rest.field} ${rest.start} ${rest.end}`, withoutNulls(rest));
    }
    return { operator: `window/${window}`, state: [...open.values()] };
  });
  return [...windows, ...described];
}

/** What there is one of a field names its field, where there are several. */
function byField(state: Json, fields: readonly string[]): Json {
  if (!Array.isArray(state) || state.length < 2) return state;
  return state.map((each, f) => ({ field: fields[f]!, ...(each as { readonly [key: string]: Json }) }));
}

/** Aggregates that the window does not have, and what is of the closing only. */
function withoutNulls(row: object): Json {
  const isEmpty = (value: unknown) => value === null || JSON.stringify(value) === '{}';
  const left = Object.entries(row).filter(([name, value]) => !isEmpty(value) && !CLOSING.has(name));
  return Object.fromEntries(left) as Json;
}

const CLOSING = new Set(['offset', 'record_time', 'pane', 'is_final', 'on_time', 'features', 'late_by_ms']);
