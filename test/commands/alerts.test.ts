import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import type { AnomalyObject } from '../../src/runtime/output/rowObjects.ts';
import { StatusReader } from '../../src/runtime/status/reader.ts';
import type { CliRun } from '../helpers/cli.ts';
import { append, startWorld, type World } from '../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 5);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Values 10, 11, 12, 11 of series a and 20 more of b, a minute apart, with these in their place. */
async function fill(topic: string, from: number, to: number, spikes: Readonly<Record<number, number>>): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const producer = await world.client.createProducer();
  for (let i = from; i < to; i++) {
    const ts = START_MS + i * 60_000;
    const value = spikes[i] ?? [10, 11, 12, 11][i % 4]!;
    append(producer, topic, { partition: 0, key: 'a', value: { ts, value }, timestamp: ts });
    append(producer, topic, { partition: 0, key: 'b', value: { ts, value: [30, 31, 32][i % 3]! }, timestamp: ts });
  }
  await producer.flush();
  await producer.close();
}

const FLAGS = ['--time', 'ts', '--detector', 'rolling-z', '--commit-every', '20ms', '--status-every', '20ms'];
const runEnd = (topic: string, ...more: string[]) =>
  world.run(['run', '--topic', topic, ...FLAGS, '--until', 'end', '-o', 'json', ...more]);

async function alertsOf(pipeline: string, ...more: string[]): Promise<(AnomalyObject & { verdict: string | null })[]> {
  const run = await world.run(['alerts', 'ls', '--pipeline', pipeline, '--since', '1000w', '-o', 'json', ...more]);
  assert.equal(run.code, 0, run.stderr);
  return JSON.parse(run.stdout).alerts;
}

function start(topic: string): { ended: Promise<CliRun>; signals: EventEmitter } {
  const signals = new EventEmitter();
  const ended = world.run(['run', '--topic', topic, ...FLAGS, '-o', 'json'], { signals });
  return { ended, signals };
}

/** Until the running member has read and committed to this offset. */
async function untilAt(pipeline: string, offset: number): Promise<void> {
  for (;;) {
    const reader = await StatusReader.open(world.client, pipeline);
    if (reader === undefined) continue;
    try {
      for (;;) {
        const members = await reader.read();
        const live = members.filter(({ state }) => state === 'running');
        if (live.some(({ partitions }) => partitions.some(({ committed }) => committed === offset))) return;
        await reader.poll(50);
      }
    } finally {
      await reader.close();
    }
  }
}

test('an alert is listed, explained with a chart, and judged', async () => {
  await fill('pumps', 0, 120, { 60: 60, 100: 70 });
  assert.equal((await runEnd('pumps')).code, 0);
  const [first, second] = await alertsOf('pumps');
  assert.deepEqual(
    [first!.series, first!.value, first!.detector, first!.threshold_origin],
    ['a', 60, 'rolling-z', 'sensitivity medium'],
  );
  assert.deepEqual(first!.past, []);
  assert.deepEqual(
    second!.past.map(({ time, value, verdict }) => [Number(time), value, verdict]),
    [[START_MS + 60 * 60_000, 60, null]],
  );
  const set = ['-X', 'source.time=ts', '-X', 'source.topics=pumps'];
  const explained = await world.run(['explain', second!.id, '--before', '30', '--after', '5', ...set]);
  assert.equal(explained.code, 0, explained.stderr);
  assert.match(explained.stdout, /^rolling-z@value\/a\/\d+\/200\n\na: value was 70 at 2026-01-05T01:40:00\.000Z\./);
  assert.match(explained.stdout, /% ?\) above what was\s+expected/);
  assert.match(explained.stdout, /\nthreshold +6 \(sensitivity medium\)\n/);
  assert.match(explained.stdout, /\nz +[\d.]+ +standard deviations from the mean/);
  assert.match(explained.stdout, /EARLIER ALERT.*\n2026-01-05T01:00:00\.000Z +60 /);
  assert.match(explained.stdout, /36 values of a, value, in pumps\/0:\n[\s\S]*●[\s\S]*┄[\s\S]*⠤/);
  assert.ok(explained.stdout.split('\n').every((line) => line.length <= 100));
  const ascii = await world.run(['explain', second!.id, '--ascii', ...set]);
  assert.match(ascii.stdout, /!/);
  assert.doesNotMatch(ascii.stdout, /[^\x00-\x7f]/);
  const json = await world.run(['explain', second!.id, '-o', 'json', '--before', '3', '--after', '1', ...set]);
  const { values, parts, alert } = JSON.parse(json.stdout);
  assert.deepEqual([alert.id, parts[0].name], [second!.id, 'z']);
  assert.deepEqual(
    values.map(({ value, offset }: { value: number; offset: number }) => [offset, value]),
    [
      [194, 11],
      [196, 12],
      [198, 11],
      [200, 70],
      [202, 11],
    ],
  );
});

test('an alert may come as a line, and is explained without the cluster having it', async () => {
  const [first] = await alertsOf('pumps');
  const line = JSON.stringify({ ...first, topic: 'gone.csv' });
  const piped = await world.run(['explain', '-'], { stdin: Readable.from([`${line}\n`]) as never });
  assert.equal(piped.code, 0, piped.stderr);
  assert.match(piped.stdout, /a: value was 60/);
  assert.match(piped.stdout, /No chart: there is no topic gone\.csv on this cluster\./);
  writeFileSync(join(world.dir, 'found.ndjson'), `{"id": "other"}\n${line}\n`);
  const filed = await world.run(['explain', first!.id, '--alerts', 'found.ndjson', '-o', 'json']);
  assert.equal(JSON.parse(filed.stdout).alert.value, 60);
  const none = await world.run(['explain', 'x', '--alerts', 'found.ndjson']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /ANM_ALERT_UNKNOWN.*found\.ndjson has no line that is the alert x/);
});

test('a verdict is kept and counted while nobody runs', async () => {
  const [first, second] = await alertsOf('pumps');
  const judge = (id: string, ...more: string[]) =>
    world.run(['alerts', 'feedback', id, '--pipeline', 'pumps', ...more]);
  const kept = await judge(first!.id, '--false', '--note', 'a test');
  assert.equal(kept.code, 0, kept.stderr);
  assert.match(kept.stderr, /no member is running: give it again when one is/);
  assert.equal((await judge(second!.id, '--true')).code, 0);
  const unclear = await judge(second!.id);
  assert.equal(unclear.code, 2);
  const unknown = await judge('kpi@value/a/1767571200000/1', '--true');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /ANM_ALERT_UNKNOWN.*there is no alert .* in topic pumps\.anomalies/);
  assert.deepEqual(
    (await alertsOf('pumps')).map(({ verdict }) => verdict),
    ['false', 'true'],
  );
  assert.deepEqual(await alertsOf('pumps', '--open'), []);
  const precision = await world.run(['alerts', 'precision', '--pipeline', 'pumps', '-o', 'json']);
  assert.deepEqual(JSON.parse(precision.stdout).rules, [
    { rule: 'rolling-z@value', judged: 2, true: 1, false: 1, precision: 0.5 },
  ]);
});

test('a running pipeline takes a verdict: the threshold of the series moves, also after a restart', async () => {
  await fill('live', 0, 100, { 80: 60 });
  const first = start('live');
  await untilAt('live', 200);
  const [alert] = await alertsOf('live');
  const judged = await world.run(['alerts', 'feedback', alert!.id, '--pipeline', 'live', '--false', '-o', 'json']);
  assert.equal(judged.code, 0, judged.stderr);
  assert.equal(JSON.parse(judged.stdout).result, 'threshold 6 -> 6.6');
  const again = await world.run(['alerts', 'feedback', alert!.id, '--pipeline', 'live', '--false', '-o', 'json']);
  assert.match(JSON.parse(again.stdout).result, /^threshold 6\.6: the alert had this verdict already$/);
  await fill('live', 100, 180, { 170: 90 });
  await untilAt('live', 360);
  first.signals.emit('SIGTERM');
  assert.equal((await first.ended).code, 0);
  await fill('live', 180, 260, { 250: 120 });
  assert.equal((await runEnd('live')).code, 0);
  assert.deepEqual(
    (await alertsOf('live')).map(({ value, threshold, configured_threshold: configured, past }) => [
      ...[value, threshold, configured],
      past.map(({ verdict }) => verdict),
    ]),
    [
      [60, 6, null, []],
      [90, 6 * 1.1, 6, [false]],
      [120, 6 * 1.1, 6, [null, false]],
    ],
  );
  const verify = await world.run([
    ...['replay', 'live', '--verify', '-X', 'source.topics=live'],
    ...['-X', 'source.time=ts', '-X', 'score.detector=rolling-z'],
  ]);
  assert.equal(verify.code, 0, verify.stderr + verify.stdout);
  assert.match(verify.stdout, /live\.anomalies/);
});

test('an alert of a window is drawn from the windows, and silence from the records around it', async () => {
  await fill('windowed', 0, 400, { 300: 600 });
  await fill('windowed', 430, 470, {});
  const run = await runEnd('windowed', '--window', '2m', '--on', 'w2m.mean');
  assert.equal(run.code, 0, run.stderr);
  const [alert] = await alertsOf('windowed', '--rule', 'rolling-z@w2m.mean');
  const shown = await world.run(['explain', alert!.id, '--pipeline', 'windowed']);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(
    shown.stdout,
    /^rolling-z@w2m\.mean\/a\/\d+\n\na: mean of value was 305\.5 from 2026-01-05T05:00:00\.000Z to /,
  );
  assert.match(shown.stdout, /101 values of a, value, in windowed\.windows\/0:\n[\s\S]*●/);
  const other = await runEnd('windowed', '--watch', 'missing', '--pipeline', 'silent');
  assert.equal(other.code, 0, other.stderr);
  const [silence] = await alertsOf('silent', '--rule', 'missing*', '--series', 'a');
  assert.ok(silence !== undefined, 'no silence');
  const set = ['-X', 'source.time=ts', '-X', 'source.topics=windowed', '--pipeline', 'silent'];
  const told = await world.run(['explain', silence.id, ...set]);
  assert.equal(told.code, 0, told.stderr);
  assert.match(told.stdout, /a: no value of value from 2026-01-05T06:39:00\.000Z to/);
  assert.match(told.stdout, /\nsilence +\S+\nexpected +1m00s\n/);
  assert.match(told.stdout, / values of a, value, in windowed\/0:/);
  assert.doesNotMatch(told.stdout, /band then/);
});

test('a calendar keeps alerts away, and one that is wrong ends the start', async () => {
  await fill('planned', 0, 120, { 60: 60, 100: 70 });
  const event = ['BEGIN:VEVENT', 'DTSTART:20260105T005500Z', 'DURATION:PT10M', 'RRULE:FREQ=WEEKLY', 'END:VEVENT'];
  const calendar = (lines: readonly string[]) => ['BEGIN:VCALENDAR', ...lines, 'END:VCALENDAR'].join('\r\n');
  writeFileSync(join(world.dir, 'work.ics'), calendar(event));
  const quiet = ['--calendar', 'work=work.ics', '--quiet-in', 'work'];
  const run = await runEnd('planned', ...quiet);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(
    (await alertsOf('planned')).map(({ start }) => new Date(Number(start)).toISOString()),
    ['2026-01-05T01:40:00.000Z'],
  );
  const some = await runEnd('planned', '--pipeline', 'some', ...quiet.slice(0, 2), '--override', 'b:calendars=work');
  assert.equal(some.code, 0, some.stderr);
  assert.equal((await alertsOf('some')).length, 2);
  writeFileSync(join(world.dir, 'work.ics'), calendar(event.with(1, 'DTSTART:tomorrow')));
  const wrong = await runEnd('planned', ...quiet);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /work\.ics:3: DTSTART wants a date or time such as/);
});
