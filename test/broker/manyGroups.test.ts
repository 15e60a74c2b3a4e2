import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { ownTime } from '../clients/helpers/ownTime.ts';
import { uniforms } from '../helpers/statistics.ts';
import { batchOf, RawClient } from './helpers/rawClient.ts';
import { RawMember } from './helpers/rawMember.ts';

// Goal: 100 groups of 10 members come to rest and stay there while records flow, each member on a connection of its
// own in this very process: no session ends for a heartbeat that the broker did not get to in time. Broker and members go by
// a clock that stands still while this process gets no turn, so that a machine that stalls ends no session either.

const GROUPS = 100;
const MEMBERS = 10;
const SESSION_MS = 6000;
const HEARTBEAT_MS = 2000;
/** Longer than a session, so that who goes unheard is out. */
const WATCH_MS = SESSION_MS + HEARTBEAT_MS;

interface Tally {
  heartbeats: number;
  /** Answers that put a member out: an unknown one, or one of another generation. */
  lost: number;
  slowestMs: number;
}

const random = uniforms(1);
const pause = (ms: number) => new Promise<void>((resolve) => void ownTime.after(ms, resolve));

/** Lives as consumers do: joins, syncs, beats, and joins again when told of a rebalance. */
async function live(member: RawMember, tally: Tally, isOver: () => boolean): Promise<void> {
  let isIn = false;
  while (!isOver()) {
    if (!isIn) {
      const code = (await member.join()) || (await member.sync());
      isIn = code === 0;
      if (code !== 0 && code !== 27) tally.lost++;
      continue;
    }
    // A real consumer's pace, told apart by chance in real life.
    await pause(HEARTBEAT_MS * (0.75 + 0.5 * random()));
    const sentMs = ownTime.now();
    const code = await member.heartbeat();
    tally.heartbeats++;
    tally.slowestMs = Math.max(tally.slowestMs, ownTime.now() - sentMs);
    if (code !== 0) isIn = false;
    if (code !== 0 && code !== 27) tally.lost++;
  }
}

async function flow(broker: Broker, isOver: () => boolean): Promise<number> {
  const client = await RawClient.to(broker);
  await client.createTopic('t');
  const batch = batchOf(
    Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(100, '.')),
    Date.now(),
  );
  let records = 0;
  while (!isOver()) {
    assert.equal((await client.produce('t', 0, batch)).errorCode, 0);
    records += 500;
    // What is read is not kept, or the test would fill the memory.
    if (records % 100_000 === 0) {
      const topics = [{ name: 't', partitions: [{ partitionIndex: 0, offset: -1 }] }];
      await client.send('DeleteRecords', 2, { topics });
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.close();
  return records;
}

test(`${GROUPS} groups of ${MEMBERS} members miss no heartbeat`, { timeout: 300_000 }, async (context) => {
  const broker = await startBroker({ clock: ownTime });
  const members: RawMember[] = [];
  for (let i = 0; i < GROUPS * MEMBERS; i++) {
    members.push(await RawMember.to(broker, `group-${i % GROUPS}`, { sessionTimeoutMs: SESSION_MS }));
  }
  const tally: Tally = { heartbeats: 0, lost: 0, slowestMs: 0 };
  let isOver = false;
  const startedMs = ownTime.now();
  const lives = members.map((member) => live(member, tally, () => isOver));
  const flowing = flow(broker, () => isOver);
  const groups = () => [...broker.context.groups.all()];
  const atRest = () =>
    groups().length === GROUPS &&
    groups().every(({ state, members: { size } }) => state === 'Stable' && size === MEMBERS);
  while (!atRest()) await pause(50);
  const settledMs = ownTime.now() - startedMs;
  const generations = groups().map(({ generationId }) => generationId);
  const before = tally.heartbeats;
  await pause(WATCH_MS);
  assert.ok(atRest());
  assert.deepEqual(
    groups().map(({ generationId }) => generationId),
    generations,
  );
  assert.equal(tally.lost, 0);
  const beats = tally.heartbeats - before;
  assert.ok(beats >= GROUPS * MEMBERS * Math.floor(WATCH_MS / (HEARTBEAT_MS * 1.25) - 1), `${beats} heartbeats`);
  isOver = true;
  const records = await flowing;
  for (const member of members) member.close();
  await Promise.allSettled(lives);
  await broker.close();
  context.diagnostic(
    `at rest after ${Math.round(settledMs)} ms; ${beats} heartbeats in ${WATCH_MS} ms, the slowest ${Math.round(tally.slowestMs)} ms; ${records} records meanwhile`,
  );
});
