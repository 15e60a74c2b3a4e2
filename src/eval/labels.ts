import { AnomalyError } from '../errors.ts';
import type { LabelledEvent, LabelledSeries } from './labelledSeries.ts';

/** A label as a file has it: [startMs, endMs), or inclusive of its end where `isInclusive`. */
export interface Label {
  readonly startMs: number;
  readonly endMs: number;
  readonly kind?: string;
}

/** By name of the series. */
export type Labels = ReadonlyMap<string, readonly Label[]>;

export interface AttachOptions {
  /** How messages name the labels: their file. */
  readonly source: string;
  /** NAB: start and end are times of rows, both of them inside. */
  readonly isInclusive: boolean;
  /** Series that are known and left out: labels of theirs are no mistake. */
  readonly leftOut?: ReadonlySet<string>;
  /** Labels outside of it are left out, as those of a topic from which only a part is read. */
  readonly rangeMs?: readonly [number, number];
}

const SHOWN_PROBLEMS = 5;

/**
 * Puts labels onto their series. Every label has to belong to a series that is there, and to lie within its times.
 * @throws ANM_LABELS naming series and times
 */
export function attachLabels(
  series: readonly LabelledSeries[],
  labels: Labels,
  options: AttachOptions,
): LabelledSeries[] {
  const { source, leftOut = new Set(), rangeMs } = options;
  const problems: string[] = [];
  const known = new Set(series.map(({ name }) => name));
  const isWanted = ({ startMs, endMs }: Label) => rangeMs === undefined || (endMs > rangeMs[0] && startMs < rangeMs[1]);
  for (const [name, own] of labels) {
    if (known.has(name) || leftOut.has(name) || !own.some(isWanted)) continue;
    const times = own.filter(isWanted).map(({ startMs }) => timeText(startMs));
    problems.push(`no series ${name}, which is labelled at ${times.slice(0, 3).join(', ')}`);
  }
  const attached = series.map((one) => {
    const events: LabelledEvent[] = [];
    const own = (labels.get(one.name) ?? []).filter(isWanted);
    for (const label of own.toSorted((a, b) => a.startMs - b.startMs)) {
      const event = eventOf(one, label, options.isInclusive);
      if (typeof event === 'string') problems.push(`series ${one.name}: ${event}`);
      else addEvent(events, event);
    }
    return { ...one, events };
  });
  if (problems.length === 0) return attached;
  const more = problems.length > SHOWN_PROBLEMS ? `; and ${problems.length - SHOWN_PROBLEMS} more` : '';
  throw new AnomalyError(
    'ANM_LABELS',
    `cannot hold the series against ${source} as ${problems.slice(0, SHOWN_PROBLEMS).join('; ')}${more}`,
    { details: { labels: source, problems: problems.slice(0, 100) } },
  );
}

/** Runs of rows that a column of the data flags. */
export function eventsOfRows(times: Float64Array, isAnomalous: ArrayLike<number>, intervalMs: number): LabelledEvent[] {
  const events: LabelledEvent[] = [];
  for (let i = 0; i < times.length; i++) {
    if (isAnomalous[i] === 0) continue;
    const from = i;
    while (i + 1 < times.length && isAnomalous[i + 1] !== 0) i++;
    const endMs = i + 1 < times.length ? times[i + 1]! : times[i]! + (Number.isNaN(intervalMs) ? 1 : intervalMs);
    events.push({ startMs: times[from]!, endMs, from, to: i + 1 });
  }
  return events;
}

/** The event of a label, or what is wrong with it. */
function eventOf({ times, spanMs = 0 }: LabelledSeries, label: Label, isInclusive: boolean): LabelledEvent | string {
  const { startMs, kind } = label;
  const text = `${timeText(startMs)} to ${timeText(label.endMs)}`;
  if (!(label.endMs >= startMs)) return `the label ${text} ends before it begins`;
  if (times.length === 0) return `the label ${text} has no rows around it, as the series is empty`;
  const named = kind === undefined ? {} : { kind };
  if (isInclusive) {
    // The first of equal times, as the benchmark's own scorer takes it.
    const [from, last] = [times.indexOf(startMs), times.indexOf(label.endMs)];
    const missing = from < 0 ? startMs : last < 0 ? label.endMs : NaN;
    if (!Number.isNaN(missing)) return `it has no row at ${timeText(missing)}, where a label begins or ends`;
    return { startMs, endMs: label.endMs + 1, from, to: last + 1, ...named };
  }
  // A label without a length is the row at its time.
  const endMs = label.endMs > startMs ? label.endMs : startMs + 1;
  const [firstMs, lastMs] = extremes(times);
  if (endMs <= firstMs || startMs >= lastMs + Math.max(1, spanMs)) {
    return `the label ${text} lies outside of its times, ${timeText(firstMs)} to ${timeText(lastMs)}`;
  }
  let [from, to, after] = [-1, -1, times.length];
  for (let i = times.length - 1; i >= 0; i--) {
    if (times[i]! >= endMs) after = i;
    // A window that holds some of the label is in it.
    if (times[i]! + spanMs < startMs || (spanMs > 0 && times[i]! + spanMs === startMs) || times[i]! >= endMs) continue;
    if (to < 0) to = i + 1;
    from = i;
  }
  return from < 0 ? { startMs, endMs, from: after, to: after, ...named } : { startMs, endMs, from, to, ...named };
}

/** Labels that overlap are one event: of two analysts' labels an alert can only find both. */
function addEvent(events: LabelledEvent[], event: LabelledEvent): void {
  const last = events.at(-1);
  if (last === undefined || event.startMs >= last.endMs) {
    events.push(event);
    return;
  }
  events[events.length - 1] = {
    ...last,
    endMs: Math.max(last.endMs, event.endMs),
    from: Math.min(last.from, event.from),
    to: Math.max(last.to, event.to),
  };
}

function extremes(times: Float64Array): [number, number] {
  let [min, max] = [Infinity, -Infinity];
  for (const time of times) {
    min = Math.min(min, time);
    max = Math.max(max, time);
  }
  return [min, max];
}

function timeText(timeMs: number): string {
  return Number.isFinite(timeMs) && Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs);
}
