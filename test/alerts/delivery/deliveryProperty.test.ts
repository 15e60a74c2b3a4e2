import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StoredDelivery } from '../../../src/alerts/delivery/delivery.ts';
import { decodeDelivery } from '../../../src/alerts/delivery/deliveryRecord.ts';
import type { SinkDelivery } from '../../../src/alerts/delivery/sinkDelivery.ts';
import type { Notification } from '../../../src/observe/notification.ts';
import { type Behaviour, FakeClock, FakeSink, incident, openDelivery, settle } from '../../helpers/delivery.ts';

const INCIDENTS = 6;
const HOUR_MS = 3_600_000;
const DURABLE_AFTER_MS = 20_000;

type Step =
  | { readonly kind: 'change'; readonly which: number; readonly ends: boolean }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'sink'; readonly which: number; readonly behaviour: Behaviour }
  /** The stage's writes become durable up to here, or the process dies and loses the last `lost` records. */
  | { readonly kind: 'flush' }
  | { readonly kind: 'crash'; readonly lost: number };

const BEHAVIOURS: readonly Behaviour[] = [
  ...(['take', 'take', 'take', 'takeAndFail', 'takeAndHang'] as const),
  ...(['fail', 'busy', 'unreachable', 'hang'] as const),
];

const STEPS = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('change' as const), which: fc.nat(INCIDENTS - 1), ends: fc.boolean() }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(0, 500, 5000, 30_000, 600_000) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('sink' as const),
        which: fc.nat(1),
        behaviour: fc.constantFrom(...BEHAVIOURS),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'flush' as const }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), lost: fc.nat(20) }) },
  ),
  { minLength: 1, maxLength: 60 },
);

/** A stage that dies: its incidents are durable at once, delivery's records after a while. */
class World {
  readonly clock = new FakeClock();
  readonly sinks = [new FakeSink('one'), new FakeSink('two', { mostAtOnce: 3 })];
  readonly incidents = new Map<string, Notification>();
  /** Records in order; those from `durable` on may be lost. */
  log: StoredDelivery[] = [];
  durable = 0;
  readonly rates: { perMinute: number; burst: number };
  delivery: SinkDelivery;

  constructor(rates: { perMinute: number; burst: number }) {
    this.rates = rates;
    this.delivery = this.#start();
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.kind === 'change') this.#change(`i${step.which}`, step.ends);
      else if (step.kind === 'time') await this.clock.advance(step.ms);
      else if (step.kind === 'sink') this.sinks[step.which]!.behaviour = () => step.behaviour;
      else if (step.kind === 'flush') this.durable = this.log.length;
      else this.#crash(step.lost);
      await settle();
    }
    for (const sink of this.sinks) sink.behaviour = () => 'take';
    await this.clock.advance(12 * HOUR_MS);
  }

  /** The last durable state by incident at a sink. */
  state(id: string, sink: string) {
    const stored = this.log.findLast(({ key }) => key === `${id} ${sink}`);
    return stored === undefined ? null : decodeDelivery(stored)!.state;
  }

  #change(id: string, ends: boolean): void {
    const before = this.incidents.get(id);
    // An id is of one incident: what ended stays so.
    if (before?.status === 'resolved') return;
    const revision = (before?.revision ?? 0) + 1;
    const status = ends && before !== undefined ? 'resolved' : before === undefined ? 'open' : 'update';
    const notification = incident(id, { revision, status, endedMs: status === 'resolved' ? this.clock.nowMs : null });
    this.incidents.set(id, notification);
    this.delivery.offer(notification);
  }

  #crash(lost: number): void {
    this.clock.forgetTimers();
    this.log = this.log.slice(0, Math.max(this.durable, this.log.length - lost));
    this.durable = this.log.length;
    this.delivery = this.#start();
  }

  #start(): SinkDelivery {
    const mine = this.log;
    const delivery = openDelivery(
      this.sinks.map((sink) => sink),
      this.clock,
      {
        record: (key, value) => {
          // What a process does after its death reaches nobody.
          if (this.delivery !== delivery) return new Promise(() => {});
          const length = this.log.push({ key, value });
          return new Promise((resolve) => {
            this.clock.after(DURABLE_AFTER_MS, () => {
              this.durable = Math.max(this.durable, length);
              resolve();
            });
          });
        },
      },
      this.rates,
    );
    this.delivery = delivery;
    delivery.restore(mine);
    for (const notification of this.incidents.values()) delivery.offer(notification);
    delivery.start();
    return delivery;
  }
}

test('failures and crashes at any point: nothing is lost, keys stay, and order holds', async () => {
  await fc.assert(
    fc.asyncProperty(STEPS, async (steps) => {
      const world = new World({ perMinute: Infinity, burst: 1 });
      await world.run(steps);
      assert.equal(world.delivery.pending, 0);
      for (const sink of world.sinks) {
        for (const [id, newest] of world.incidents) {
          const told = sink.taken.filter(({ notification }) => notification.id === id);
          const shown = `${sink.name} ${id}: ${sink.told.join(', ')}`;
          assert.ok(told.length > 0, `nothing was told of ${shown}`);
          assert.equal(told[0]!.told, 'open', shown);
          const last = told.at(-1)!;
          assert.equal(last.told === 'resolved', newest.status === 'resolved', shown);
          assert.equal(last.notification.revision, newest.revision, shown);
          told.forEach((each, i) => {
            const before = told[i - 1];
            if (before !== undefined) assert.ok(each.notification.revision >= before.notification.revision, shown);
          });
        }
        const keys = new Set(sink.taken.map(({ notification }) => notification.id));
        assert.ok(keys.size <= world.incidents.size, 'there is a key that is of no incident');
      }
    }),
    { numRuns: 300 },
  );
});

test('what is recorded is not sent again, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(STEPS, async (steps) => {
      const world = new World({ perMinute: Infinity, burst: 1 });
      // All records are durable at once, and every request is answered: nothing is sent twice.
      const quiet = steps.filter(
        (step) => step.kind !== 'sink' || step.behaviour === 'take' || step.behaviour === 'fail',
      );
      await world.run(quiet.flatMap((step): Step[] => (step.kind === 'crash' ? [{ kind: 'flush' }, step] : [step])));
      for (const sink of world.sinks) {
        assert.equal(new Set(sink.told).size, sink.told.length, sink.told.join(', '));
      }
    }),
    { numRuns: 200 },
  );
});

test('merged by the rate limit, each incident keeps the key that it was told under, and all are told and resolved', async () => {
  await fc.assert(
    fc.asyncProperty(STEPS, fc.integer({ min: 1, max: 3 }), async (steps, burst) => {
      const world = new World({ perMinute: 1, burst });
      await world.run(steps);
      assert.equal(world.delivery.pending, 0);
      for (const sink of world.sinks) {
        const shown = `${sink.name}: ${sink.told.join(', ')}`;
        for (const [id, newest] of world.incidents) {
          const state = world.state(id, sink.name)!;
          assert.equal(state.revision, newest.revision, shown);
          assert.equal(state.told === 'resolved', newest.status === 'resolved', shown);
          const isAlone = sink.taken.some(({ notification }) => notification.id === id);
          assert.ok(isAlone !== (state.summary !== null), `${id} goes by two keys, or by none: ${shown}`);
          const key = state.summary ?? id;
          const told = sink.taken.filter(({ notification }) => notification.id === key);
          assert.equal(told[0]?.told, 'open', `${key} of ${shown}`);
        }
        for (const key of new Set(sink.taken.map(({ notification }) => notification.id))) {
          const members = [...world.incidents.keys()].filter(
            (id) => (world.state(id, sink.name)!.summary ?? id) === key,
          );
          const isOver = members.every((id) => world.incidents.get(id)!.status === 'resolved');
          const last = sink.taken.findLast(({ notification }) => notification.id === key)!;
          assert.equal(last.told === 'resolved', isOver, `${key} of ${members.join(', ')}, ${shown}`);
        }
      }
    }),
    { numRuns: 300 },
  );
});
