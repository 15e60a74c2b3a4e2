import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outgoing } from '../../../src/alerts/delivery/sink.ts';
import { FakeClock, FakeOutbox, FakeSink, incident, openDelivery, START_MS, settle } from '../../helpers/delivery.ts';

const HOUR_MS = 3_600_000;
const over = (id: string, revision: number) => incident(id, { revision, status: 'resolved', endedMs: START_MS });

test('an open, an update and a resolve come in order, each once, and each is recorded', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox);
  delivery.start();
  delivery.offer(incident('a'));
  await delivery.idle();
  delivery.offer(incident('a', { revision: 2, status: 'update' }));
  delivery.offer(incident('a', { revision: 2, status: 'update' }));
  delivery.offer(incident('a', { revision: 1 }));
  await delivery.idle();
  delivery.offer(over('a', 3));
  await delivery.idle();
  assert.deepEqual(sink.told, ['open a 1', 'update a 2', 'resolved a 3']);
  const { outcome, told, revision, attempts, problem } = outbox.state('a', 's')!;
  assert.deepEqual(
    { outcome, told, revision, attempts, problem },
    {
      ...{ outcome: 'delivered', told: 'resolved', revision: 3, attempts: 1, problem: null },
    },
  );
  assert.equal(outbox.log.length, 3);
  assert.deepEqual(delivery.outcomes(), { delivered: 3 });
  assert.equal(delivery.forget('a'), true);
  assert.equal(outbox.records.get('a s'), null);
  assert.equal(delivery.forget('a'), true, 'it is gone');
  assert.equal(delivery.forget('held'), true, 'nothing is due of what was never offered');
  assert.equal(outbox.records.has('held s'), false);
});

test('an hour of a sink that cannot be reached: one request at the end for each incident, in order, and no more', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox);
  delivery.start();
  sink.behaviour = () => 'unreachable';
  const ids = Array.from({ length: 20 }, (_, i) => `i${i}`);
  for (let minute = 0; minute < 60; minute++) {
    for (const id of ids)
      delivery.offer(incident(id, { revision: minute + 1, status: minute === 0 ? 'open' : 'update' }));
    await clock.advance(60_000);
  }
  delivery.offer(over('i3', 61));
  assert.deepEqual(sink.taken, []);
  assert.equal(sink.requests < 100, true, `it was asked ${sink.requests} times in an hour`);
  const [status] = delivery.status();
  assert.equal(status!.circuit, 'open');
  assert.equal(status!.queue, 20);
  assert.equal(status!.waitingSinceMs, START_MS);
  assert.equal(status!.problem, 'connection refused');
  const before = sink.requests;
  sink.behaviour = () => 'take';
  await clock.advance(60_000);
  // What ended meanwhile was never told: it is opened first, and resolved after that.
  assert.deepEqual(
    sink.told,
    ids.flatMap((id) => (id === 'i3' ? ['open i3 61', 'resolved i3 61'] : [`open ${id} 60`])),
  );
  assert.equal(sink.requests - before, 21);
  assert.equal(delivery.pending, 0);
  assert.equal(delivery.status()[0]!.circuit, 'closed');
  assert.equal(delivery.status()[0]!.problem, null);
});

test('a sink that hangs is given up at its deadline, and holds no other', async () => {
  const [clock, outbox] = [new FakeClock(), new FakeOutbox()];
  const [stuck, good] = [new FakeSink('stuck'), new FakeSink('good')];
  const delivery = openDelivery([stuck, good], clock, outbox);
  delivery.start();
  stuck.behaviour = () => 'hang';
  delivery.offer(incident('a'));
  delivery.offer(incident('b'));
  await settle();
  assert.deepEqual(good.told, ['open a 1', 'open b 1']);
  assert.equal(stuck.requests, 1);
  await clock.advance(10_000);
  assert.match(delivery.status()[0]!.problem!, /no answer within 10000 ms/);
  stuck.behaviour = () => 'take';
  await clock.advance(1000);
  assert.deepEqual(stuck.told, ['open a 1', 'open b 1']);
});

test('429 is waited out for minutes, a time that is named is kept, and other failures for seconds', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox);
  delivery.start();
  const asked: number[] = [];
  sink.behaviour = () => {
    asked.push(clock.nowMs - START_MS);
    return asked.length < 4 ? 'busy' : 'take';
  };
  delivery.offer(incident('a'));
  await clock.advance(HOUR_MS);
  // A minute, two, four; and a quarter of each on top, by the chance of one half.
  assert.deepEqual(asked, [0, 75_000, 225_000, 525_000]);
  assert.deepEqual(sink.told, ['open a 1']);
  asked.length = 0;
  sink.behaviour = () => {
    asked.push(clock.nowMs - START_MS - HOUR_MS);
    return asked.length < 4 ? 'fail' : 'take';
  };
  delivery.offer(incident('b'));
  await clock.advance(HOUR_MS);
  // A second, two, four, less a quarter.
  assert.deepEqual(asked, [0, 750, 2250, 5250]);
  const [named] = [new FakeSink('named')];
  let times = 0;
  named.send = async () => {
    times += 1;
    return times === 1 ? { kind: 'retry', problem: '429', busy: true, afterMs: 300_000 } : { kind: 'delivered' };
  };
  const other = openDelivery([named], clock, outbox);
  other.start();
  other.offer(incident('c'));
  await clock.advance(299_000);
  assert.equal(times, 1);
  await clock.advance(1000);
  assert.equal(times, 2);
});

test('what is refused is never sent again; a later change is, and nothing is resolved that was never opened', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox);
  delivery.start();
  sink.behaviour = () => 'refuse';
  delivery.offer(incident('a'));
  delivery.offer(incident('b'));
  await clock.advance(HOUR_MS);
  assert.equal(sink.requests, 2);
  assert.equal(outbox.state('a', 's')!['outcome'], 'failed');
  assert.equal(outbox.state('a', 's')!['problem'], 'it answered 400');
  sink.behaviour = () => 'take';
  delivery.offer(over('a', 2));
  delivery.offer(incident('b', { revision: 2, status: 'update' }));
  await clock.advance(HOUR_MS);
  assert.deepEqual(sink.told, ['open b 2']);
  assert.deepEqual(delivery.outcomes(), { failed: 3, delivered: 1 });
  assert.equal(delivery.isSettled('a'), true);
});

test('a refusal of several at once is of one: each is sent by itself', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s', { mostAtOnce: 10 })];
  const delivery = openDelivery([sink], clock, outbox);
  sink.behaviour = (batch) => (batch.some(({ notification }) => notification.id === 'bad') ? 'refuse' : 'take');
  for (const id of ['a', 'bad', 'b']) delivery.offer(incident(id));
  delivery.start();
  await clock.advance(1000);
  assert.deepEqual(sink.told, ['open a 1', 'open b 1']);
  assert.deepEqual(delivery.outcomes(), { delivered: 2, failed: 1 });
  assert.equal(outbox.state('bad', 's')!['outcome'], 'failed');
});

test('one that always fails steps aside after five requests, and does not hold the others', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox, { maxAgeMs: 900_000 });
  delivery.start();
  const isBad = (batch: readonly Outgoing[]) => batch[0]!.notification.id === 'bad';
  sink.behaviour = (batch) => (isBad(batch) ? 'fail' : 'take');
  delivery.offer(incident('bad'));
  for (const id of ['a', 'b', 'c']) delivery.offer(incident(id));
  await clock.advance(120_000);
  assert.deepEqual(sink.told, ['open a 1', 'open b 1', 'open c 1']);
  assert.equal(delivery.pending, 1);
  await clock.advance(HOUR_MS);
  assert.equal(outbox.state('bad', 's')!['outcome'], 'too_old');
  assert.equal(delivery.pending, 0);
});

test('evidence that is too old is recorded and not delivered, but what was opened is resolved at any age', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox, { maxAgeMs: 900_000 });
  delivery.start();
  delivery.offer(incident('opened'));
  await delivery.idle();
  sink.behaviour = () => 'unreachable';
  delivery.offer(incident('new'));
  delivery.offer(incident('opened', { revision: 2, status: 'update' }));
  delivery.offer(over('gone', 4));
  await clock.advance(HOUR_MS);
  assert.equal(outbox.state('new', 's')!['outcome'], 'too_old');
  assert.equal(outbox.state('gone', 's')!['outcome'], 'too_old');
  const late = outbox.state('opened', 's')!;
  assert.deepEqual([late['outcome'], late['told'], late['revision']], ['too_old', 'open', 2]);
  delivery.offer(over('opened', 3));
  delivery.offer(over('new', 2));
  await clock.advance(HOUR_MS);
  assert.equal(delivery.pending, 1, 'the resolve is tried on and on');
  sink.behaviour = () => 'take';
  await clock.advance(120_000);
  assert.deepEqual(sink.told, ['open opened 1', 'resolved opened 3']);
  assert.deepEqual(delivery.outcomes(), { delivered: 2, too_old: 4 });
});

test('what still lasts when a sink is back after an hour is told, at the usual max_age', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox, { maxAgeMs: 900_000 });
  delivery.start();
  sink.behaviour = () => 'unreachable';
  for (const id of ['a', 'b', 'c']) delivery.offer(incident(id, { isLasting: true }));
  await clock.advance(HOUR_MS / 2);
  delivery.offer(over('b', 2));
  await clock.advance(HOUR_MS / 2);
  assert.equal(outbox.state('b', 's')!['outcome'], 'too_old', 'it is over, and long ago');
  sink.behaviour = () => 'take';
  await clock.advance(60_000);
  assert.deepEqual(sink.told, ['open a 1', 'open c 1']);
});

test('after a crash what is recorded is not sent again, and what is not comes again under the same id', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const first = openDelivery([sink], clock, outbox);
  first.start();
  first.offer(incident('kept'));
  first.offer(incident('ended'));
  await first.idle();
  sink.behaviour = () => 'takeAndHang';
  first.offer(incident('lost'));
  await settle();
  clock.forgetTimers();
  sink.behaviour = () => 'take';
  const second = openDelivery([sink, new FakeSink('added')], clock, outbox);
  second.restore([...outbox.stored(), { key: 'kept', value: new TextEncoder().encode('{"version":1}') }]);
  for (const notification of [incident('kept'), over('ended', 2), incident('lost')]) second.offer(notification);
  assert.equal(sink.requests, 3, 'nothing goes out before start');
  second.start();
  await second.idle();
  assert.deepEqual(sink.told, ['open kept 1', 'open ended 1', 'open lost 1', 'resolved ended 2', 'open lost 1']);
});

test('what fires is sent again at the interval, also after a restart, until it is resolved', async () => {
  const [clock, outbox, sink] = [
    new FakeClock(),
    new FakeOutbox(),
    new FakeSink('am', { mostAtOnce: 10, resendMs: 60_000 }),
  ];
  const first = openDelivery([sink], clock, outbox);
  first.start();
  first.offer(incident('a'));
  first.offer(incident('b'));
  await clock.advance(0);
  await clock.advance(150_000);
  assert.equal(sink.told.filter((told) => told.includes(' a ')).length, 3);
  assert.equal(outbox.log.length, 2, 'sending again changes no record');
  assert.deepEqual(first.outcomes(), { delivered: 2 });
  await first.close();
  const second = openDelivery([sink], clock, outbox);
  second.restore(outbox.stored());
  second.offer(incident('a'));
  second.offer(over('b', 2));
  sink.taken.length = 0;
  second.start();
  await clock.advance(1);
  assert.deepEqual(sink.told.toSorted(), ['resolved b 2', 'update a 1']);
  await clock.advance(120_000);
  assert.equal(sink.told.filter((told) => told.includes(' b ')).length, 1);
  assert.equal(sink.told.filter((told) => told === 'update a 1').length, 3);
});

test('what opened and ended unseen stays open for an interval at a sink that groups', async () => {
  const [clock, outbox, sink] = [
    new FakeClock(),
    new FakeOutbox(),
    new FakeSink('am', { mostAtOnce: 10, resendMs: 60_000 }),
  ];
  const delivery = openDelivery([sink], clock, outbox);
  delivery.start();
  delivery.offer(over('a', 3));
  await clock.advance(59_000);
  assert.deepEqual(sink.told, ['open a 3']);
  assert.equal(sink.taken[0]!.notification.endedMs, null);
  await clock.advance(2000);
  assert.deepEqual(sink.told, ['open a 3', 'resolved a 3']);
});

test('above the rate incidents are merged into one notification, which resolves with the last of them', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox, { perMinute: 6, burst: 3 });
  delivery.start();
  const ids = Array.from({ length: 30 }, (_, i) => `i${i}`);
  for (const id of ids) delivery.offer(incident(id, { severity: id === 'i20' ? 'critical' : 'warning' }));
  await delivery.idle();
  assert.deepEqual(sink.told, ['open i0 1', 'open i1 1', 'open summary/i2 1']);
  const merged = sink.taken[2]!.notification;
  assert.equal(merged.severity, 'critical');
  assert.equal(merged.seriesCount, 56);
  assert.match(merged.summary, /^28 incidents of pump-room/);
  assert.equal(outbox.state('i7', 's')!['summary'], 'summary/i2');
  assert.deepEqual(delivery.outcomes(), { delivered: 2, rate_limited: 28 });
  // Resolves are not limited.
  for (const id of ids.slice(0, 29)) delivery.offer(over(id, 2));
  await delivery.idle();
  assert.deepEqual(sink.told.slice(3), ['resolved i0 2', 'resolved i1 2']);
  delivery.offer(over('i29', 2));
  await delivery.idle();
  assert.deepEqual(sink.told.slice(5), ['resolved summary/i2 2']);
  assert.equal(delivery.forget('i7'), true);
  // Updates above the rate wait for their turn.
  await clock.advance(60_000);
  delivery.offer(incident('x'));
  delivery.offer(incident('y'));
  await delivery.idle();
  for (let revision = 2; revision < 9; revision++) {
    delivery.offer(incident('x', { revision, status: 'update' }));
    await clock.advance(1000);
  }
  assert.equal(delivery.pending, 1);
  await clock.advance(20_000);
  assert.equal(sink.told.at(-1), 'update x 8');
});

test('a merge is known before anybody is told, so a crash tells of it under the same id', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const options = { perMinute: 6, burst: 1 };
  const first = openDelivery([sink], clock, outbox, options);
  first.start();
  sink.behaviour = (batch) => (batch[0]!.notification.id === 'a' ? 'take' : 'takeAndHang');
  const ids = ['a', 'b', 'c'];
  for (const id of ids) first.offer(incident(id));
  await settle();
  // The first had the token for itself.
  assert.deepEqual(sink.told, ['open a 1']);
  await clock.advance(15_000);
  clock.forgetTimers();
  assert.deepEqual(sink.told, ['open a 1', 'open summary/b 1']);
  sink.taken.length = 0;
  sink.behaviour = () => 'take';
  const second = openDelivery([sink], clock, outbox, options);
  second.restore(outbox.stored());
  for (const id of ids) second.offer(incident(id));
  second.start();
  await clock.advance(60_000);
  assert.deepEqual(sink.told, ['open summary/b 1']);
});

test('severities below the least are not told, and updates as the sink wants them', async () => {
  const [clock, outbox] = [new FakeClock(), new FakeOutbox()];
  const pager = new FakeSink('pager', { minSeverity: 'error' });
  const chat = new FakeSink('chat', { updates: 'severity' });
  const once = new FakeSink('once', { updates: 'none' });
  const delivery = openDelivery([pager, chat, once], clock, outbox);
  delivery.start();
  const told = ['info', 'info', 'error', 'warning', 'critical'] as const;
  for (const [i, severity] of told.entries()) {
    delivery.offer(incident('a', { revision: i + 1, status: i === 0 ? 'open' : 'update', severity }));
    await delivery.idle();
  }
  delivery.offer({ ...over('a', 6), severity: 'critical' });
  delivery.offer({ ...over('small', 1), severity: 'info' });
  await delivery.idle();
  assert.deepEqual(pager.told, ['open a 3', 'update a 4', 'update a 5', 'resolved a 6']);
  assert.deepEqual(chat.told.slice(0, 4), ['open a 1', 'update a 3', 'update a 5', 'resolved a 6']);
  assert.deepEqual(once.told.slice(0, 2), ['open a 1', 'resolved a 6']);
  assert.equal(outbox.state('small', 'pager'), null, 'what is not told needs no record');
  assert.equal(delivery.isSettled('small'), true);
});

test('a process that may have lost the stage asks nobody until it is sure', async () => {
  const [clock, outbox] = [new FakeClock(), new FakeOutbox()];
  const sink = new FakeSink('am', { mostAtOnce: 10, resendMs: 60_000 });
  let isSure = true;
  const delivery = openDelivery([sink], clock, outbox, { mayAsk: () => isSure });
  delivery.start();
  delivery.offer(incident('a'));
  await delivery.idle();
  isSure = false;
  delivery.offer(incident('b'));
  await clock.advance(300_000);
  assert.deepEqual(sink.told, ['open a 1'], 'neither what is new nor what fires');
  isSure = true;
  await clock.advance(1000);
  assert.deepEqual(sink.told.slice(1), ['open b 1', 'update a 1']);
});

test('a full queue says so, and there is room again when some are through', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox, { mostWaiting: 3 });
  delivery.start();
  sink.behaviour = () => 'unreachable';
  for (const id of ['a', 'b', 'c', 'd']) delivery.offer(incident(id));
  assert.equal(delivery.hasRoom, false);
  let hasRoom = false;
  const room = delivery.room().then(() => {
    hasRoom = true;
  });
  await clock.advance(5000);
  assert.equal(hasRoom, false);
  sink.behaviour = () => 'take';
  await clock.advance(60_000);
  await room;
  assert.equal(delivery.hasRoom, true);
  assert.deepEqual(sink.told, ['open a 1', 'open b 1', 'open c 1', 'open d 1']);
});

test('close waits for what is under way, and starts nothing more', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox);
  delivery.start();
  sink.behaviour = () => 'hang';
  delivery.offer(incident('a'));
  delivery.offer(incident('b'));
  let isClosed = false;
  const closed = delivery.close().then(() => {
    isClosed = true;
  });
  await settle();
  assert.equal(isClosed, false);
  await clock.advance(10_000);
  await closed;
  await clock.advance(HOUR_MS);
  assert.equal(sink.requests, 1);
  await delivery.idle();
});

test('nobody is told of a merge before its records are there to stay', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const writes: (() => void)[] = [];
  const record = async (key: string, value: Uint8Array | null): Promise<void> => {
    await outbox.record(key, value);
    await new Promise<void>((resolve) => writes.push(resolve));
  };
  const delivery = openDelivery([sink], clock, { record }, { perMinute: 6, burst: 1 });
  delivery.start();
  for (const id of ['a', 'b', 'c']) delivery.offer(incident(id));
  await clock.advance(15_000);
  assert.deepEqual(sink.told, ['open a 1']);
  assert.equal(outbox.state('b', 's')!['summary'], 'summary/b');
  assert.equal(outbox.state('b', 's')!['told'], null);
  for (const resolve of writes) resolve();
  await settle();
  assert.deepEqual(sink.told, ['open a 1', 'open summary/b 1']);
});

test('what a person has asked for is told at any age', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const delivery = openDelivery([sink], clock, outbox, { maxAgeMs: 900_000 });
  delivery.start();
  delivery.offer(incident('a', { evidenceMs: START_MS - HOUR_MS }));
  assert.equal(outbox.state('a', 's')!['outcome'], 'too_old');
  delivery.offer(incident('a', { revision: 2, evidenceMs: START_MS - HOUR_MS, isOrdered: true }));
  await delivery.idle();
  assert.deepEqual(sink.told, ['open a 2']);
});

test('the log has each turn of a sink once', async () => {
  const [clock, outbox, sink] = [new FakeClock(), new FakeOutbox(), new FakeSink('s')];
  const said: string[] = [];
  const say = (level: string, text: string) => said.push(`${level} ${text}`);
  const delivery = openDelivery([sink], clock, outbox, { maxAgeMs: 900_000, perMinute: 60, burst: 1, say });
  delivery.start();
  sink.behaviour = () => 'unreachable';
  delivery.offer(incident('a'));
  delivery.offer(incident('b'));
  await clock.advance(HOUR_MS);
  delivery.offer(incident('c', { evidenceMs: clock.nowMs }));
  await clock.advance(1000);
  sink.behaviour = () => 'take';
  await clock.advance(60_000);
  sink.behaviour = () => 'refuse';
  delivery.offer(incident('d', { evidenceMs: clock.nowMs }));
  await clock.advance(60_000);
  assert.deepEqual(said, [
    'warn alert sink s: connection refused; it is asked again',
    'warn alert sink s failed 5 times in a row, and 2 incidents wait: connection refused',
    'warn alert sink s was not told of 2 incidents, as the evidence is older than alerts.max_age',
    'info alert sink s takes notifications again',
    'warn alert sink s refused incident d, which is not sent again: it answered 400',
  ]);
});
