import assert from 'node:assert/strict';
import fs, { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { startBroker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/broker/clock.ts';
import { StorageError } from '../../../src/broker/log/segmentBytes.ts';
import { KafkaError } from '../../../src/broker/protocol/errorCodes.ts';
import { Flusher } from '../../../src/broker/storage/flusher.ts';
import { TopicConfigs } from '../../../src/broker/topicConfigs.ts';
import { isAnomalyError } from '../../../src/errors.ts';
import type { Logger } from '../../../src/output/logger.ts';
import { appendTo, DiskLog, keyedBatch, recordsOf, scratch } from '../helpers/diskLog.ts';
import { batchOf, RawClient } from '../helpers/rawClient.ts';
import { RawProducer } from '../helpers/rawProducer.ts';
import { holdSyncs, refuseDisk } from '../helpers/refusingDisk.ts';

const NOW_MS = 1_700_000_000_000;
const dir = scratch();
let homes = 0;
let restore = () => {};
afterEach(() => restore());
after(() => dir.remove());

const fresh = () => join(dir.path, `home-${homes++}`);
/** What is made or written as a whole; appends to open files go on. */
const NEW_FILES = ['writeFileSync', 'mkdirSync', 'fsyncSync'] as const;

function listening() {
  const errors: string[] = [];
  const logger = { info() {}, debug() {}, warn() {}, error: (message: string) => errors.push(message) };
  return { errors, logger: logger as unknown as Logger };
}

test('a segment that cannot be sealed does not stop the log: nothing is lost, and the next start reads it all', () => {
  const path = fresh();
  const configs = new TopicConfigs([['segment.bytes', '200']]);
  const { errors, logger } = listening();
  const first = new DiskLog({ path, configs, fsync: 'interval', logger });
  restore = refuseDisk(['writeFileSync'], 'ENOSPC');
  for (let i = 0; i < 6; i++) {
    const options = { producerId: 7, producerEpoch: 0, baseSequence: i };
    assert.equal(appendTo(first.log, batchOf([`v${i}`.repeat(20)], NOW_MS, options)), i);
  }
  assert.ok(errors.includes('cannot write the index of a segment'), errors.join());
  restore();
  assert.equal(readdirSync(first.directory).filter((name) => name.endsWith('.new')).length, 0);
  const expected = recordsOf(first.log);
  first.kill();
  const again = new DiskLog({ path, configs, fsync: 'interval' });
  assert.deepEqual(recordsOf(again.log), expected);
  assert.equal([...again.log.producers.all()].length, 1);
  again.close();
});

test('a compaction without room leaves the originals, and no file and no descriptor behind', () => {
  const path = fresh();
  const configs = new TopicConfigs([['segment.bytes', '200']]);
  const first = new DiskLog({ path, configs, fsync: 'interval' });
  for (let i = 0; i < 6; i++) appendTo(first.log, keyedBatch([{ key: 'k', value: `v${i}`, timestampMs: NOW_MS }]));
  const expected = recordsOf(first.log);
  const [one, two] = first.log.closedSegments;
  const files = readdirSync(first.directory);
  const batches = [{ bytes: one!.batchAt(0), baseOffset: one!.baseOffset, lastOffsetDelta: 0, maxTimestamp: NOW_MS }];
  for (const names of [['writeSync'], ['fdatasyncSync'], ['renameSync'], ['fsyncSync']] as const) {
    restore = refuseDisk(names, 'ENOSPC');
    assert.throws(() => first.log.rewrite([one!, two!], batches, NOW_MS), StorageError, names[0]);
    restore();
    assert.deepEqual(readdirSync(first.directory), files, names[0]);
    assert.deepEqual(recordsOf(first.log), expected);
  }
  first.close();
});

test('requests on a full disk are answered KAFKA_STORAGE_ERROR, the broker lives on, and closes', async () => {
  const path = fresh();
  const clock = new ManualClock();
  const { errors, logger } = listening();
  const broker = await startBroker({ data: path, clock, logger });
  const client = await RawClient.to(broker);
  await client.createTopic('t');
  await client.createTopic('never-written');
  await client.createTopic('u');
  const producer = await new RawProducer(client, 'tx', { timeoutMs: 2000 }).ready();
  await producer.add('u');
  await producer.send('u', ['x']);
  await client.produce('t', 0, batchOf(['a'], clock.now()));
  restore = refuseDisk([...NEW_FILES, 'writeSync', 'fdatasyncSync'], 'ENOSPC');
  const refused = await client.produce('t', 0, batchOf(['b'], clock.now()));
  assert.equal(refused.errorCode, KafkaError.KAFKA_STORAGE_ERROR);
  const unmade = await client.produce('never-written', 0, batchOf(['b'], clock.now()));
  assert.equal(unmade.errorCode, KafkaError.KAFKA_STORAGE_ERROR);
  // The transaction's time is over, and its outcome cannot be written: a timer of the broker meets the full disk.
  clock.advance(10_000);
  restore();
  assert.equal((await client.produce('t', 0, batchOf(['c'], clock.now()))).baseOffset, 1);
  restore = refuseDisk([...NEW_FILES, 'writeSync', 'fdatasyncSync'], 'ENOSPC');
  client.close();
  await broker.close();
  restore();
  assert.deepEqual(
    readdirSync(path).filter((name) => name === 'lock' || name === 'closed'),
    [],
    'free, and not called orderly',
  );
  assert.notEqual(errors.length, 0);
  const again = await startBroker({ data: path, clock });
  assert.equal(recordsOf(again.context.topics.partition('t', 0)!).length, 2);
  await again.close();
  assert.equal(existsSync(join(path, 'closed')), true);
});

test('a file that is settled while its sync is under way is synced, and the late answer does no harm', () => {
  const clock = new ManualClock();
  const flusher = new Flusher('interval', clock);
  const path = join(dir.path, 'flushed');
  const fd = fs.openSync(path, 'w');
  const file = { fd, path };
  const { held, restore: release } = holdSyncs();
  restore = release;
  flusher.touch(file);
  clock.advance(100);
  assert.equal(held.length, 1, 'the sync is under way');
  let synced = 0;
  const real = fs.fdatasyncSync;
  const undo = refuseDisk(['fdatasyncSync'], 'EIO', () => {
    synced++;
    return false;
  });
  flusher.settle(file);
  undo();
  assert.equal(fs.fdatasyncSync, real);
  assert.equal(synced, 1);
  fs.closeSync(fd);
  flusher.close();
});

test('a sync that fails is tried again, and said once', async () => {
  const clock = new ManualClock();
  const { errors, logger } = listening();
  const flusher = new Flusher('interval', clock, logger);
  const path = join(dir.path, 'failing');
  const fd = fs.openSync(path, 'w');
  let tries = 0;
  const real = fs.fdatasync;
  const failing = (_fd: number, done: (error: Error | null) => void) => {
    tries++;
    done(tries < 3 ? new Error('EIO') : null);
  };
  const { restore: release } = holdSyncs();
  restore = release;
  Object.assign(fs, { fdatasync: failing });
  (await import('node:module')).syncBuiltinESMExports();
  flusher.touch({ fd, path });
  for (let i = 0; i < 6; i++) clock.advance(100);
  assert.equal(tries, 3);
  assert.deepEqual(errors, ['cannot sync a file of the data directory']);
  release();
  assert.equal(fs.fdatasync, real);
  flusher.close();
  fs.closeSync(fd);
});

test('a start without file descriptors says so, and 300 partitions do not need 300 of them', async () => {
  const path = fresh();
  const first = await startBroker({ data: path, fsync: 'never' });
  const client = await RawClient.to(first);
  await client.createTopic('t', 300);
  for (let p = 0; p < 300; p++) await client.produce('t', p, batchOf(['x'], NOW_MS));
  client.close();
  await first.close();
  let opened = 0;
  restore = refuseDisk(['openSync'], 'EMFILE', () => opened++ > 40);
  await assert.rejects(
    startBroker({ data: path, fsync: 'never' }),
    (error) => isAnomalyError(error) && error.code === 'ANM_DATA_DIRECTORY' && /EMFILE/.test(error.message),
  );
  restore();
  const inUse = () => readdirSync('/proc/self/fd').length;
  if (process.platform !== 'linux') return;
  const before = inUse();
  const again = await startBroker({ data: path, fsync: 'never' });
  assert.ok(inUse() - before < 50, `${inUse() - before} are open`);
  await again.close();
});

test('where the process may open no more files, those that can be opened again make room', () => {
  const path = fresh();
  const log = new DiskLog({ path });
  appendTo(log.log, batchOf(['a'], NOW_MS));
  let isFull = true;
  const real = fs.closeSync;
  Object.assign(fs, {
    closeSync: (fd: number) => {
      isFull = false;
      real(fd);
    },
  });
  const undo = refuseDisk(['openSync'], 'EMFILE', () => isFull);
  restore = () => {
    undo();
    Object.assign(fs, { closeSync: real });
  };
  log.log.roll();
  appendTo(log.log, batchOf(['b'], NOW_MS));
  undo();
  restore();
  assert.equal(recordsOf(log.log).length, 2);
  log.close();
});
