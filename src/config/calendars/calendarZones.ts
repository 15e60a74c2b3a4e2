import { type ZoneTable, zoneTable } from '../../platform/timeZone.ts';
import type { CalendarFile } from './calendarFile.ts';
import type { CalendarTime } from './calendarTimes.ts';
import { CalendarProblem, type ContentLine } from './contentLines.ts';
import type { Ical } from './library.ts';

/** Between local time and UTC, both in milliseconds. */
interface Zone {
  toUtc(localMs: number): number;
  toLocal(utcMs: number): number;
}

const UTC: Zone = { toUtc: (ms) => ms, toLocal: (ms) => ms };

/** The time zones of one file: those of the tz database by their names, others as the file defines them. */
export class CalendarZones {
  readonly #ical: Ical;
  readonly #file: CalendarFile;
  readonly #known = new Map<string, Zone>();

  constructor(ical: Ical, file: CalendarFile) {
    this.#ical = ical;
    this.#file = file;
  }

  /** @param line that has the time, for messages. @throws CalendarProblem for a zone that nobody knows */
  of({ zone = this.#file.floating }: Pick<CalendarTime, 'zone'>, line: ContentLine): Zone {
    let known = this.#known.get(zone);
    if (known === undefined) {
      known = this.#find(zone);
      if (known === undefined) {
        throw new CalendarProblem(
          line,
          `is in the time zone ${zone}, which the tz database does not have and the file does not define`,
        );
      }
      this.#known.set(zone, known);
    }
    return known;
  }

  #find(name: string): Zone | undefined {
    if (/^(UTC|GMT|Z|Etc\/UTC)$/i.test(name)) return UTC;
    if (isZoneName(name)) return zoneOf(zoneTable(name));
    const lines = this.#file.zones.get(name);
    if (lines === undefined) return undefined;
    const location = lines.find((line) => line.name === 'X-LIC-LOCATION')?.value;
    if (location !== undefined && isZoneName(location)) return zoneOf(zoneTable(location));
    return this.#defined(name, lines);
  }

  #defined(name: string, lines: readonly ContentLine[]): Zone {
    const { Component, Time, Timezone, parse } = this.#ical;
    const text = lines.map((line) => `${line.name}${parametersText(line)}:${line.value}`).join('\r\n');
    const zone = new Timezone({ tzid: name, component: new Component(parse(text)) });
    const timeOf = (ms: number, of: typeof zone) => {
      const date = new Date(ms);
      return Time.fromData(
        {
          ...{ year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() },
          ...{ hour: date.getUTCHours(), minute: date.getUTCMinutes(), second: date.getUTCSeconds(), isDate: false },
        },
        of,
      );
    };
    return {
      toUtc: (localMs) => timeOf(localMs, zone).toUnixTime() * 1000,
      toLocal: (utcMs) => {
        const { year, month, day, hour, minute, second } = timeOf(utcMs, Timezone.utcTimezone).convertToZone(zone);
        return Date.UTC(year, month - 1, day, hour, minute, second);
      },
    };
  }
}

/** Of two instants with one local time the first; a local time that is left out is as far behind the change as it says. */
function zoneOf({ fromMs, offsetsMs }: ZoneTable): Zone {
  const segmentOf = (utcMs: number): number => {
    let low = 0;
    let high = fromMs.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (fromMs[middle]! <= utcMs) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return {
    toUtc: (localMs) => {
      let segment = Math.max(0, segmentOf(localMs - MOST_OFFSET_MS));
      // The first segment that has not ended by then: its offset holds, or holds until the change that leaves it out.
      while (segment + 1 < fromMs.length && localMs - offsetsMs[segment]! >= fromMs[segment + 1]!) {
        const next = localMs - offsetsMs[segment + 1]!;
        // Left out by clocks that go forward: read with the offset from before the change.
        if (next < fromMs[segment + 1]!) break;
        segment++;
      }
      return localMs - offsetsMs[segment]!;
    },
    toLocal: (utcMs) => utcMs + offsetsMs[segmentOf(utcMs)]!,
  };
}

const MOST_OFFSET_MS = 2 * 86_400_000;

function isZoneName(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function parametersText({ parameters }: ContentLine): string {
  return [...parameters].map(([name, value]) => `;${name}="${value}"`).join('');
}
