import type { CalendarEvent, CalendarFile } from './calendarFile.ts';
import { type CalendarTime, calendarDuration, calendarTime, DAY_MS, show } from './calendarTimes.ts';
import { CalendarZones } from './calendarZones.ts';
import { CalendarProblem, type ContentLine } from './contentLines.ts';
import type { Ical } from './library.ts';

/** What repeats for ever is written out until then: the file alone decides, not the day on which it is read. */
export const REPEATS_UNTIL_MS = Date.UTC(2060, 0, 1);
/** Of one file. */
export const MOST_OCCURRENCES = 100_000;
/** Times that are tried for one occurrence of a rule: the 30th of February never comes. */
const MOST_TRIES = 100_000;

/**
 * Start and end of every occurrence of the file's events in turn, epoch milliseconds, in the order of the events.
 *
 * @throws CalendarProblem
 */
export function occurrences(ical: Ical, file: CalendarFile): Float64Array {
  const writer = new Occurrences(ical, file);
  for (const event of file.events) writer.add(event);
  return Float64Array.from(writer.spans);
}

class Occurrences {
  readonly spans: number[] = [];
  readonly #ical: Ical;
  readonly #zones: CalendarZones;
  /** By UID: instants of the occurrences that another event takes the place of. */
  readonly #replaced = new Map<string, Set<number>>();

  constructor(ical: Ical, file: CalendarFile) {
    this.#ical = ical;
    this.#zones = new CalendarZones(ical, file);
    for (const { uid, replaces } of file.events) {
      if (replaces === undefined) continue;
      const instants = this.#replaced.get(uid) ?? new Set();
      instants.add(this.#utcOf(calendarTime(replaces), replaces));
      this.#replaced.set(uid, instants);
    }
  }

  add(event: CalendarEvent): void {
    const { start, rules, dates, uid, replaces } = event;
    if (event.isCancelled) return;
    const zone = this.#zones.of(start.time, start);
    const except = this.#exceptions(event);
    const replaced = replaces === undefined ? this.#replaced.get(uid) : undefined;
    const given = new Set<number>();
    const put = (localMs: number, line: ContentLine): void => {
      const utcMs = zone.toUtc(localMs);
      // A rule and RDATE may name one time twice.
      if (given.has(utcMs)) return;
      given.add(utcMs);
      if (except.instants.has(utcMs) || except.days.has(dayOf(localMs)) || replaced?.has(utcMs) === true) return;
      this.#put(event, localMs, line);
    };
    if (rules.length === 0) put(start.time.localMs, start);
    for (const rule of rules) this.#repeat(event, rule, put);
    for (const line of dates) this.#addDates(event, line, put);
  }

  #put({ start, duration, end }: CalendarEvent, localMs: number, line: ContentLine): void {
    const zone = this.#zones.of(start.time, start);
    const fromMs = zone.toUtc(localMs);
    let toMs = zone.toUtc(localMs + duration.localMs) + duration.exactMs;
    if (end !== undefined) {
      const length = this.#utcOf(end, start) - this.#utcOf(start.time, start);
      if (length < 0) throw new CalendarProblem(start, `is after its DTEND`);
      toMs = fromMs + length;
    }
    if (this.spans.length >= 2 * MOST_OCCURRENCES) {
      const until = new Date(REPEATS_UNTIL_MS).getUTCFullYear();
      throw new CalendarProblem(
        line,
        `makes more than ${MOST_OCCURRENCES} events of the file until ${until}: end it by UNTIL or COUNT, or repeat a longer event less often`,
      );
    }
    this.spans.push(fromMs, toMs);
  }

  #repeat({ start }: CalendarEvent, line: ContentLine, put: (localMs: number, line: ContentLine) => void): void {
    const { Recur, Time, Timezone } = this.#ical;
    const floating = Timezone.localTimezone;
    const timeOf = (ms: number) => {
      const at = new Date(ms);
      const date = { year: at.getUTCFullYear(), month: at.getUTCMonth() + 1, day: at.getUTCDate() };
      const time = { hour: at.getUTCHours(), minute: at.getUTCMinutes(), second: at.getUTCSeconds() };
      return Time.fromData({ ...date, ...time, isDate: false }, floating);
    };
    const wrong = () => new CalendarProblem(line, `wants a rule such as FREQ=WEEKLY;BYDAY=SU, got ${show(line.value)}`);
    let iterator: RuleIterator;
    try {
      const rule = Recur.fromString(line.value);
      if (!rule.freq) throw wrong();
      const until = /(?:^|;)UNTIL=([^;]*)/i.exec(line.value)?.[1];
      if (until !== undefined) rule.until = timeOf(this.#untilOf(calendarTime(line, until), start, line));
      iterator = rule.iterator(timeOf(start.time.localMs));
    } catch (error) {
      throw error instanceof CalendarProblem ? error : wrong();
    }
    const nextOf = boundedNext(iterator, line);
    const months = iterator.rule.parts.BYMONTH as readonly number[] | undefined;
    for (let next = nextOf(); next; next = nextOf()) {
      const { year, month, day, hour, minute, second } = next;
      const localMs = Date.UTC(year, month - 1, day, hour, minute, second);
      if (localMs >= REPEATS_UNTIL_MS) return;
      // Where a month has no such day, the library goes on to the next month: RFC 5545 has no event there.
      if (months === undefined || months.includes(month)) put(localMs, line);
    }
  }

  /** The last local time that a rule may reach. */
  #untilOf(until: CalendarTime, start: CalendarEvent['start'], line: ContentLine): number {
    if (until.isDate) return until.localMs + DAY_MS - 1000;
    if (until.zone === undefined) return until.localMs;
    return this.#zones.of(start.time, start).toLocal(this.#utcOf(until, line));
  }

  #addDates(event: CalendarEvent, line: ContentLine, put: (localMs: number, line: ContentLine) => void): void {
    for (const text of line.value.split(',')) {
      const [from, to] = text.split('/') as [string, string | undefined];
      const time = calendarTime(line, from);
      if (to === undefined) {
        const zone = this.#zones.of(event.start.time, event.start);
        put(time.isDate ? time.localMs : zone.toLocal(this.#utcOf(time, line)), line);
        continue;
      }
      const fromMs = this.#utcOf(time, line);
      const length = /^[+P]/.test(to) ? calendarDuration(line, to) : undefined;
      const toMs =
        length === undefined
          ? this.#utcOf(calendarTime(line, to), line)
          : this.#zones.of(time, line).toUtc(time.localMs + length.localMs) + length.exactMs;
      this.spans.push(fromMs, toMs);
    }
  }

  #exceptions({ except }: CalendarEvent): { readonly instants: Set<number>; readonly days: Set<number> } {
    const instants = new Set<number>();
    const days = new Set<number>();
    for (const line of except) {
      for (const text of line.value.split(',')) {
        const time = calendarTime(line, text);
        if (time.isDate) days.add(dayOf(time.localMs));
        else instants.add(this.#utcOf(time, line));
      }
    }
    return { instants, days };
  }

  #utcOf(time: CalendarTime, line: ContentLine): number {
    return this.#zones.of(time, line).toUtc(time.localMs);
  }
}

type RuleIterator = ReturnType<InstanceType<Ical['Recur']>['iterator']>;

/** The next occurrence, or null. The library looks for one as long as there is none, for ever where none comes. */
function boundedNext(iterator: RuleIterator, line: ContentLine): () => RuleIterator['last'] | null {
  const check = iterator.check_contracting_rules.bind(iterator);
  let tries = 0;
  iterator.check_contracting_rules = () => {
    const isOver = Date.UTC(iterator.last.year, iterator.last.month - 1, iterator.last.day) >= REPEATS_UNTIL_MS;
    if (!isOver && ++tries > MOST_TRIES) {
      throw new CalendarProblem(line, `has no event among ${MOST_TRIES} times in a row: see whether its parts agree`);
    }
    return isOver || check();
  };
  return () => {
    tries = 0;
    return iterator.next();
  };
}

function dayOf(localMs: number): number {
  return Math.floor(localMs / DAY_MS);
}
