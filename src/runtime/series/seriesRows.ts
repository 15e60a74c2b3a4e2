import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { KeyDictionary } from '../../engine/keys.ts';
import { PartitionPipeline } from '../../engine/pipeline.ts';
import type { Snapshot } from '../../stores/checkpointStore.ts';
import { definePipeline } from '../definition/definition.ts';
import { type WindowObject, windowObject, windowShown } from '../output/rowObjects.ts';

/** What a snapshot knows of one series. */
export interface SeriesRow {
  readonly topic: string;
  readonly partition: number;
  readonly series: string;
  /** Epoch milliseconds of its newest record; null where the snapshot is of a version that did not keep it. */
  readonly last_time: number | null;
  readonly records: number | null;
  /** As they would be put out if the input ended now. */
  readonly open_windows: readonly Omit<WindowObject, 'series' | 'topic' | 'partition' | 'offset' | 'record_time'>[];
}

/** The series of a snapshot with what is readable of their state, in the order of their ids. @throws ANM_STATE_INCOMPATIBLE */
export function* seriesRows(config: PipelineConfig, snapshot: Snapshot): Generator<SeriesRow> {
  const { topic, partition, operators } = snapshot;
  const pipeline = new PartitionPipeline(definePipeline(config), new KeyDictionary());
  pipeline.restore(operators, new Set());
  const { keys } = pipeline;
  const { table } = pipeline.state;
  const known: { readonly id: number; readonly time: number; readonly records: number }[] = [];
  for (let id = 0; id < keys.size; id++) {
    if (keys.has(id) && table.has(id))
      known.push({ id, time: table.times[2 * id]!, records: table.times[2 * id + 1]! });
  }
  pipeline.close();
  pipeline.showOpen();
  // With an allowed lateness a window closes twice, on time and at last, both with what it holds: features are in the row on time.
  const open = new Map<number, Map<string, SeriesRow['open_windows'][number]>>();
  const { windowRows } = pipeline;
  for (let row = 0; row < windowRows.count; row++) {
    const object = windowObject(pipeline, row, { topic, partition }, windowShown(config));
    const { series: _, topic: __, partition: ___, offset: ____, record_time: _____, ...window } = object;
    const id = windowRows.series[row]!;
    const own = open.get(id) ?? new Map();
    const key = `${window.window} ${window.field} ${window.start} ${window.end}`;
    if (own.get(key)?.on_time !== true) own.set(key, window);
    open.set(id, own);
  }
  for (const { id, time, records } of known) {
    const isKnown = Number.isFinite(time);
    yield {
      topic,
      partition,
      series: keys.text(id),
      last_time: isKnown ? time : null,
      records: isKnown ? records : null,
      open_windows: [...(open.get(id)?.values() ?? [])],
    };
  }
}

const COLUMNS = ['topic', 'partition', 'series', 'last_time', 'records', 'window', 'field', 'start', 'end'] as const;
const NUMBERS = ['count', 'mean', 'min', 'max', 'stddev'] as const;

export const SERIES_CSV_HEADER = [...COLUMNS, ...NUMBERS].join(',');

/** One line an open window, or one without a window. */
export function csvLines({ open_windows, topic, partition, series, last_time, records }: SeriesRow): string[] {
  const head = [topic, partition, series, last_time, records];
  const blank = [null, null, null, null, ...NUMBERS.map(() => null)];
  const rows = open_windows.map((each) => [
    each.window,
    each.field,
    each.start,
    each.end,
    ...NUMBERS.map((name) => each[name]),
  ]);
  return (rows.length > 0 ? rows : [blank]).map((row) => [...head, ...row].map(csvCell).join(','));
}

function csvCell(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
