/** UTC offsets of a time zone: offsetsMs[i] holds from fromMs[i] on, the first one also before. Ascending. */
export interface ZoneTable {
  readonly fromMs: readonly number[];
  readonly offsetsMs: readonly number[];
}

/** Times between which offsets are known; before and after, the nearest one holds. */
const [FIRST_MS, END_MS] = [Date.UTC(1970, 0, 1), Date.UTC(2100, 0, 1)];
/** No rule of any zone holds for less: the shortest in the tz database, around Ramadan in Morocco, hold for weeks. */
const STEP_MS = 14 * 86_400_000;

const tables = new Map<string, ZoneTable>();

/**
 * The offsets of a time zone from UTC as plain data, by the tz database that the runtime has inside. The engine takes
 * this table, so that it asks nobody for anything.
 */
export function zoneTable(timeZone: string): ZoneTable {
  const known = tables.get(timeZone);
  if (known !== undefined) return known;
  const offsetAt = offsets(timeZone);
  const fromMs = [FIRST_MS];
  const offsetsMs = [offsetAt(FIRST_MS)];
  for (let at = FIRST_MS; at < END_MS; at += STEP_MS) {
    const next = offsetAt(at + STEP_MS);
    if (next === offsetsMs.at(-1)) continue;
    fromMs.push(changeBetween(at, at + STEP_MS, offsetAt));
    offsetsMs.push(next);
  }
  const table = { fromMs, offsetsMs };
  tables.set(timeZone, table);
  return table;
}

/** The first second at which the offset is another than at `from`. */
function changeBetween(from: number, to: number, offsetAt: (ms: number) => number): number {
  const before = offsetAt(from);
  let [low, high] = [from / 1000, to / 1000];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}

/** Local time minus UTC, in milliseconds, at a whole second. */
function offsets(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (ms) => {
    const part = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const at = (name: Intl.DateTimeFormatPartTypes) => part.get(name) ?? 0;
    return Date.UTC(at('year'), at('month') - 1, at('day'), at('hour'), at('minute'), at('second')) - ms;
  };
}
