import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BookRules } from '../../../src/alerts/stage/bookRules.ts';
import type { Evidence } from '../../../src/alerts/stage/evidence.ts';
import { IncidentBook } from '../../../src/alerts/stage/incidentBook.ts';
import { decodeOutbox } from '../../../src/alerts/stage/outbox.ts';
import { Silences } from '../../../src/alerts/stage/silences.ts';
import type { Severity } from '../../../src/observe/notification.ts';
import { alert, DAY, drainInto, follow, HOUR, MINUTE, MONDAY, reborn, rulesOf, WEEK } from './fixtures.ts';

function told(book: IncidentBook) {
  return book.drain().told.map(({ status, series, severity }) => `${status} ${severity} ${series.join('+')}`);
}

test('an alert without a told end opens at once, and is resolved when it was quiet long enough', () => {
  const book = new IncidentBook(rulesOf());
  book.take(alert('a', MONDAY), MONDAY);
  assert.deepEqual(told(book), ['open warning a']);
  book.advance(MONDAY + 10 * MINUTE, MONDAY + 10 * MINUTE);
  assert.deepEqual(told(book), []);
  book.advance(MONDAY + 11 * MINUTE, MONDAY + 11 * MINUTE);
  const [resolved] = book.drain().told;
  assert.equal(resolved?.status, 'resolved');
  assert.equal(resolved?.revision, 2);
  assert.equal(resolved?.endedMs, MONDAY);
  assert.equal(book.openCount, 0);
});

test('an alert whose end is told lasts until then, however quiet it is', () => {
  const book = new IncidentBook(rulesOf());
  book.take(alert('a', MONDAY, { state: 'open' }), MONDAY);
  book.advance(MONDAY + 5 * HOUR, MONDAY + 5 * HOUR);
  assert.deepEqual(told(book), ['open warning a']);
  book.take(alert('a', MONDAY + 6 * HOUR, { state: 'resolved', score: 0.1 }), MONDAY + 6 * HOUR);
  book.advance(MONDAY + 6 * HOUR, MONDAY + 6 * HOUR);
  const [resolved] = book.drain().told;
  assert.equal(resolved?.endedMs, MONDAY + 6 * HOUR);
  assert.equal(resolved?.score, 3, 'the end has no part in the height');
});

test('a rule that does not repeat itself for hours is not over sooner, where it tells no end', () => {
  const refractoryMs = (rule: string) => (rule.startsWith('flat') ? HOUR : 0);
  const book = new IncidentBook(rulesOf({ refractoryMs }));
  book.take(alert('a', MONDAY, { rule: 'flat@value' }), MONDAY);
  book.advance(MONDAY + HOUR, MONDAY);
  assert.deepEqual(told(book), ['open warning a']);
  book.advance(MONDAY + HOUR + 1, MONDAY);
  assert.deepEqual(told(book), ['resolved warning a']);
});

test('series within group_within of the first mover share an incident, and a chain does not go on', () => {
  const book = new IncidentBook(rulesOf());
  book.take(alert('a', MONDAY, { state: 'open' }), MONDAY);
  book.take(alert('b', MONDAY + 6 * MINUTE, { state: 'open' }), MONDAY);
  book.take(alert('c', MONDAY + 12 * MINUTE, { state: 'open' }), MONDAY);
  assert.deepEqual(told(book), ['open warning a', 'open warning c']);
  assert.equal(book.counts.grouped, 1);
  book.advance(MONDAY + 13 * MINUTE, MONDAY);
  assert.deepEqual(told(book), ['update warning a+b'], 'more series are told after update_every');
});

test('who moved first does not depend on who is read first', () => {
  const evidence = [0, 3, 5, 9].map((minute) => alert(`s${minute}`, MONDAY + minute * MINUTE, { state: 'open' }));
  fc.assert(
    fc.property(fc.shuffledSubarray(evidence, { minLength: 4 }), (order) => {
      const book = new IncidentBook(rulesOf());
      for (const each of order) book.take(each, MONDAY);
      const incidents = [...book.incidents()];
      assert.equal(incidents.length, 1);
      assert.deepEqual(book.describe(incidents[0]!).series, ['s0', 's3', 's5', 's9']);
    }),
  );
});

test('groups by the text before a sign', () => {
  const book = new IncidentBook(rulesOf({ groupBy: '/' }));
  for (const series of ['p1/pressure', 'p1/flow', 'p2/flow']) book.take(alert(series, MONDAY), MONDAY);
  assert.equal(book.openCount, 2);
});

test('a higher severity is told at once, and an incident tells no more than a few times', () => {
  const book = new IncidentBook(rulesOf());
  for (let minute = 0; minute < 300; minute++) {
    const series = `s${minute % 100}`;
    book.take(alert(series, MONDAY + minute * MINUTE, { state: 'open', score: 2.6 + minute / 10 }), MONDAY);
  }
  const first = [...book.incidents()][0]!;
  assert.ok(first.revision <= 7, `told ${first.revision} times`);
  assert.ok(
    told(book).some((line) => line.startsWith('update critical')),
    'the rise was told',
  );
});

test('old evidence is kept and never told, its end neither', () => {
  const book = new IncidentBook(rulesOf());
  book.take(alert('a', MONDAY), MONDAY + 16 * MINUTE);
  book.advance(MONDAY + HOUR, MONDAY + HOUR);
  assert.deepEqual(told(book), []);
  assert.equal(book.counts.too_old, 1);
  assert.equal([...book.incidents()][0]?.outcome, 'too_old');
});

test('what lasts is told when event time is here again, though what began it is too old', () => {
  const records = new Map<string, Uint8Array>();
  const first = new IncidentBook(rulesOf());
  for (const series of ['lasts', 'ended', 'tells none']) {
    first.take(alert(series, MONDAY, { state: series === 'tells none' ? null : 'open' }), MONDAY + 40 * MINUTE);
  }
  assert.deepEqual(drainInto(records, first), [], 'too old by now');
  const book = reborn(records, rulesOf());
  book.take(alert('ended', MONDAY + 2 * MINUTE, { state: 'resolved', score: 0.1 }), MONDAY + 41 * MINUTE);
  book.advance(MONDAY + 20 * MINUTE, MONDAY + 42 * MINUTE);
  assert.deepEqual(told(book), [], 'it lasted 22 minutes ago');
  book.advance(MONDAY + 43 * MINUTE, MONDAY + 44 * MINUTE);
  const [open, ...more] = book.drain().told;
  assert.deepEqual([open?.status, open?.isLasting, more.length], ['open', true, 0]);
  assert.match(open!.series.join(), /lasts/);
  book.take(alert('lasts', MONDAY + 50 * MINUTE, { state: 'resolved', score: 0.1 }), MONDAY + 51 * MINUTE);
  book.advance(MONDAY + 51 * MINUTE, MONDAY + 52 * MINUTE);
  const [over] = book.drain().told;
  assert.deepEqual([over?.status, over?.isLasting], ['resolved', undefined]);
});

test('what ends before min_duration is held, what lasts is told when it has', () => {
  const book = new IncidentBook(rulesOf({ minDurationMs: 5 * MINUTE }));
  book.take(alert('short', MONDAY, { state: 'open' }), MONDAY);
  book.take(alert('short', MONDAY + 4 * MINUTE, { state: 'resolved' }), MONDAY);
  book.take(alert('long', MONDAY, { state: 'open' }), MONDAY);
  book.take(alert('spike', MONDAY), MONDAY);
  book.advance(MONDAY + 4 * MINUTE, MONDAY);
  assert.deepEqual(told(book), []);
  book.advance(MONDAY + 5 * MINUTE, MONDAY);
  assert.deepEqual(told(book), ['open warning long']);
  book.advance(MONDAY + HOUR, MONDAY);
  assert.deepEqual(told(book), []);
  assert.equal(book.counts.held_short, 3);
});

test('min_duration holds no rule that could not show that it lasts', () => {
  const refractoryMs = (rule: string) => (rule.startsWith('flat') ? HOUR : 0);
  const book = new IncidentBook(rulesOf({ refractoryMs, minDurationMs: 5 * MINUTE }));
  book.take(alert('a', MONDAY, { rule: 'flat@value' }), MONDAY);
  assert.deepEqual(told(book), ['open warning a']);
});

test('a peak of this hour in three of four weeks is held, and told where it is higher, longer or of another hour', () => {
  const later = (changes: Partial<Evidence>, atMs = MONDAY + 3 * WEEK + 9 * HOUR) => {
    const book = new IncidentBook(rulesOf());
    for (let week = 0; week < 3; week++) {
      const startMs = MONDAY + week * WEEK + 9 * HOUR;
      book.take(alert('a', startMs, { state: 'open' }), startMs);
      book.take(alert('a', startMs + HOUR, { state: 'resolved' }), startMs + HOUR);
      book.advance(startMs + 2 * HOUR, startMs);
    }
    book.drain();
    book.take(alert('a', atMs, { state: 'open', ...changes }), atMs);
    return { book, atMs };
  };
  const { book, atMs } = later({});
  assert.deepEqual(told(book), []);
  assert.equal(book.counts.held_seasonal, 1);
  book.advance(atMs + 119 * MINUTE, atMs);
  assert.deepEqual(told(book), []);
  book.advance(atMs + 2 * HOUR, atMs);
  assert.deepEqual(told(book), ['open warning a'], 'it lasts an hour longer than before');
  assert.deepEqual(told(later({ score: 3.4 }).book), ['open warning a'], 'higher');
  assert.deepEqual(told(later({ value: 10 }).book), ['open warning a'], 'on the other side');
  assert.deepEqual(told(later({}, atMs + DAY).book), ['open warning a'], 'on another day');
  assert.deepEqual(told(later({ series: 'b' }).book), ['open warning b'], 'of another series');
});

test('a peak of every day is held from the seventh on; one that lasted for days is no peak of every day', () => {
  const book = new IncidentBook(rulesOf());
  const heldOn: number[] = [];
  for (let day = 0; day < 10; day++) {
    const startMs = MONDAY + day * DAY;
    book.take(alert('a', startMs), startMs);
    book.advance(startMs + HOUR, startMs);
    if (book.drain().told.length === 0) heldOn.push(day);
  }
  assert.deepEqual(heldOn, [6, 7, 8, 9]);
  const long = new IncidentBook(rulesOf());
  for (let day = 0; day < 10; day++) long.take(alert('a', MONDAY + day * DAY, { state: 'open' }), MONDAY + day * DAY);
  long.take(alert('a', MONDAY + 10 * DAY, { state: 'resolved' }), MONDAY + 10 * DAY);
  long.advance(MONDAY + 10 * DAY + HOUR, MONDAY);
  long.drain();
  long.take(alert('a', MONDAY + 11 * DAY), MONDAY + 11 * DAY);
  assert.deepEqual(told(long), ['open warning a']);
});

test('a review delivers what was held and teaches the gate; the same order again changes nothing', () => {
  const book = new IncidentBook(rulesOf());
  const at = (week: number) => MONDAY + week * WEEK;
  for (let week = 0; week < 4; week++) {
    book.take(alert('a', at(week)), at(week));
    if (week === 3) break;
    book.advance(at(week) + HOUR, at(week));
  }
  book.drain();
  const held = [...book.incidents()].at(-1)!;
  assert.equal(held.outcome, 'held_seasonal');
  const order = { incident: held.id, verb: 'deliver', by: 'ada@plant', atMs: at(3) + 1 } as const;
  assert.ok(book.review(order, at(3)), 'it is known');
  assert.deepEqual(told(book), ['open warning a']);
  assert.ok(book.review(order, at(3)), 'it is known still');
  assert.deepEqual(told(book), []);
  book.advance(at(4) - HOUR, at(4));
  book.drain();
  book.take(alert('a', at(4)), at(4));
  assert.deepEqual(told(book), ['open warning a'], 'told from now on');
  const open = [...book.incidents()].at(-1)!;
  assert.ok(book.review({ incident: open.id, verb: 'hold', by: 'ada@plant', atMs: at(4) + 1 }, at(4)), 'known');
  const records = new Map<string, Uint8Array>();
  assert.deepEqual(
    drainInto(records, book).map(({ status }) => status),
    ['resolved'],
    'taken back',
  );
  const record = decodeOutbox(open.id, records.get(open.id)!);
  assert.ok(record?.type === 'incident', 'it is on the outbox');
  assert.equal(record.notification.status, 'resolved', 'what a new owner offers is that it was taken back');
  book.advance(at(5) - HOUR, at(5));
  book.drain();
  book.take(alert('a', at(5)), at(5));
  assert.deepEqual(told(book), [], 'held from now on');
  assert.equal(book.review({ ...order, incident: 'none' }, at(5)), false);
});

test('a silence holds what it matches, and what still lasts at its end is told then', () => {
  const silences = new Silences();
  const book = new IncidentBook(rulesOf({ silences, groupWithinMs: 0 }));
  silences.set({
    ...{ id: 'x', startsMs: MONDAY, endsMs: MONDAY + HOUR, by: 'ada@plant', comment: 'bearings' },
    matchers: [{ name: 'series', value: 'pump-.*', isRegex: true, isEqual: true }],
  });
  book.take(alert('pump-7', MONDAY, { state: 'open' }), MONDAY);
  book.take(alert('pump-8', MONDAY, { state: 'open' }), MONDAY);
  book.take(alert('fan', MONDAY, { state: 'open' }), MONDAY);
  assert.equal(book.counts.silenced, 2);
  book.take(alert('pump-8', MONDAY + 30 * MINUTE, { state: 'resolved' }), MONDAY);
  book.drain();
  book.advance(MONDAY + HOUR, MONDAY + HOUR);
  const after = book.drain().told;
  assert.deepEqual(
    after.filter(({ status }) => status !== 'resolved').map(({ status, series }) => `${status} ${series.join('+')}`),
    ['update fan+pump-7'],
  );
});

test('what became more severe in a silence is told when that ends', () => {
  const silences = new Silences();
  const book = new IncidentBook(rulesOf({ silences }));
  book.take(alert('a', MONDAY, { state: 'open' }), MONDAY);
  assert.deepEqual(told(book), ['open warning a']);
  const [startsMs, endsMs] = [MONDAY + MINUTE, MONDAY + HOUR];
  silences.set({
    ...{ id: 's', matchers: [{ name: 'series', value: 'a', isRegex: false, isEqual: true }], startsMs, endsMs },
    ...{ by: 'ada@plant', comment: '' },
  });
  book.advance(MONDAY + 5 * MINUTE, MONDAY + 5 * MINUTE);
  book.take(alert('a', MONDAY + 6 * MINUTE, { state: 'open', score: 9 }), MONDAY + 6 * MINUTE);
  book.advance(endsMs - 1, endsMs - 1);
  assert.deepEqual(told(book), []);
  book.advance(endsMs, endsMs);
  assert.deepEqual(told(book), ['update critical a']);
});

test('a silence that is removed lets go of what it held', () => {
  const silences = new Silences();
  const book = new IncidentBook(rulesOf({ silences }));
  silences.set({ id: 'x', startsMs: MONDAY, endsMs: MONDAY + HOUR, by: '', comment: '', matchers: [] });
  book.take(alert('a', MONDAY, { state: 'open' }), MONDAY);
  assert.deepEqual(told(book), []);
  silences.remove('x');
  book.reconsider(MONDAY + MINUTE);
  assert.deepEqual(told(book), ['open warning a']);
});

test('maintenance holds for its span, and teaches the gate nothing', () => {
  const maintenanceSpans = [new Float64Array([MONDAY, MONDAY + HOUR])];
  const book = new IncidentBook(rulesOf({ maintenance: ['repairs'], maintenanceSpans }));
  book.take(alert('a', MONDAY), MONDAY);
  book.take(alert('b', MONDAY, { state: 'open' }), MONDAY);
  assert.equal(book.counts.maintenance, 2);
  book.advance(MONDAY + HOUR, MONDAY + HOUR);
  assert.deepEqual(told(book), ['open warning b']);
});

test('a breach that becomes worse is an update, with the newest text and the command that shows more', () => {
  const book = new IncidentBook(rulesOf({ kind: 'breach', groupWithinMs: 0 }));
  const breach = (severity: Severity, text: string): Partial<Evidence> => {
    return {
      ...{ rule: 'breach@member', score: null, threshold: null, state: 'open' },
      severity,
      text,
      reasons: [`why ${text}`],
    };
  };
  book.take(alert('m1', MONDAY, breach('error', 'member m1 is failed')), MONDAY);
  book.take(alert('m1', MONDAY + MINUTE, breach('critical', 'member m1 is failed, too')), MONDAY + MINUTE);
  book.take(alert('m1', MONDAY + 2 * MINUTE, breach('error', 'member m1 is failed yet')), MONDAY + 2 * MINUTE);
  const { told } = book.drain();
  assert.deepEqual(
    told.map(({ status, severity, summary }) => [status, severity, summary]),
    [
      ['open', 'error', 'member m1 is failed'],
      ['update', 'critical', 'member m1 is failed, too'],
    ],
  );
  assert.deepEqual(told[1]!.reasons, ['why member m1 is failed, too']);
  assert.equal(told[0]!.look, 'anomaly control status pump-room');
});

test('silence is told as time, and what stays or moves as a deed', () => {
  const said = (rule: string, value: number, expected: number | null, part: string) => {
    const book = new IncidentBook(rulesOf());
    const upper = expected === null ? null : 10 * expected;
    book.take(alert('boiler-1', MONDAY, { rule, value, expected, lower: null, upper, parts: [[part, 3]] }), MONDAY);
    const { summary, reasons } = book.drain().told[0]!;
    return [summary, reasons[0]];
  };
  assert.deepEqual(said('missing@value', 69_000, 1000, 'silence'), [
    'boiler-1 has sent nothing for 69 s (usually every 1 s)',
    'boiler-1 has sent nothing for 69 s (usually every 1 s); 10 s are told by missing@value',
  ]);
  const [late] = said('missing@value', 180_000, 60_000, 'late');
  assert.equal(late, 'boiler-1 has sent a value only every 3 min (usually every 60 s)');
  assert.equal(said('flat@temp', 12.3, null, 'run')[0], 'boiler-1 has stayed at temp 12.3');
  assert.equal(said('drift@temp', 14, 12, 'up')[0], 'boiler-1 has drifted in temp: 14 now, where 12 is usual');
  assert.equal(said('kpi@temp', 14, 12, 'diff')[0], 'boiler-1: kpi@temp 14, expected 12');
});

test('a reason that holds a series back names it, beside a head that is told', () => {
  const rules = rulesOf();
  rules.silences.set({
    ...{ id: 's1', matchers: [{ name: 'series', value: 'pump-1', isEqual: true, isRegex: false }] },
    ...{ startsMs: 0, endsMs: MONDAY + DAY, by: 'root@vm', comment: 'valve replaced' },
  });
  const book = new IncidentBook(rules);
  book.take(alert('pump-2', MONDAY), MONDAY);
  book.take(alert('pump-1', MONDAY), MONDAY);
  book.take(alert('pump-3', MONDAY), MONDAY);
  book.advance(MONDAY + HOUR, MONDAY + HOUR);
  const { series, reasons } = book.drain().told.at(-1)!;
  assert.deepEqual(series, ['pump-2', 'pump-3']);
  assert.ok(reasons.includes('pump-1 silenced: silence s1 by root@vm: valve replaced'), reasons.join('; '));
});

test('what opens again and again is one incident until it is calm', () => {
  const book = new IncidentBook(rulesOf({ groupWithinMs: 0 }));
  const opened: number[] = [];
  for (let times = 0; times < 10; times++) {
    const startMs = MONDAY + times * 10 * MINUTE;
    book.take(alert('a', startMs, { state: 'open' }), startMs);
    book.take(alert('a', startMs + MINUTE, { state: 'resolved' }), startMs);
    book.advance(startMs + 2 * MINUTE, startMs);
    if (book.drain().told.some(({ status }) => status === 'open')) opened.push(times);
  }
  assert.deepEqual(opened, [0, 1, 2, 3, 4]);
  assert.equal(book.counts.flapping, 5);
  book.advance(MONDAY + 91 * MINUTE + HOUR, MONDAY);
  assert.deepEqual(told(book), ['resolved warning a']);
});

test('what user traffic says moves the severity, once, and stands in the reasons', () => {
  const kpi = () => ({ kpi: 'checkout', correlation: 0.9, step: 1, reason: 'moves', againMs: null }) as const;
  const book = new IncidentBook(rulesOf({ kpi }));
  book.take(alert('a', MONDAY), MONDAY);
  const [open] = book.drain().told;
  assert.equal(open?.severity, 'error');
  assert.ok(open?.reasons.includes('moves'), open?.reasons.join('; '));
});

/** What happens to a book, in the order in which it happens. */
type Step = { readonly take: Evidence } | { readonly advance: number };

const STEPS = fc
  .array(
    fc.record({
      series: fc.constantFrom('a', 'b', 'c/1', 'c 2'),
      afterMs: fc.constantFrom(0, MINUTE, 7 * MINUTE, 11 * MINUTE, HOUR, 23 * HOUR, WEEK - HOUR),
      state: fc.constantFrom('open', 'resolved', null),
      score: fc.constantFrom(2.6, 3, 4.5, 9),
      tick: fc.boolean(),
    }),
    { maxLength: 60 },
  )
  .map((drawn) => {
    let timeMs = MONDAY;
    return drawn.map(({ series, afterMs, state, score, tick }): Step => {
      timeMs += afterMs;
      return tick ? { advance: timeMs } : { take: alert(series, timeMs, { state, score }) };
    });
  });

function run(steps: readonly Step[], rules: BookRules, restartAt: ReadonlySet<number>) {
  const records = new Map<string, Uint8Array>();
  let book = new IncidentBook(rules);
  const all: unknown[] = [];
  for (const [i, step] of steps.entries()) {
    if ('take' in step) follow(book, step.take, rules);
    else book.advance(step.advance, step.advance);
    all.push(...drainInto(records, book));
    if (restartAt.has(i)) book = reborn(records, rules);
  }
  return { all, counts: book.counts, records: [...records.keys()].sort() };
}

test('a restart at any point changes no notification, no id and no outcome', () => {
  const maintenanceSpans = [new Float64Array([MONDAY + 2 * HOUR, MONDAY + 3 * HOUR])];
  const flapping = { count: 2, withinMs: HOUR };
  for (const minDurationMs of [0, MINUTE]) {
    const rules = rulesOf({ maintenance: ['m'], maintenanceSpans, minDurationMs, flapping });
    fc.assert(
      fc.property(STEPS, fc.array(fc.nat(60)), (steps, restarts) => {
        const undisturbed = run(steps, rules, new Set());
        assert.deepEqual(run(steps, rules, new Set(restarts)), undisturbed);
        assert.deepEqual(run(steps, rules, new Set(steps.keys())), undisturbed);
      }),
      { numRuns: 150 },
    );
  }
});

test('event time that came without an alert is known after a restart: more series are told as soon as without one', () => {
  const toldBy = (restarts: boolean) => {
    const records = new Map<string, Uint8Array>();
    const book = new IncidentBook(rulesOf());
    book.take(alert('a', MONDAY, { state: 'open' }), MONDAY);
    drainInto(records, book);
    book.advance(MONDAY + 7 * MINUTE, MONDAY);
    drainInto(records, book);
    const next = restarts ? reborn(records, rulesOf()) : book;
    next.take(alert('b', MONDAY + 7 * MINUTE, { state: 'open' }), MONDAY);
    return told(next);
  };
  assert.deepEqual(toldBy(true), ['update warning a+b']);
  assert.deepEqual(toldBy(false), toldBy(true));
});

test('what becomes due together is told in the order in which it began, also after a restart', () => {
  const rules = rulesOf({ minDurationMs: MINUTE, groupWithinMs: 0 });
  const records = new Map<string, Uint8Array>();
  const book = new IncidentBook(rules);
  for (const [i, series] of ['a', 'b'].entries()) book.take(alert(series, MONDAY + i, { state: 'open' }), MONDAY);
  drainInto(records, book);
  // Its record is the newest.
  book.take(alert('a', MONDAY + 2, { state: 'open' }), MONDAY);
  drainInto(records, book);
  const next = reborn(records, rules);
  next.advance(MONDAY + HOUR, MONDAY);
  assert.deepEqual(told(next), ['open warning a', 'open warning b']);
});

test('the same input gives the same notifications, revisions rise by one, and nothing follows the end', () => {
  fc.assert(
    fc.property(STEPS, (steps) => {
      const { all } = run(steps, rulesOf(), new Set());
      assert.deepEqual(run(steps, rulesOf(), new Set()).all, all);
      const byId = new Map<string, { revision: number; status: string }>();
      for (const { id, revision, status } of all as { id: string; revision: number; status: string }[]) {
        const before = byId.get(id);
        assert.equal(revision, (before?.revision ?? 0) + 1);
        assert.equal(status === 'open', before === undefined, 'the first is open, and only it');
        assert.notEqual(before?.status, 'resolved');
        byId.set(id, { revision, status });
      }
    }),
  );
});

test('memory is bounded: incidents that ended are forgotten, records go with them', () => {
  const records = new Map<string, Uint8Array>();
  const rules = rulesOf({ groupWithinMs: 0, seasonal: false });
  const book = new IncidentBook(rules);
  for (let i = 0; i < 3000; i++) {
    follow(book, alert(`s${i % 50}`, MONDAY + i * HOUR), rules);
    drainInto(records, book);
  }
  const incidents = [...records.keys()].filter((key) => !key.startsWith('~'));
  assert.ok(incidents.length <= 510, `${incidents.length} incidents are kept`);
  assert.equal([...book.incidents()].length, incidents.length);
});

test('what is told by the same call is not forgotten, however many ended before it', () => {
  const rules = rulesOf({ groupWithinMs: 0, seasonal: false, maxAgeMs: Infinity });
  const book = new IncidentBook(rules);
  for (let i = 0; i < 600; i++) follow(book, alert('s', MONDAY + i * HOUR), rules);
  const { told, records } = book.drain();
  const ids = new Set(told.map(({ id }) => id));
  assert.equal(ids.size, 600);
  assert.equal(records.filter(({ key, value }) => ids.has(key) && value !== null).length, 600);
  assert.equal(book.drain().records.filter(({ key, value }) => ids.has(key) && value === null).length, 99);
});

test('where nothing is due any more an alert costs no look at every open incident', () => {
  let looks = 0;
  const rules = {
    ...rulesOf({ groupBy: '/', groupWithinMs: 0 }),
    get resolveAfterMs() {
      looks++;
      return 10 * MINUTE;
    },
  };
  const book = new IncidentBook(rules);
  for (const minute of [0, 9.5]) {
    for (let i = 0; i < 100; i++) follow(book, alert(`g${i}/a`, MONDAY + minute * MINUTE), rules);
  }
  assert.equal(book.openCount, 100);
  looks = 0;
  // The clock was written less than a minute ago, and what was due by now has alerted again.
  for (let i = 0; i < 200; i++) follow(book, alert('g0/a', MONDAY + 10 * MINUTE + 10 + i), rules);
  assert.ok(looks < 2000, `${looks} looks at 100 incidents for 200 alerts`);
});

test('a flood of series is one incident of bounded size', () => {
  const records = new Map<string, Uint8Array>();
  const book = new IncidentBook(rulesOf());
  for (let i = 0; i < 5000; i++) book.take(alert(`series-${i}`, MONDAY + i, { state: 'open' }), MONDAY);
  drainInto(records, book);
  assert.equal(book.openCount, 1);
  const [[, value]] = [...records].filter(([key]) => !key.startsWith('~')) as [[string, Uint8Array]];
  assert.ok(value.length < 500_000, `${value.length} bytes`);
});
