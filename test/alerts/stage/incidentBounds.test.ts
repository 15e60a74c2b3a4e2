import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BookBounds } from '../../../src/alerts/stage/bookBounds.ts';
import type { Evidence } from '../../../src/alerts/stage/evidence.ts';
import { type Incident, isLasting } from '../../../src/alerts/stage/incident.ts';
import { IncidentBook } from '../../../src/alerts/stage/incidentBook.ts';
import { decodeOutbox } from '../../../src/alerts/stage/outbox.ts';
import type { RestSeries } from '../../../src/alerts/stage/restStore.ts';
import { Silences } from '../../../src/alerts/stage/silences.ts';
import type { Notification } from '../../../src/observe/notification.ts';
import { alert, DAY, drainInto, follow, HOUR, MINUTE, MONDAY, reborn, rulesOf, WEEK } from './fixtures.ts';

/** Small, so that a short stream goes beyond each of them. */
const BOUNDS: BookBounds = { members: 4, kept: 2, open: 3, closed: 500, rest: 1000 };

/** Alerts and ends of a few series by two rules, in the order of their time. */
const STREAM = fc
  .array(
    fc.record({
      series: fc.integer({ min: 0, max: 30 }),
      rule: fc.constantFrom('kpi@value', 'mad-z@value'),
      afterMs: fc.integer({ min: 0, max: 20_000 }),
      state: fc.constantFrom('open', 'open', 'resolved', null),
      score: fc.integer({ min: 26, max: 99 }),
    }),
    { minLength: 5, maxLength: 80 },
  )
  .map((drawn) => {
    let timeMs = MONDAY;
    return drawn.map(({ series, rule, afterMs, state, score }) => {
      timeMs += afterMs;
      return alert(`g${series % 9}/s${series}`, timeMs, { rule, state, score: score / 10, id: `${rule}/${timeMs}` });
    });
  });

interface Played {
  readonly told: readonly Notification[];
  readonly last: ReadonlyMap<string, Notification>;
  readonly book: IncidentBook;
  readonly mostOpen: number;
}

/** Takes all of it, restarted after those steps; `check` looks at the book after each. */
function play(
  stream: readonly Evidence[],
  changes: Parameters<typeof rulesOf>[0],
  restarts: ReadonlySet<number>,
  check: (book: IncidentBook, i: number) => void = () => {},
): Played {
  const rules = rulesOf(changes);
  const records = new Map<string, Uint8Array>();
  const told: Notification[] = [];
  let book = new IncidentBook(rules, BOUNDS);
  let mostOpen = 0;
  for (const [i, evidence] of stream.entries()) {
    follow(book, evidence, rules);
    told.push(...drainInto(records, book));
    if (restarts.has(i)) book = reborn(records, rules, BOUNDS);
    mostOpen = Math.max(mostOpen, book.openCount);
    check(book, i);
  }
  const endMs = stream.at(-1)!.startMs;
  for (const laterMs of [6 * MINUTE, HOUR, 30 * HOUR]) {
    book.advance(endMs + laterMs, endMs + laterMs);
    told.push(...drainInto(records, book));
  }
  const names = [...records.keys()].filter((key) => key.startsWith('~rest/'));
  assert.deepEqual([book.openCount, book.restCount, names], [0, 0, []], 'nothing is left of what is over');
  return { told, last: new Map(told.map((each) => [each.id, each])), book, mostOpen };
}

/** The alerts of a stream, without the ends. */
const alertsOf = (stream: readonly Evidence[]) => stream.filter(({ state }) => state !== 'resolved');

test('one incident counts every series once, knows the worst, and lasts for as long as any of them, also after restarts', () => {
  fc.assert(
    fc.property(STREAM, fc.array(fc.nat(80)), (stream, restarts) => {
      fc.pre(alertsOf(stream).length > 0);
      const lasting = new Set<string>();
      const check = (book: IncidentBook, i: number) => {
        const { state, rule, series } = stream[i]!;
        if (state === 'open') lasting.add(`${rule} ${series}`);
        else if (state === 'resolved') lasting.delete(`${rule} ${series}`);
        const open = [...book.incidents()].filter(({ status }) => status === 'open');
        if (lasting.size > 0) assert.equal(open.length, 1, 'it is open');
        for (const { members } of open) assert.ok(members.length <= BOUNDS.members, `${members.length} members`);
      };
      const { last, told } = play(stream, { groupWithinMs: DAY, updateEveryMs: 0 }, new Set(restarts), check);
      assert.equal(last.size, 1);
      const [notification] = last.values();
      const alerts = alertsOf(stream);
      assert.equal(notification!.seriesCount, new Set(alerts.map(({ series }) => series)).size);
      assert.equal(notification!.score, Math.max(...alerts.map(({ score }) => score!)));
      // Of those that began at the same time the first by name.
      const first = alerts.filter(({ startMs }) => startMs === alerts[0]!.startMs).map(({ series }) => series);
      assert.equal(notification!.series[0], first.sort()[0]);
      assert.deepEqual(play(stream, { groupWithinMs: DAY, updateEveryMs: 0 }, new Set()).told, told);
    }),
    { numRuns: 200 },
  );
});

test('however many incidents open, the bound holds, and every series is counted in one that was told', () => {
  let overflows = 0;
  fc.assert(
    fc.property(STREAM, fc.array(fc.nat(80)), (stream, restarts) => {
      const { last, told, mostOpen } = play(stream, { groupBy: '/', groupWithinMs: MINUTE }, new Set(restarts));
      assert.ok(mostOpen <= BOUNDS.open + 1, `${mostOpen} open`);
      const counted = [...last.values()].reduce((sum, { seriesCount }) => sum + seriesCount, 0);
      const series = new Set(alertsOf(stream).map((each) => each.series));
      assert.ok(counted >= series.size, `${counted} of ${series.size}`);
      for (const id of last.keys()) {
        const steps = told.filter((each) => each.id === id).map(({ status }) => status);
        assert.deepEqual([steps[0], steps.at(-1)], ['open', 'resolved']);
      }
      if (told.some(({ summary }) => summary.startsWith('more open incidents than'))) overflows++;
    }),
    { numRuns: 200 },
  );
  assert.ok(overflows > 20, `${overflows} streams went beyond the bound`);
});

test('what opens beyond the bound is one incident of its own, which is told at once and says how many', () => {
  const book = new IncidentBook(rulesOf({ groupBy: '/', groupWithinMs: 0 }), BOUNDS);
  for (let i = 0; i < 3; i++) book.take(alert(`g${i}/a`, MONDAY + i, { state: 'open' }), MONDAY);
  book.drain();
  for (let i = 3; i < 10; i++) book.take(alert(`g${i}/a`, MONDAY + i, { state: 'open' }), MONDAY);
  book.advance(MONDAY + 6 * MINUTE, MONDAY + 6 * MINUTE);
  const [open, update, ...more] = book.drain().told;
  assert.deepEqual(more, []);
  assert.deepEqual([open!.status, open!.series], ['open', ['g3/a']]);
  assert.deepEqual([update!.status, update!.seriesCount, update!.id], ['update', 7, open!.id]);
  assert.match(update!.summary, /^more open incidents than are told one by one: g3\/a and 6 more series/);
  assert.ok(
    update!.reasons.includes('the worst are known one by one, 3 more series are counted'),
    update!.reasons.join('; '),
  );
  // One ends, so there is place for one.
  book.take(alert('g0/a', MONDAY + 7 * MINUTE, { state: 'resolved' }), MONDAY);
  book.advance(MONDAY + 8 * MINUTE, MONDAY);
  book.drain();
  book.take(alert('g11/a', MONDAY + 9 * MINUTE, { state: 'open' }), MONDAY + 9 * MINUTE);
  assert.deepEqual(book.drain().told[0]!.summary, 'g11/a: kpi@value 90, expected 50');
});

test('the real bounds: 512 more are told as such, and a worse one that comes last is known', () => {
  const book = new IncidentBook(rulesOf());
  for (let i = 0; i < 513; i++) book.take(alert(`s${i}`, MONDAY + i, { state: 'open' }), MONDAY);
  book.take(alert('worst', MONDAY + 513, { state: 'open', score: 40 }), MONDAY);
  const told = book.drain().told.at(-1)!;
  assert.match(told.summary, /^s0 and 513 more series/);
  assert.ok(told.reasons.includes('highest was worst with 40 of kpi@value'), told.reasons.join('; '));
  assert.equal([...book.incidents()][0]!.members.length, 300);
});

test('what is held takes no place from what is told, and a rest of held ones is told only where it outlasts its hold', () => {
  const silences = new Silences();
  silences.set({
    ...{ id: 'x', startsMs: MONDAY, endsMs: MONDAY + HOUR, by: 'ada@plant', comment: '' },
    matchers: [{ name: 'series', value: 'pump-.*', isRegex: true, isEqual: true }],
  });
  const book = new IncidentBook(rulesOf({ silences }), BOUNDS);
  for (let i = 0; i < 9; i++) book.take(alert(`pump-${i}`, MONDAY + i, { state: 'open', score: 9 }), MONDAY);
  assert.deepEqual(book.drain().told, []);
  book.take(alert('fan', MONDAY + 20, { state: 'open' }), MONDAY);
  const [open] = book.drain().told;
  assert.deepEqual([open!.series, open!.seriesCount, open!.severity], [['fan'], 1, 'warning']);
  for (let i = 0; i < 2; i++) book.take(alert(`pump-${i}`, MONDAY + MINUTE, { state: 'resolved' }), MONDAY);
  book.advance(MONDAY + HOUR, MONDAY + HOUR);
  const after = book.drain().told.at(-1)!;
  assert.deepEqual([after.status, after.seriesCount], ['update', 8]);
});

test('so many at once are told before min_duration is over', () => {
  const book = new IncidentBook(rulesOf({ minDurationMs: HOUR }), BOUNDS);
  for (let i = 0; i < 4; i++) book.take(alert(`s${i}`, MONDAY + i, { state: 'open' }), MONDAY);
  assert.deepEqual(book.drain().told, []);
  book.take(alert('s4', MONDAY + 4, { state: 'open' }), MONDAY);
  assert.deepEqual(
    book.drain().told.map(({ status, series, seriesCount }) => [status, series, seriesCount]),
    [['open', ['s4'], 2]],
  );
});

test('names of the rest are bounded: who is forgotten is neither counted nor waited for', () => {
  const book = new IncidentBook(rulesOf({ updateEveryMs: 0 }), { ...BOUNDS, rest: 5 });
  for (let round = 0; round < 3; round++) {
    const atMs = MONDAY + round * MINUTE;
    for (let i = 0; i < 40; i++) book.take(alert(`s${i}`, atMs + i, { state: 'open' }), atMs);
    book.advance(atMs + 1000, atMs + 1000);
  }
  assert.equal(book.restCount, 5);
  const [incident, ...others] = [...book.incidents()];
  assert.deepEqual(others, []);
  assert.deepEqual([book.describe(incident!).seriesCount, incident!.rest!.lasting], [9, 5]);
  const told = book.drain().told.map(({ status, seriesCount }) => [status, seriesCount]);
  assert.deepEqual(told, [
    ['open', 1],
    ['update', 9],
  ]);
  const atMs = MONDAY + 3 * MINUTE;
  for (let i = 0; i < 40; i++) book.take(alert(`s${i}`, atMs, { state: 'resolved' }), atMs);
  book.advance(atMs + 10 * MINUTE, atMs);
  const over = book.drain().told.at(-1)!;
  assert.deepEqual([over.status, over.seriesCount, book.restCount], ['resolved', 9, 0]);
});

test('who is forgotten for another incident leaves the one that it was of', () => {
  const book = new IncidentBook(rulesOf({ groupBy: '/' }), { ...BOUNDS, rest: 3 });
  for (const group of ['a', 'b']) {
    for (let i = 0; i < 7; i++) book.take(alert(`${group}/s${i}`, MONDAY + i, { state: 'open' }), MONDAY);
  }
  const counts = () => [...book.incidents()].map(({ rest }) => [rest!.told, rest!.held, rest!.lasting]);
  assert.deepEqual(counts(), [
    [0, 0, 0],
    [3, 0, 3],
  ]);
  for (let i = 0; i < 7; i++) book.take(alert(`a/s${i}`, MONDAY + MINUTE, { state: 'resolved' }), MONDAY);
  book.advance(MONDAY + 11 * MINUTE, MONDAY);
  assert.equal(book.openCount, 1, 'it is over, as all are that it knows');
});

/** Of each open incident on the outbox what it counts, and what its series there come to. */
function countsOf(records: ReadonlyMap<string, Uint8Array>): { readonly said: unknown; readonly summed: unknown }[] {
  const all = [...records].map(([key, value]) => decodeOutbox(key, value));
  const series = all.flatMap((each) =>
    each?.type === 'state' && each.name.startsWith('rest/') ? [each.state as RestSeries] : [],
  );
  return all.flatMap((each) => {
    const incident = each?.type === 'incident' ? (each.state as Incident) : undefined;
    if (incident?.status !== 'open') return [];
    const own = series.filter((known) => known.incident === incident.id);
    const counted = own.filter(({ isCounted }) => isCounted);
    const held = counted.filter(({ isHeld }) => isHeld).length;
    const lasting = own.flatMap(({ rules }) => Object.values(rules)).filter(isLasting).length;
    const { rest } = incident;
    return [
      {
        said: [rest?.told ?? 0, rest?.held ?? 0, rest?.lasting ?? 0],
        summed: [counted.length - held, held, lasting],
      },
    ];
  });
}

test('what an incident counts is what is known of its series, whatever is held, forgotten and restarted', () => {
  let forgotten = 0;
  fc.assert(
    fc.property(STREAM, fc.array(fc.nat(80)), fc.nat(600_000), (stream, restarts, silentMs) => {
      const bounds = { ...BOUNDS, rest: 4 };
      const played = (isRestarted: (i: number) => boolean) => {
        const silences = new Silences();
        silences.set(silenceTo(MONDAY + silentMs, 'g[0-4].*'));
        const rules = rulesOf({ silences, groupBy: '/', groupWithinMs: MINUTE, updateEveryMs: 0 });
        const records = new Map<string, Uint8Array>();
        let book = new IncidentBook(rules, bounds);
        const told: Notification[] = [];
        for (const [i, evidence] of stream.entries()) {
          follow(book, evidence, rules);
          if (i === 40) silences.remove('x');
          if (i === 40) book.reconsider(evidence.startMs);
          told.push(...drainInto(records, book));
          for (const { said, summed } of countsOf(records)) assert.deepEqual(said, summed);
          if (book.restCount === bounds.rest) forgotten++;
          if (isRestarted(i)) book = reborn(records, rules, bounds);
        }
        return told;
      };
      assert.deepEqual(
        played((i) => restarts.includes(i)),
        played(() => false),
      );
    }),
    { numRuns: 150 },
  );
  assert.ok(forgotten > 20, `${forgotten} times as many as may be`);
});

/** A silence of the series that match, up to a time. */
function silenceTo(endsMs: number, value: string, id = 'x') {
  const matchers = [{ name: 'series', value, isRegex: true, isEqual: true }] as const;
  return { id, startsMs: MONDAY, endsMs, by: 'ada@plant', comment: '', matchers };
}

test('a silence that is made longer holds the rest as well, and one that is removed lets go of it', () => {
  const begun = () => {
    const silences = new Silences();
    silences.set(silenceTo(MONDAY + HOUR, 'pump-.*'));
    const book = new IncidentBook(rulesOf({ silences }), BOUNDS);
    for (let i = 0; i < 9; i++) book.take(alert(`pump-${i}`, MONDAY + i, { state: 'open' }), MONDAY);
    book.advance(MONDAY + HOUR / 2, MONDAY + HOUR / 2);
    assert.deepEqual(book.drain().told, []);
    return { silences, book };
  };
  const longer = begun();
  longer.silences.set(silenceTo(MONDAY + 2 * HOUR, 'pump-.*'));
  longer.book.advance(MONDAY + HOUR, MONDAY + HOUR);
  assert.deepEqual(longer.book.drain().told, [], 'nobody is told in a silence');
  longer.book.advance(MONDAY + 2 * HOUR, MONDAY + 2 * HOUR);
  assert.deepEqual(
    longer.book.drain().told.map(({ status, seriesCount }) => [status, seriesCount]),
    [['open', 9]],
  );
  const shorter = begun();
  shorter.silences.remove('x');
  shorter.book.reconsider(MONDAY + HOUR / 2);
  assert.deepEqual(
    shorter.book.drain().told.map(({ status, seriesCount }) => [status, seriesCount]),
    [['open', 9]],
  );
});

test('maintenance that adjoins another holds the rest as well', () => {
  const spans = [MONDAY, MONDAY + HOUR, MONDAY + HOUR, MONDAY + 2 * HOUR];
  const book = new IncidentBook(
    rulesOf({ maintenance: ['repairs'], maintenanceSpans: [new Float64Array(spans)] }),
    BOUNDS,
  );
  for (let i = 0; i < 9; i++) book.take(alert(`s${i}`, MONDAY + i, { state: 'open' }), MONDAY);
  book.advance(MONDAY + HOUR, MONDAY + HOUR);
  assert.deepEqual(book.drain().told, []);
  book.advance(MONDAY + 2 * HOUR, MONDAY + 2 * HOUR);
  assert.equal(book.drain().told[0]!.seriesCount, 9);
});

test('where the rest alone is told its number is, and no name of a series that is silenced', () => {
  const silences = new Silences();
  silences.set(silenceTo(MONDAY + HOUR, 'pump-.*', 'all'));
  silences.set(silenceTo(MONDAY + 2 * HOUR, 'pump-[0-3]', 'worst'));
  const book = new IncidentBook(rulesOf({ silences, updateEveryMs: 0 }), BOUNDS);
  for (let i = 0; i < 9; i++) {
    book.take(alert(`pump-${i}`, MONDAY + i, { state: 'open', score: i < 4 ? 9 : 3 }), MONDAY);
  }
  book.advance(MONDAY + HOUR, MONDAY + HOUR);
  const [open, ...more] = book.drain().told;
  assert.deepEqual([open!.status, open!.series, open!.seriesCount, more], ['open', [], 5, []]);
  assert.equal(open!.summary, '5 series, which are only counted');
  assert.equal([...book.incidents()][0]!.told!.seriesCount, 5);
  book.advance(MONDAY + 2 * HOUR, MONDAY + 2 * HOUR);
  const [update] = book.drain().told;
  assert.deepEqual([update!.status, update!.series.length, update!.seriesCount], ['update', 4, 9]);
});

test('a breach of the pipeline itself, which is no series, is not told again as more of them', () => {
  const book = new IncidentBook(rulesOf({ kind: 'breach', groupWithinMs: 0 }));
  const breach = { rule: 'breach@lag', score: null, threshold: null, state: 'open', text: 'late' } as const;
  book.take(alert('', MONDAY, breach), MONDAY);
  book.advance(MONDAY + HOUR, MONDAY + HOUR);
  assert.deepEqual(
    book.drain().told.map(({ status, seriesCount }) => [status, seriesCount]),
    [['open', 0]],
  );
});

test('what is only counted teaches the gate its hour', () => {
  const book = new IncidentBook(rulesOf(), BOUNDS);
  for (let week = 0; week < 3; week++) {
    const atMs = MONDAY + week * WEEK;
    for (let i = 0; i < 6; i++) book.take(alert(`s${i}`, atMs + i, { score: 9 - i }), atMs);
    book.advance(atMs + HOUR, atMs + HOUR);
  }
  book.drain();
  const atMs = MONDAY + 3 * WEEK;
  for (const series of ['s4', 's5']) book.take(alert(series, atMs, { score: 3 }), atMs);
  assert.deepEqual([book.drain().told, book.counts.held_seasonal], [[], 2]);
});

test('what is only counted teaches the gate how long it lasted, and nothing in maintenance', () => {
  const outcomes = (maintenance: number) => {
    const spans = [MONDAY + maintenance * WEEK - MINUTE, MONDAY + maintenance * WEEK + 9 * HOUR];
    const rules = rulesOf({ maintenance: ['repairs'], maintenanceSpans: [new Float64Array(spans)] });
    const book = new IncidentBook(rules, BOUNDS);
    for (let week = 0; week < 4; week++) {
      const atMs = MONDAY + week * WEEK;
      const last = week === 3 ? ['s5'] : ['s0', 's1', 's2', 's3', 's4', 's5'];
      for (const series of last) book.take(alert(series, atMs, { state: 'open' }), atMs);
      if (week < 3) {
        for (const series of last) book.take(alert(series, atMs + 5 * HOUR, { state: 'resolved' }), atMs);
        book.advance(atMs + 9 * HOUR, atMs);
        book.drain();
      } else book.advance(atMs + 6 * HOUR - 1, atMs + 6 * HOUR - 1);
    }
    return book.drain().told.length;
  };
  assert.equal(outcomes(9), 0, 'it lasts no more than an hour longer than before');
  assert.equal(outcomes(1), 1, 'two weeks are too few');
});

test('an exceedance that was only counted is known from its start, by its highest alert', () => {
  const book = new IncidentBook(rulesOf(), BOUNDS);
  for (let i = 0; i < 6; i++) book.take(alert(`s${i}`, MONDAY + i, { state: 'open', score: 9 - i }), MONDAY);
  book.take(alert('s5', MONDAY + MINUTE, { state: 'open', score: 8.5 }), MONDAY);
  book.take(alert('s4', MONDAY + MINUTE, { state: 'open', score: 9.5 }), MONDAY);
  const { members } = [...book.incidents()][0]!;
  const known = members.map(({ series, startMs, lastMs, score, count }) => [series, startMs, lastMs, score, count]);
  assert.deepEqual(known, [
    ['s0', MONDAY, MONDAY, 9, 1],
    ['s1', MONDAY + 1, MONDAY + 1, 8, 1],
    ['s5', MONDAY + 5, MONDAY + MINUTE, 8.5, 2],
    ['s4', MONDAY + 4, MONDAY + MINUTE, 9.5, 2],
  ]);
});
