import { AlertShaper, type AlertShaping } from '../engine/alertShaper.ts';
import { ColumnBatch } from '../engine/batch.ts';
import type { PipelineDefinition } from '../engine/definition.ts';
import { KeyDictionary } from '../engine/keys.ts';
import { PartitionPipeline } from '../engine/pipeline.ts';
import type { ScoreObserver } from '../engine/scoreObserver.ts';
import type { LabelledSeries } from './labelledSeries.ts';
import type { ModelLink } from './modelLink.ts';

/** What a pipeline says of a series. */
export interface ScoredSeries {
  /** One a row, before threshold and shaping; NaN where none was worked out. */
  readonly scores: Float64Array;
  /** Rows with an alert of any rule, ascending, each once; a window's alert is of the row that closed it. */
  readonly alertRows: Int32Array;
  /** The same by the rule that raised them; absent for what has no rules. */
  readonly byRule?: ReadonlyMap<string, Int32Array>;
  /** Those of rules beside the detector, which no threshold of its scores changes; absent: none. */
  readonly besideRows?: Int32Array;
}

const PIECE = 4096;
const ENCODER = new TextEncoder();

/**
 * Runs a pipeline of its own over one series, by the very operators of a run: detectors, watches, thresholds, shaping.
 * The rows are records of the first field, in their order, and the pipeline scores records.
 */
export async function scoreSeries(
  definition: PipelineDefinition,
  series: LabelledSeries,
  model?: ModelLink,
): Promise<ScoredSeries> {
  const scores = new Float64Array(series.times.length).fill(NaN);
  const alerts = new AlertedRows(definition.score?.rules ?? []);
  const observer: ScoreObserver = {
    onValue: (_series, field, row, _timeMs, _value, score) => {
      if (field === 0) scores[row] = score;
    },
  };
  const onAlerts = ({ alertRows, rules }: PartitionPipeline) => {
    for (let k = 0; k < alertRows.count; k++) {
      if (alertRows.isAlert(k)) alerts.add(rules[alertRows.rule[k]!]!.name, alertRows.offset[k]!);
    }
  };
  await runSeries(definition, series, observer, onAlerts, model);
  return { scores, ...alerts.sorted() };
}

/**
 * Feeds a series to a pipeline of its own; offsets are rows. What is open at the end stays open. A model is waited for.
 *
 * @param onAlerts is called when there may be alerts in the output tables, which are cleared after it
 */
export async function runSeries(
  definition: PipelineDefinition,
  { name, times, values }: LabelledSeries,
  observer: ScoreObserver,
  onAlerts: (pipeline: PartitionPipeline) => void,
  model?: ModelLink,
): Promise<void> {
  const keys = new KeyDictionary();
  const pipeline = new PartitionPipeline(definition, keys);
  pipeline.observeScores(observer);
  const takeAlerts = () => {
    onAlerts(pipeline);
    pipeline.clearOutput();
  };
  const linked = model?.open(pipeline, takeAlerts);
  const key = ENCODER.encode(name);
  const id = keys.intern(key, 0, key.length);
  const batch = new ColumnBatch(definition.fields.length, PIECE);
  for (let first = 0; first < times.length; first += PIECE) {
    const count = Math.min(PIECE, times.length - first);
    batch.count = count;
    batch.firstOffset = first;
    batch.nextOffset = first + count;
    batch.series.fill(id, 0, count);
    for (const column of batch.fields) column.fill(NaN, 0, count);
    for (let i = 0; i < count; i++) batch.offsets[i] = first + i;
    batch.eventTimes.set(times.subarray(first, first + count));
    batch.recordTimes.set(times.subarray(first, first + count));
    batch.fields[0]!.set(values.subarray(first, first + count));
    pipeline.process(batch, 0, count);
    takeAlerts();
    await linked?.drain();
  }
  linked?.close();
}

/** Rows with an alert, by rule: several rules may raise one at the same row. */
export class AlertedRows {
  readonly #own: ReadonlySet<string>;
  readonly #byRule = new Map<string, Set<number>>();

  /** @param own rules of the detector */
  constructor(own: readonly string[]) {
    this.#own = new Set(own);
  }

  add(rule: string, row: number): void {
    const rows = this.#byRule.get(rule);
    if (rows === undefined) this.#byRule.set(rule, new Set([row]));
    else rows.add(row);
  }

  /** @param last the last row that there is: an alert that waited for one after it is of this one */
  sorted(last = Infinity): Omit<ScoredSeries, 'scores'> {
    const sort = (rows: Iterable<number>) =>
      Int32Array.from(new Set(Array.from(rows, (row) => Math.min(row, last)))).sort();
    const of = (isWanted: (rule: string) => boolean) =>
      [...this.#byRule].flatMap(([rule, rows]) => (isWanted(rule) ? [...rows] : []));
    const byRule = new Map([...this.#byRule].map(([rule, rows]) => [rule, sort(rows)]));
    return { alertRows: sort(of(() => true)), byRule, besideRows: sort(of((rule) => !this.#own.has(rule))) };
  }
}

/** Rows that alert at another threshold, shaped as the pipeline shapes them. */
export function alertsAt(
  times: Float64Array,
  scores: Float64Array,
  threshold: number,
  shaping: AlertShaping,
): Int32Array {
  const shaper = new AlertShaper(shaping);
  shaper.reserve(1);
  const rows: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (Number.isNaN(score) || (score <= threshold && !shaper.seesAll)) continue;
    if (shaper.next(0, times[i]!, score, threshold)) rows.push(i);
  }
  return Int32Array.from(rows);
}

/** Rows that the whole pipeline alerts at when its detector has another threshold: those of its other rules stay. */
export function pipelineAlertsAt(
  times: Float64Array,
  { scores, besideRows }: ScoredSeries,
  threshold: number,
  shaping: AlertShaping,
): Int32Array {
  const rows = alertsAt(times, scores, threshold, shaping);
  if (besideRows === undefined || besideRows.length === 0) return rows;
  return Int32Array.from(new Set([...rows, ...besideRows])).sort();
}
