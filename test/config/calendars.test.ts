import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { calendarFile } from '../../src/config/calendars/calendarFile.ts';
import { CalendarProblem, contentLines } from '../../src/config/calendars/contentLines.ts';
import { loadIcal } from '../../src/config/calendars/library.ts';
import { occurrences } from '../../src/config/calendars/occurrences.ts';
import { loadSettings } from '../../src/config/load.ts';
import { problemError } from '../../src/config/problems.ts';

const ical = await loadIcal();

const calendar = (...lines: string[]) => ['BEGIN:VCALENDAR', 'VERSION:2.0', ...lines, 'END:VCALENDAR', ''].join('\r\n');
const event = (...lines: string[]) => calendar('BEGIN:VEVENT', 'UID:a', ...lines, 'END:VEVENT');

/** '2026-01-01T00:00 2026-01-01T02:00' of each occurrence. */
function spansOf(text: string): string[] {
  const spans = occurrences(ical, calendarFile(contentLines(text)));
  const shown = (ms: number) => new Date(ms).toISOString().slice(0, 16);
  return Array.from({ length: spans.length / 2 }, (_, i) => `${shown(spans[2 * i]!)} ${shown(spans[2 * i + 1]!)}`);
}

function problemOf(text: string): string {
  try {
    occurrences(ical, calendarFile(contentLines(text)));
  } catch (error) {
    if (error instanceof CalendarProblem) return `${error.line} ${error.property} ${error.message}`;
    throw error;
  }
  return 'none';
}

test('an event lasts until its end, for its duration, or for the day of its date', () => {
  assert.deepEqual(spansOf(event('DTSTART:20260105T220000Z', 'DTEND:20260106T040000Z')), [
    '2026-01-05T22:00 2026-01-06T04:00',
  ]);
  assert.deepEqual(spansOf(event('DTSTART:20260105T220000Z', 'DURATION:P1DT90M')), [
    '2026-01-05T22:00 2026-01-06T23:30',
  ]);
  assert.deepEqual(spansOf(event('DTSTART;VALUE=DATE:20261224')), ['2026-12-24T00:00 2026-12-25T00:00']);
  assert.deepEqual(spansOf(event('DTSTART;VALUE=DATE:20261224', 'DTEND;VALUE=DATE:20261227')), [
    '2026-12-24T00:00 2026-12-27T00:00',
  ]);
});

test('times are of their zone, and those without one of the calendar or of UTC', () => {
  const berlin = ['DTSTART;TZID=Europe/Berlin:20260701T080000', 'DURATION:PT1H'];
  assert.deepEqual(spansOf(event(...berlin)), ['2026-07-01T06:00 2026-07-01T07:00']);
  const floating = ['BEGIN:VEVENT', 'DTSTART:20260701T080000', 'DURATION:PT1H', 'END:VEVENT'];
  assert.deepEqual(spansOf(calendar(...floating)), ['2026-07-01T08:00 2026-07-01T09:00']);
  assert.deepEqual(spansOf(calendar('X-WR-TIMEZONE:America/New_York', ...floating)), [
    '2026-07-01T12:00 2026-07-01T13:00',
  ]);
  const holiday = ['BEGIN:VEVENT', 'DTSTART;VALUE=DATE:20260704', 'END:VEVENT'];
  assert.deepEqual(spansOf(calendar('X-WR-TIMEZONE:America/New_York', ...holiday)), [
    '2026-07-04T04:00 2026-07-05T04:00',
  ]);
});

test('a rule repeats by local time, also where clocks change', () => {
  const nightly = event(
    'DTSTART;TZID=Europe/Berlin:20260327T230000',
    'DTEND;TZID=Europe/Berlin:20260328T030000',
    'RRULE:FREQ=DAILY;COUNT=3',
  );
  // On 29 March clocks go from 02:00 to 03:00, so the second night is an hour shorter.
  assert.deepEqual(spansOf(nightly), [
    '2026-03-27T22:00 2026-03-28T02:00',
    '2026-03-28T22:00 2026-03-29T01:00',
    '2026-03-29T21:00 2026-03-30T01:00',
  ]);
});

test('a local time that is left out counts from before the change, one that comes twice is the first', () => {
  const at = (time: string) => spansOf(event(`DTSTART;TZID=Europe/Berlin:${time}`, 'DURATION:PT10M'))[0];
  assert.equal(at('20260329T023000'), '2026-03-29T01:30 2026-03-29T01:40');
  assert.equal(at('20261025T023000'), '2026-10-25T00:30 2026-10-25T00:40');
});

test('a rule ends by UNTIL in whatever form it has, and what is excepted or added is', () => {
  const rule = (...more: string[]) =>
    spansOf(event('DTSTART;TZID=America/New_York:20260105T200000', 'DURATION:PT1H', ...more)).map((span) =>
      span.slice(0, 10),
    );
  // 20:00 in New York is 01:00 UTC of the next day.
  assert.deepEqual(rule('RRULE:FREQ=DAILY;UNTIL=20260108T010000Z'), ['2026-01-06', '2026-01-07', '2026-01-08']);
  assert.deepEqual(rule('RRULE:FREQ=DAILY;UNTIL=20260107'), ['2026-01-06', '2026-01-07', '2026-01-08']);
  assert.deepEqual(rule('RRULE:FREQ=DAILY;COUNT=4', 'EXDATE;TZID=America/New_York:20260106T200000,20260107T200000'), [
    '2026-01-06',
    '2026-01-09',
  ]);
  assert.deepEqual(rule('RRULE:FREQ=DAILY;COUNT=3', 'EXDATE;VALUE=DATE:20260106'), ['2026-01-06', '2026-01-08']);
  assert.deepEqual(rule('RRULE:FREQ=DAILY;COUNT=1', 'RDATE:20260301T120000Z'), ['2026-01-06', '2026-03-01']);
  assert.deepEqual(rule('RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=2'), ['2026-01-31', '2026-02-28']);
});

test('one occurrence may be moved, and one that is cancelled takes place no more', () => {
  const series = [
    'BEGIN:VEVENT',
    'UID:a',
    'DTSTART:20260105T080000Z',
    'DURATION:PT1H',
    'RRULE:FREQ=WEEKLY;COUNT=3',
    'END:VEVENT',
  ];
  const moved = [
    'BEGIN:VEVENT',
    'UID:a',
    'RECURRENCE-ID:20260112T080000Z',
    'DTSTART:20260113T100000Z',
    'DURATION:PT2H',
    'END:VEVENT',
  ];
  assert.deepEqual(spansOf(calendar(...moved, ...series)), [
    '2026-01-13T10:00 2026-01-13T12:00',
    '2026-01-05T08:00 2026-01-05T09:00',
    '2026-01-19T08:00 2026-01-19T09:00',
  ]);
  const cancelled = moved.map((line) => (line === 'DURATION:PT2H' ? 'STATUS:CANCELLED' : line));
  assert.equal(spansOf(calendar(...series, ...cancelled)).length, 2);
});

test('a zone that the file defines itself is used, folded lines and all', () => {
  const zone = [
    ...['BEGIN:VTIMEZONE', 'TZID:W. Europe Standard Time', 'BEGIN:STANDARD', 'DTSTART:16010101T030000'],
    ...[
      'TZOFFSETFROM:+0200',
      'TZOFFSETTO:+0100',
      'RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;',
      ' BYMONTH=10',
      'END:STANDARD',
    ],
    ...['BEGIN:DAYLIGHT', 'DTSTART:16010101T020000', 'TZOFFSETFROM:+0100', 'TZOFFSETTO:+0200'],
    ...['RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3', 'END:DAYLIGHT', 'END:VTIMEZONE'],
  ];
  const of = (day: string) => [
    ...['BEGIN:VEVENT', `DTSTART;TZID="W. Europe Standard Time":${day}T080000`, 'DURATION:PT1H'],
    ...['SUMMARY:Wartung\\, Halle', ' 3', 'BEGIN:VALARM', 'TRIGGER:-PT15M', 'END:VALARM', 'END:VEVENT'],
  ];
  assert.deepEqual(spansOf(calendar(...zone, ...of('20260701'), ...of('20260105'))), [
    '2026-07-01T06:00 2026-07-01T07:00',
    '2026-01-05T07:00 2026-01-05T08:00',
  ]);
});

test('what repeats for ever ends in 2060', () => {
  const spans = spansOf(event('DTSTART;VALUE=DATE:20251225', 'RRULE:FREQ=YEARLY'));
  assert.equal(spans.length, 35);
  assert.equal(spans.at(-1), '2059-12-25T00:00 2059-12-26T00:00');
});

test('what is wrong is told with its line and property', () => {
  assert.match(problemOf('hello'), /^1 hello is no line of an iCalendar file/);
  assert.match(problemOf('VERSION:2.0\n'), /^1 VERSION is not how an iCalendar file begins/);
  assert.match(problemOf(event('DTSTART:2026-01-05')), /^5 DTSTART wants a date or time such as .* got "2026-01-05"$/);
  assert.match(problemOf(event('DTSTART:20260230')), /^5 DTSTART wants a date or time/);
  assert.match(problemOf(event('SUMMARY:x')), /^3 VEVENT has no DTSTART$/);
  assert.match(problemOf(event('DTSTART:20260105', 'DURATION:2h')), /^6 DURATION wants a duration such as PT2H/);
  assert.match(problemOf(event('DTSTART:20260105', 'DTEND:20260104')), /^6 DTEND is "20260104", before its DTSTART$/);
  assert.match(
    problemOf(event('DTSTART:20260105T000000Z', 'DTEND:20260106')),
    /^6 DTEND .* one is a date, the other a time$/,
  );
  assert.match(
    problemOf(event('DTSTART:20260105', 'RRULE:FREQ=DAYLY')),
    /^6 RRULE wants a rule such as .* got "FREQ=DAYLY"$/,
  );
  assert.match(problemOf(event('DTSTART:20260105', 'RRULE:COUNT=3')), /^6 RRULE wants a rule/);
  assert.match(problemOf(event('DTSTART;TZID=Nowhere:20260105T000000')), /^5 DTSTART is in the time zone Nowhere/);
  assert.match(
    problemOf(event('DTSTART:20200101T000000Z', 'DURATION:PT1M', 'RRULE:FREQ=HOURLY')),
    /^7 RRULE makes more than 100000/,
  );
  assert.match(
    problemOf('BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n'),
    /^3 END ends VCALENDAR, and line 2 began VEVENT$/,
  );
  assert.match(problemOf('BEGIN:VCALENDAR\n'), /^1 BEGIN has no END:VCALENDAR$/);
});

test('no text makes it fail otherwise', () => {
  const part = fc.oneof(
    fc.constantFrom(
      'BEGIN:VEVENT',
      'END:VEVENT',
      'DTSTART:20260105T080000Z',
      'DTEND:20260105',
      'RRULE:FREQ=DAILY;COUNT=2',
    ),
    fc.constantFrom(
      'RDATE:20260101/PT1H',
      'EXDATE:2026',
      'RECURRENCE-ID:20260105',
      ' folded',
      'DURATION:PT5M',
      'BEGIN:VTIMEZONE',
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (lines) => {
      problemOf(calendar(...lines));
    }),
    { numRuns: 400 },
  );
});

async function settingsOf(yaml: string, files: Readonly<Record<string, string>>) {
  const cwd = await mkdtemp(join(tmpdir(), 'anomaly-calendars-'));
  try {
    await writeFile(join(cwd, 'anomaly.yaml'), yaml);
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
    return await loadSettings({
      flags: [],
      extras: [],
      env: { HOME: cwd, XDG_CONFIG_HOME: cwd },
      cwd,
      ignoreProfile: true,
    });
  } finally {
    await rm(cwd, { recursive: true });
  }
}

const YAML = 'source: {topics: [t]}\nscore: {calendars: [work]}\ncalendars: {work: work.ics}\n';

test('calendars are read with the settings; what is wrong names the file and the line', async () => {
  const work = event('DTSTART:20260105T080000Z', 'DURATION:PT1H');
  const settings = await settingsOf(YAML, { 'work.ics': work });
  const { calendars, score } = settings.pipeline();
  assert.deepEqual(score!.calendars, ['work']);
  assert.deepEqual([...calendars!['work']!.spans], [Date.UTC(2026, 0, 5, 8), Date.UTC(2026, 0, 5, 9)]);
  assert.match(calendars!['work']!.sha256, /^[0-9a-f]{64}$/);
  const bad = await settingsOf(YAML, { 'work.ics': event('DTSTART:soon') });
  assert.match(problemError(bad.problems).message, /^work\.ics:5: DTSTART wants a date or time such as/);
  const missing = await settingsOf(YAML, {});
  assert.match(
    problemError(missing.problems).message,
    /^anomaly\.yaml:3: calendars\.work is work\.ics, which cannot be read as there is no such file$/,
  );
});

test('a calendar that nobody has is refused with those there are', async () => {
  const yaml = `${YAML}overrides: [{series: "a*", calendars: [work, play]}]\n`;
  const settings = await settingsOf(yaml, { 'work.ics': event('DTSTART:20260105') });
  assert.throws(() => settings.pipeline(), /overrides\[0\]\.calendars names play, and calendars has work$/);
});

test('a rule whose parts never meet ends, and a month without its day has no event', () => {
  const at = 'DTSTART:20260101T000000Z';
  assert.deepEqual(spansOf(event(at, 'DURATION:PT1H', 'RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31')), []);
  assert.match(problemOf(event(at, 'RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30')), /^6 RRULE has no event among/);
  const leap = spansOf(event(at, 'DURATION:PT1H', 'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29'));
  assert.deepEqual(leap.slice(0, 2), ['2028-02-29T00:00 2028-02-29T01:00', '2032-02-29T00:00 2032-02-29T01:00']);
});
