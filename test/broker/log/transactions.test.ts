import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ManualClock } from '../../../src/broker/clock.ts';
import { compact } from '../../../src/broker/log/compaction.ts';
import { TopicConfigs } from '../../../src/broker/topicConfigs.ts';
import { endInPartition } from '../../../src/broker/transactions/markers.ts';
import { BatchHeader, readBatchHeader } from '../../../src/wire/batchHeader.ts';
import { BatchWriter } from '../../../src/wire/batchWriter.ts';
import { prepareCodecs } from '../../../src/wire/compression.ts';
import { DiskLog, recordsOf, scratch } from '../helpers/diskLog.ts';

const dir = scratch();
before(prepareCodecs);
after(() => dir.remove());

test('compaction drops what was aborted, keeps markers and fences, and stops before an open transaction', () => {
  const clock = new ManualClock();
  const configs = new TopicConfigs([['cleanup.policy', 'compact']]);
  const path = join(dir.path, 'log');
  const open = () => new DiskLog({ path, clock, configs, fsync: 'interval' });
  let disk = open();
  const header = new BatchHeader();
  const send = (producerId: number, key: string, value: string) => {
    const writer = new BatchWriter();
    writer.append(clock.now(), Buffer.from(key), 0, key.length, Buffer.from(value), 0, value.length);
    const options = { producerId, producerEpoch: 0, baseSequence: 0, transactional: true };
    const batch = Buffer.from(writer.finish(options));
    readBatchHeader(batch, 0, header);
    const offset = disk.log.append(batch, header, -1);
    disk.log.transactions.appended(producerId, 0, offset);
    return offset;
  };
  const begin = (producerId: number) => disk.log.beginTransaction(producerId, 0, true);
  const end = (producerId: number, isCommit: boolean) =>
    endInPartition(disk.log, { producerId, producerEpoch: 0 }, isCommit, clock.now());
  begin(1);
  send(1, 'a', 'committed');
  end(1, true);
  begin(2);
  send(2, 'a', 'aborted');
  send(2, 'b', 'aborted');
  end(2, false);
  begin(3);
  send(3, 'a', 'committed later');
  end(3, true);
  disk.log.roll();
  begin(4);
  const openOffset = send(4, 'a', 'open');
  disk.log.roll();
  const before = { end: disk.log.highWatermark, stable: disk.log.lastStableOffset };
  assert.equal(before.stable, openOffset - 1, 'its fence');
  compact(disk.log, clock.now());
  const told = () => recordsOf(disk.log).map(({ offset, key, value }) => [offset, key, value]);
  const expected = [
    [8, 'a', 'committed later'],
    [openOffset, 'a', 'open'],
  ];
  assert.deepEqual(told(), expected);
  assert.deepEqual([disk.log.highWatermark, disk.log.lastStableOffset], [before.end, before.stable]);
  const state = disk.log.transactions.toState();
  for (const isOrderly of [false, true]) {
    if (isOrderly) disk.close();
    else disk.kill();
    disk = open();
    assert.deepEqual(told(), expected);
    assert.deepEqual(disk.log.transactions.toState(), state);
    assert.equal(disk.log.highWatermark, before.end);
  }
  end(4, true);
  assert.equal(disk.log.lastStableOffset, disk.log.highWatermark);
  disk.log.roll();
  compact(disk.log, clock.now());
  assert.deepEqual(told(), [[openOffset, 'a', 'open']]);
  disk.close();
});
