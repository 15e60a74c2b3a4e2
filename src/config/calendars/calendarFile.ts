import {
  type CalendarDuration,
  type CalendarTime,
  calendarDuration,
  calendarTime,
  DAY_MS,
  show,
} from './calendarTimes.ts';
import { CalendarProblem, type ContentLine } from './contentLines.ts';

/** A VEVENT: its first occurrence, and what repeats it. */
export interface CalendarEvent {
  readonly uid: string;
  readonly start: ContentLine & { readonly time: CalendarTime };
  /** Absent where `end` is given. */
  readonly duration: CalendarDuration;
  /** Where it ends in a zone of its own. */
  readonly end?: CalendarTime;
  readonly rules: readonly ContentLine[];
  readonly dates: readonly ContentLine[];
  readonly except: readonly ContentLine[];
  /** The occurrence of the event of the same UID that it takes the place of. */
  readonly replaces?: ContentLine;
  readonly isCancelled: boolean;
}

export interface CalendarFile {
  readonly events: readonly CalendarEvent[];
  /** By TZID: the lines of its VTIMEZONE. */
  readonly zones: ReadonlyMap<string, readonly ContentLine[]>;
  /** Zone of times that name none: X-WR-TIMEZONE, else UTC. */
  readonly floating: string;
}

interface Component {
  readonly begin: ContentLine;
  readonly lines: ContentLine[];
}

/** Puts the lines of a file together. @throws CalendarProblem */
export function calendarFile(lines: readonly ContentLine[]): CalendarFile {
  const first = lines[0] ?? { line: 1, name: 'BEGIN', value: '' };
  if (first.name !== 'BEGIN' || first.value.toUpperCase() !== 'VCALENDAR') {
    throw new CalendarProblem(first, 'is not how an iCalendar file begins, which is BEGIN:VCALENDAR');
  }
  const open: Component[] = [];
  const events: CalendarEvent[] = [];
  const zones = new Map<string, readonly ContentLine[]>();
  let floating = 'UTC';
  for (const line of lines) {
    const kind = line.value.toUpperCase();
    if (line.name === 'BEGIN') {
      open.push({ begin: line, lines: [line] });
      continue;
    }
    const inner = open.at(-1);
    if (inner === undefined) throw new CalendarProblem(line, 'stands outside of BEGIN:VCALENDAR and END:VCALENDAR');
    inner.lines.push(line);
    if (line.name === 'X-WR-TIMEZONE' && open.length === 1) floating = line.value;
    if (line.name !== 'END') continue;
    if (inner.begin.value.toUpperCase() !== kind) {
      throw new CalendarProblem(line, `ends ${kind}, and line ${inner.begin.line} began ${inner.begin.value}`);
    }
    open.pop();
    const outer = open.at(-1);
    if (kind === 'VEVENT') events.push(eventOf(inner));
    else if (kind === 'VTIMEZONE') zones.set(required(inner, 'TZID').value, inner.lines);
    // STANDARD and DAYLIGHT belong to their zone.
    else if (outer?.begin.value.toUpperCase() === 'VTIMEZONE') outer.lines.push(...inner.lines);
  }
  const unended = open.at(-1);
  if (unended !== undefined) throw new CalendarProblem(unended.begin, `has no END:${unended.begin.value}`);
  return { events, zones, floating };
}

function eventOf(component: Component): CalendarEvent {
  const { lines } = component;
  const all = (name: string) => lines.filter((each) => each.name === name);
  const start = required(component, 'DTSTART');
  const time = calendarTime(start);
  const [excluded] = all('EXRULE');
  if (excluded !== undefined)
    throw new CalendarProblem(excluded, 'is no longer part of iCalendar: EXDATE takes its place');
  const [replaces] = all('RECURRENCE-ID');
  if (replaces?.parameters.has('RANGE') === true) {
    throw new CalendarProblem(
      replaces,
      'may not change all later occurrences by RANGE: end the rule by UNTIL, and begin another event',
    );
  }
  const [uid] = all('UID');
  return {
    uid: uid?.value ?? `line ${start.line}`,
    start: { ...start, time },
    ...spanOf(component, time),
    rules: all('RRULE'),
    dates: all('RDATE'),
    except: all('EXDATE'),
    ...(replaces !== undefined && { replaces }),
    isCancelled: all('STATUS').some(({ value }) => value.toUpperCase() === 'CANCELLED'),
  };
}

/** How long an event lasts: by its end, by a duration, or the whole day of its date. */
function spanOf({ lines }: Component, start: CalendarTime): Pick<CalendarEvent, 'duration' | 'end'> {
  const end = lines.find(({ name }) => name === 'DTEND');
  const duration = lines.find(({ name }) => name === 'DURATION');
  if (end !== undefined && duration !== undefined) {
    throw new CalendarProblem(duration, `stands beside the DTEND of line ${end.line}: an event has one of them`);
  }
  if (duration !== undefined) return { duration: calendarDuration(duration) };
  if (end === undefined) return { duration: { localMs: start.isDate ? DAY_MS : 0, exactMs: 0 } };
  const time = calendarTime(end);
  if (time.isDate !== start.isDate) {
    throw new CalendarProblem(end, `is ${show(end.value)}: of DTSTART and DTEND one is a date, the other a time`);
  }
  const localMs = time.localMs - start.localMs;
  if (time.zone !== start.zone) return { duration: { localMs: 0, exactMs: 0 }, end: time };
  if (localMs < 0) throw new CalendarProblem(end, `is ${show(end.value)}, before its DTSTART`);
  return { duration: { localMs, exactMs: 0 } };
}

function required({ begin, lines }: Component, name: string): ContentLine {
  const found = lines.find((each) => each.name === name);
  if (found === undefined) throw new CalendarProblem({ line: begin.line, name: begin.value }, `has no ${name}`);
  return found;
}
