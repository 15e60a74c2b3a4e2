import { nearest } from '../errors/nearest.ts';
import { AGGREGATES, DEFAULT_AGGREGATES, isAggregate, sortedAggregates } from './aggregates.ts';
import { show, type ValueIssue } from './checked.ts';
import { formatDuration, parseDuration } from './duration.ts';
import type { Aggregate, WindowConfig } from './pipelineConfig.ts';
import type { SettingRow } from './settingRow.ts';

const DAY_MS = 86_400_000;
/** Slices of a hopping window, each a table of its series. */
const MOST_SLICES = 10_000;
/**
 * Hopping windows that one value is in. A jump of event time, as after a stop of the source, closes all of them at one
 * record, each with a row for every series of its last values.
 */
const MOST_WINDOWS = 1_440;

type Field = Pick<SettingRow, 'key' | 'type' | 'choices' | 'min' | 'max'> & { name: string; doc: string };

export const WINDOW_FIELDS: readonly Field[] = [
  {
    key: 'windows[].name',
    name: 'name',
    type: 'string',
    doc: 'name; default w5m by size, w1h_1m by size and advance, s10m by gap, c100 by count',
  },
  {
    key: 'windows[].type',
    name: 'type',
    type: 'string',
    choices: ['tumbling', 'hopping', 'session', 'count'],
    doc: 'shape; default tumbling, hopping with an advance, session with a gap',
  },
  { key: 'windows[].size', name: 'size', type: 'string', doc: 'length in event time; for count a number of values' },
  {
    key: 'windows[].advance',
    name: 'advance',
    type: 'duration',
    min: 1,
    doc: `hopping: from one start to the next; at least a ${MOST_WINDOWS}th of the size, as a jump of event time closes all windows of a value at once`,
  },
  { key: 'windows[].gap', name: 'gap', type: 'duration', min: 1, doc: 'session: the silence that ends it' },
  { key: 'windows[].offset', name: 'offset', type: 'duration', doc: 'added to the starts, as 6h; may be negative' },
  {
    key: 'windows[].timezone',
    name: 'timezone',
    type: 'string',
    doc: 'whose midnights windows of whole days begin at, as Europe/Berlin; default UTC',
  },
  {
    key: 'windows[].emit_every',
    name: 'emit_every',
    type: 'duration',
    min: 1,
    doc: 'event time between early rows of a tumbling or session window; default none',
  },
  {
    key: 'windows[].aggregates',
    name: 'aggregates',
    type: 'list',
    doc: `of ${AGGREGATES.join(', ')}, and quantiles as p50, p99 or p99.9, which are of the lower rank: p99 of few values is not their max; default ${DEFAULT_AGGREGATES.join(', ')}`,
  },
];

/** The short notation of flags, for messages. */
export const WINDOW_SHAPE = '5m, w5m=5m:count+mean, 1h/1m, session:gap=10m or count:100';

/** A window in the short notation: [NAME=]SIZE[/ADVANCE] or session or count:SIZE, then :KEY=VALUE and :AGGREGATES. */
export function parseWindow(text: string): Record<string, unknown> | null {
  const match = /^(?:([^=:]+)=)?([^=:]+)((?::[^:]+)*)$/.exec(text);
  if (match === null) return null;
  const [, name, head, tail] = match;
  const parts = tail!.split(':').slice(1);
  const item: Record<string, unknown> = name === undefined ? {} : { name };
  if (head === 'session') item['type'] = 'session';
  else if (head === 'count') {
    item['type'] = 'count';
    item['size'] = Number(parts.shift());
  } else {
    const [size, advance, more] = head!.split('/');
    if (more !== undefined) return null;
    item['size'] = size;
    if (advance !== undefined) item['advance'] = advance;
  }
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals > 0) item[part.slice(0, equals)] = part.slice(equals + 1);
    else if (item['aggregates'] === undefined) item['aggregates'] = part.split('+');
    else return null;
  }
  return item;
}

/** Names of aggregates that are none. */
export function checkAggregates(names: readonly string[]): ValueIssue[] {
  const bad = names.find((name) => !isAggregate(name));
  if (bad === undefined) return [];
  const near = nearest(bad, AGGREGATES);
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  const message = `wants some of ${AGGREGATES.join(', ')} or quantiles as p95, got "${bad}"${meant}`;
  return [{ path: [names.indexOf(bad)], message }];
}

/** Length of a window: a duration, or for count windows a number of values. Undefined where it is wrong. */
export function sizeOf(node: unknown, type: unknown): { sizeMs: number; size?: number } | string {
  if (type === 'count') {
    const size = typeof node === 'string' && /^\d+$/.test(node) ? Number(node) : node;
    if (Number.isSafeInteger(size) && (size as number) >= 1) return { sizeMs: 0, size: size as number };
    return `wants a number of values such as 100, got ${show(node)}`;
  }
  if (typeof node === 'number' && node !== 0) return `wants a unit: ${node}s, ${node}m or ${node}ms`;
  const sizeMs = typeof node === 'string' ? parseDuration(node) : node === 0 ? 0 : null;
  if (sizeMs === null) return `wants a duration such as 250ms, 5m or 1h30m, got ${show(node)}`;
  return sizeMs >= 1 ? { sizeMs } : `must be longer than 0, got ${show(node)}`;
}

/** Puts a window together whose fields are good by themselves, and checks what only several of them can show. */
export function windowOf(item: Readonly<Record<string, unknown>>): WindowConfig | readonly ValueIssue[] {
  const { advance, gap, offset, timezone, emit_every: emitEvery } = item;
  const type = (item['type'] ?? (gap !== undefined ? 'session' : advance !== undefined ? 'hopping' : 'tumbling')) as
    | 'tumbling'
    | 'hopping'
    | 'session'
    | 'count';
  const asked = item['aggregates'] as Aggregate[] | undefined;
  const size = type === 'session' ? { sizeMs: 0 } : sizeOf(item['size'], type);
  if (type !== 'session' && item['size'] === undefined) return wrong('size', `is missing: ${WINDOW_FIELDS[2]!.doc}`);
  if (typeof size === 'string') return wrong('size', size);
  const window: WindowConfig = {
    name: (item['name'] as string | undefined) ?? defaultName(type, size, advance as number, gap as number),
    type,
    ...size,
    ...(advance !== undefined && { advanceMs: advance as number }),
    ...(gap !== undefined && { gapMs: gap as number }),
    ...(offset !== undefined && { offsetMs: offset as number }),
    ...(timezone !== undefined && { timezone: timezone as string }),
    ...(emitEvery !== undefined && { emitEveryMs: emitEvery as number }),
    aggregates: sortedAggregates(asked ?? DEFAULT_AGGREGATES),
  };
  const issues = [...shapeIssues(window, item), ...timeIssues(window)];
  return issues.length > 0 ? issues : window;
}

function shapeIssues(window: WindowConfig, item: Readonly<Record<string, unknown>>): readonly ValueIssue[] {
  const { type, sizeMs, advanceMs, gapMs, emitEveryMs } = window;
  if (type === 'session' && gapMs === undefined) return wrong('gap', `is missing: ${WINDOW_FIELDS[4]!.doc}`);
  if (type === 'session' && item['size'] !== undefined) return wrong('size', 'is not for a session: its gap ends it');
  if (type !== 'session' && gapMs !== undefined) return wrong('gap', `is for sessions, and the window is ${type}`);
  if (type !== 'hopping' && advanceMs !== undefined) {
    return wrong('advance', `is for hopping windows, and the window is ${type}`);
  }
  if (type === 'hopping' && advanceMs === undefined) return wrong('advance', `is missing: ${WINDOW_FIELDS[3]!.doc}`);
  if (type === 'hopping' && advanceMs! > sizeMs) {
    const message = `is ${formatDuration(advanceMs!)}, more than the size of ${formatDuration(sizeMs)}: values between`;
    return wrong('advance', `${message} the windows would be in none`);
  }
  if (type === 'hopping' && sizeMs / advanceMs! > MOST_WINDOWS) {
    const message = `puts each value into ${Math.ceil(sizeMs / advanceMs!)} windows, which a jump of event time closes at`;
    const least = formatDuration(Math.ceil(sizeMs / MOST_WINDOWS));
    return wrong('advance', `${message} once, and at most ${MOST_WINDOWS} are allowed: give at least ${least}`);
  }
  if (type === 'hopping' && sizeMs / divisor(sizeMs, advanceMs!) > MOST_SLICES) {
    const slices = sizeMs / divisor(sizeMs, advanceMs!);
    return wrong('advance', `makes ${slices} slices of a window, and at most ${MOST_SLICES} are kept`);
  }
  if (emitEveryMs !== undefined && (type === 'hopping' || type === 'count')) {
    const instead = type === 'hopping' ? 'a smaller advance gives results as often' : 'it is full before it is old';
    return wrong('emit_every', `is not for ${type} windows: ${instead}`);
  }
  return [];
}

function timeIssues(window: WindowConfig): readonly ValueIssue[] {
  const { type, sizeMs, offsetMs = 0, timezone } = window;
  for (const [name, value] of [
    ['size', sizeMs],
    ['advance', window.advanceMs],
    ['gap', window.gapMs],
    ['offset', offsetMs],
    ['emit_every', window.emitEveryMs],
  ] as const) {
    if (!Number.isInteger(value ?? 0)) return wrong(name, `must be whole milliseconds, got ${formatDuration(value!)}`);
  }
  const isAligned = type === 'tumbling' || type === 'hopping';
  if (offsetMs !== 0 && !isAligned) return wrong('offset', `is not for ${type} windows, which begin with a value`);
  if (isAligned && Math.abs(offsetMs) >= sizeMs) {
    return wrong(
      'offset',
      `is ${formatDuration(offsetMs)}, and must be less than the size of ${formatDuration(sizeMs)}`,
    );
  }
  if (timezone === undefined) return [];
  if (type !== 'tumbling' || sizeMs % DAY_MS !== 0) {
    return wrong('timezone', 'is for tumbling windows of whole days; give size: 1d, or an offset');
  }
  return isTimeZone(timezone) ? [] : wrong('timezone', `wants a name such as Europe/Berlin, got "${timezone}"`);
}

function defaultName(type: string, { sizeMs, size }: { sizeMs: number; size?: number }, advance: number, gap: number) {
  if (type === 'session') return `s${formatDuration(gap ?? 0)}`;
  if (type === 'count') return `c${size}`;
  return type === 'hopping'
    ? `w${formatDuration(sizeMs)}_${formatDuration(advance ?? 0)}`
    : `w${formatDuration(sizeMs)}`;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

function wrong(name: string, message: string): readonly ValueIssue[] {
  return [{ path: [name], message }];
}
