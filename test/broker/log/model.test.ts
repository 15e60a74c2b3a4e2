import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ManualClock } from '../../../src/broker/clock.ts';
import { compact } from '../../../src/broker/log/compaction.ts';
import { findRecord } from '../../../src/broker/log/findRecord.ts';
import { PartitionLog } from '../../../src/broker/log/partitionLog.ts';
import { applyRetention, rollByTime } from '../../../src/broker/log/retention.ts';
import { MemorySegments } from '../../../src/broker/log/segmentStore.ts';
import { TopicConfigs } from '../../../src/broker/topicConfigs.ts';
import { CODEC_NAMES, prepareCodecs } from '../../../src/wire/compression.ts';
import { appendTo, DiskLog, keyedBatch, recordsOf, type StoredRecord, scratch } from '../helpers/diskLog.ts';

// Any sequence of appends, deletions, retention, compaction, time and restarts, in memory and on disk, against a list.

const dir = scratch();
let logs = 0;
before(prepareCodecs);
after(() => dir.remove());

const record = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e', null),
  value: fc.option(fc.string({ maxLength: 60 }), { freq: 5 }),
  ageMs: fc.integer({ min: 0, max: 5000 }),
});
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      records: fc.array(record, { minLength: 1, maxLength: 6 }),
      codec: fc.constantFrom(...CODEC_NAMES),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('retain' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), isOrderly: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Kept extends StoredRecord {
  /** Whether a pass of compaction may have taken it. */
  isSuperseded: boolean;
}

/** The log under test, in memory or on disk, and what it has to hold. */
class World {
  readonly clock = new ManualClock();
  readonly configs: TopicConfigs;
  log: PartitionLog;
  private disk: DiskLog | null = null;
  private readonly path = join(dir.path, `model-${logs++}`);
  private readonly all: Kept[] = [];
  private start = 0;
  private end = 0;

  constructor(configs: TopicConfigs, isOnDisk: boolean) {
    this.configs = configs;
    const { clock } = this;
    if (isOnDisk) this.disk = this.open();
    this.log = this.disk?.log ?? new PartitionLog('t', 0, { clock, configs, store: new MemorySegments() });
  }

  async take(what: Step): Promise<void> {
    const nowMs = this.clock.now();
    if (what.kind === 'append') this.append(what);
    else if (what.kind === 'wait') this.clock.advance(what.ms);
    else if (what.kind === 'restart') this.restart(what.isOrderly);
    else if (what.kind === 'delete') {
      this.start = Math.max(this.start, what.at % (this.end + 1));
      this.log.deleteBefore(this.start);
    } else if (what.kind === 'compact') {
      rollByTime(this.log, nowMs);
      if (this.configs.isCompacted && compact(this.log, nowMs) !== null) this.supersede();
    } else {
      rollByTime(this.log, nowMs);
      applyRetention(this.log, nowMs);
      this.checkRetained(nowMs);
    }
  }

  /** Nothing is there that was not sent, or twice, or altered; and nothing is missing that has to be there. */
  async check(from: number): Promise<void> {
    assert.equal(this.log.highWatermark, this.end);
    assert.equal(this.log.logStartOffset, this.start);
    const found = recordsOf(this.log, Math.max(this.start, from % (this.end + 1)));
    const first = Math.max(this.start, from % (this.end + 1));
    const wanted = this.all.filter(({ offset }) => offset >= first);
    const present = new Set(found.map(({ offset }) => offset));
    assert.deepEqual(
      found,
      wanted.filter(({ offset }) => present.has(offset)).map(({ isSuperseded, ...rest }) => rest),
    );
    for (const { offset, isSuperseded } of wanted) {
      if (!isSuperseded) assert.ok(present.has(offset), `offset ${offset} is gone`);
    }
    await this.checkTimes();
  }

  close(): void {
    this.disk?.close();
  }

  private append({ records, codec }: Extract<Step, { kind: 'append' }>): void {
    const stamped = records.map(({ ageMs, ...rest }) => ({ ...rest, timestampMs: this.clock.now() - ageMs }));
    assert.equal(appendTo(this.log, keyedBatch(stamped, codec)), this.end);
    for (const one of stamped) this.all.push({ ...one, offset: this.end++, isSuperseded: false });
  }

  private restart(isOrderly: boolean): void {
    if (this.disk === null) return;
    if (isOrderly) this.disk.close();
    else this.disk.kill();
    this.disk = this.open();
    this.log = this.disk.log;
    assert.deepEqual(this.disk.data.cuts, []);
  }

  private open(): DiskLog {
    return new DiskLog({ path: this.path, clock: this.clock, configs: this.configs, fsync: 'interval' });
  }

  /** A record may go where a newer one of its key is in a closed segment, or where it is a tombstone there. */
  private supersede(): void {
    const closedEnd = this.log.closedSegments.at(-1)?.nextOffset ?? 0;
    const newest = new Map<string, number>();
    for (const { key, offset } of this.all) if (offset < closedEnd) newest.set(key ?? '', offset);
    for (const one of this.all) {
      if (one.offset >= closedEnd) continue;
      one.isSuperseded ||= newest.get(one.key ?? '')! > one.offset;
      if (Number.isFinite(this.configs.deleteRetentionMs)) one.isSuperseded ||= one.value === null;
    }
  }

  private checkRetained(nowMs: number): void {
    const { logStartOffset, configs } = this.log;
    assert.ok(logStartOffset >= this.start);
    if (configs.isDeleted) {
      const gone = this.all.filter(({ offset }) => offset >= this.start && offset < logStartOffset);
      // What compaction took does not hold its segment.
      const isAllowed = (one: Kept) => one.isSuperseded || one.timestampMs < nowMs - configs.retentionMs;
      // By size it may take what is young, as long as that much stays.
      if (!gone.every(isAllowed)) assert.ok(this.log.sizeBytes >= configs.retentionBytes);
    } else assert.equal(logStartOffset, this.start);
    this.start = logStartOffset;
  }

  /** The first record at or after a time is the first that is there. */
  private async checkTimes(): Promise<void> {
    const found = recordsOf(this.log);
    for (const timestampMs of new Set([0, ...found.map((one) => one.timestampMs), this.clock.now() + 1])) {
      const { offset } = await findRecord(this.log, timestampMs);
      assert.equal(offset, found.find((one) => one.timestampMs >= timestampMs)?.offset ?? -1);
    }
  }
}

const configurations: Record<string, Record<string, string>> = {
  delete: { 'retention.ms': '6000', 'retention.bytes': '1500' },
  compact: { 'cleanup.policy': 'compact' },
  'compact, and tombstones go': { 'cleanup.policy': 'compact', 'delete.retention.ms': '3000' },
  'compact,delete': { 'cleanup.policy': 'compact,delete', 'retention.ms': '8000', 'min.compaction.lag.ms': '1000' },
};
for (const [name, configs] of Object.entries(configurations)) {
  for (const place of ['memory', 'disk'] as const) {
    test(`${name}, in ${place}: any sequence leaves what has to be there`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 40 }),
          fc.constantFrom('150', '600', '5000'),
          fc.nat(),
          async (steps, segmentBytes, from) => {
            const all = { ...configs, 'segment.bytes': segmentBytes, 'segment.ms': '5000' };
            const world = new World(new TopicConfigs(Object.entries(all)), place === 'disk');
            for (const one of steps) await world.take(one);
            await world.check(0);
            await world.check(from);
            world.close();
          },
        ),
        { numRuns: 60 },
      );
    });
  }
}

test('a full pass leaves one record of each key, at its offset, in a batch that keeps its range', () => {
  const configs = new TopicConfigs([['cleanup.policy', 'compact']]);
  const clock = new ManualClock();
  const log = new PartitionLog('t', 0, { clock, configs, store: new MemorySegments() });
  const at = (key: string, value: string) => ({ key, value, timestampMs: clock.now() });
  appendTo(log, keyedBatch([at('a', '0'), at('b', '1'), at('a', '2')], 'zstd'));
  appendTo(log, keyedBatch([at('a', '3')], 'gzip'));
  appendTo(log, keyedBatch([at('c', '4'), at('c', '5')]));
  log.roll();
  const { bytesBefore, bytesAfter } = compact(log, clock.now())!;
  assert.ok(bytesAfter < bytesBefore);
  assert.deepEqual(
    recordsOf(log).map(({ offset, key, value }) => [offset, key, value]),
    [
      [1, 'b', '1'],
      [3, 'a', '3'],
      [5, 'c', '5'],
    ],
  );
  assert.equal(log.highWatermark, 6);
  assert.equal(compact(log, clock.now()), null, 'nothing is due any more');
});

test('a tombstone stays for delete.retention.ms after the first pass, then goes', () => {
  const clock = new ManualClock();
  const configs = new TopicConfigs([
    ['cleanup.policy', 'compact'],
    ['delete.retention.ms', '10000'],
  ]);
  const log = new PartitionLog('t', 0, { clock, configs, store: new MemorySegments() });
  const append = (key: string, value: string | null) =>
    appendTo(log, keyedBatch([{ key, value, timestampMs: clock.now() }]));
  append('a', '1');
  append('a', null);
  append('b', '2');
  log.roll();
  const values = () => recordsOf(log).map(({ value }) => value);
  compact(log, clock.now());
  assert.deepEqual(values(), [null, '2']);
  clock.advance(9999);
  compact(log, clock.now());
  assert.deepEqual(values(), [null, '2']);
  clock.advance(1);
  compact(log, clock.now());
  assert.deepEqual(values(), ['2']);
});

test('segments that compaction made small are put together', () => {
  const clock = new ManualClock();
  const configs = new TopicConfigs([
    ['cleanup.policy', 'compact'],
    ['segment.bytes', '1000'],
  ]);
  const log = new PartitionLog('t', 0, { clock, configs, store: new MemorySegments() });
  for (let i = 0; i < 100; i++) {
    appendTo(log, keyedBatch([{ key: `k${i % 3}`, value: 'v'.repeat(50), timestampMs: clock.now() }]));
  }
  const before = log.closedSegments.length;
  compact(log, clock.now());
  appendTo(log, keyedBatch([{ key: 'k0', value: 'v'.repeat(900), timestampMs: clock.now() }]));
  appendTo(log, keyedBatch([{ key: 'k0', value: 'w', timestampMs: clock.now() }]));
  compact(log, clock.now());
  assert.ok(log.closedSegments.length < before / 3, `${before} became ${log.closedSegments.length}`);
});
