import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { TopicConfigs } from '../../../src/broker/topicConfigs.ts';
import { isAnomalyError } from '../../../src/errors.ts';
import { BatchHeader, readBatchHeader } from '../../../src/wire/batchHeader.ts';
import { prepareCodecs } from '../../../src/wire/compression.ts';
import { appendTo, DiskLog, keyedBatch, recordsOf, scratch } from '../helpers/diskLog.ts';
import { batchOf } from '../helpers/rawClient.ts';
import { refuseDisk } from '../helpers/refusingDisk.ts';

const NOW_MS = 1_700_000_000_000;
const dir = scratch();
let copies = 0;
before(prepareCodecs);
after(() => dir.remove());

const fresh = () => join(dir.path, `log-${copies++}`);

function onlySegment(log: DiskLog): string {
  const [name, ...more] = readdirSync(log.directory).filter((file) => file.endsWith('.log'));
  assert.equal(more.length, 0);
  return join(log.directory, name!);
}

test('a segment that is cut anywhere recovers to its whole batches, says so, and takes more', () => {
  const path = fresh();
  const first = new DiskLog({ path });
  const ends = [0];
  for (const values of [['a'], ['bb', 'c'], ['d'.repeat(90)], ['e', 'f', 'g']]) {
    const batch = batchOf(values, NOW_MS);
    appendTo(first.log, batch);
    ends.push(ends.at(-1)! + batch.length);
  }
  const records = recordsOf(first.log);
  const segment = onlySegment(first);
  first.kill();
  const nextOffsets = [0, 1, 3, 4, 7];
  for (let size = 0; size <= ends.at(-1)!; size++) {
    const copy = fresh();
    cpSync(path, copy, { recursive: true });
    truncateSync(segment.replace(path, copy), size);
    const again = new DiskLog({ path: copy });
    const whole = ends.filter((end) => end <= size).length - 1;
    assert.equal(again.log.highWatermark, nextOffsets[whole], `${size} bytes`);
    assert.deepEqual(recordsOf(again.log), records.slice(0, nextOffsets[whole]), `${size} bytes`);
    assert.equal(again.data.cuts.length, ends.includes(size) ? 0 : 1, `${size} bytes`);
    if (!ends.includes(size)) {
      assert.match(again.data.cuts[0]!, new RegExp(`cut ${size - ends[whole]!} bytes off .*behind offset`));
    }
    assert.equal(appendTo(again.log, batchOf(['more'], NOW_MS)), nextOffsets[whole]);
    again.kill();
    const third = new DiskLog({ path: copy });
    assert.equal(third.log.highWatermark, nextOffsets[whole]! + 1, `${size} bytes`);
    assert.equal(third.data.cuts.length, 0);
    third.kill();
  }
});

test('bytes that are no batch, wrong ones and zeros behind the last batch are cut off', () => {
  const path = fresh();
  const first = new DiskLog({ path });
  appendTo(first.log, batchOf(['a', 'b'], NOW_MS));
  const segment = onlySegment(first);
  first.kill();
  const good = batchOf(['c'], NOW_MS, { baseOffset: 2 });
  const flipped = Buffer.from(good);
  flipped[flipped.length - 2]! ^= 1;
  const stepsBack = batchOf(['c'], NOW_MS, { baseOffset: 1 });
  const old = Buffer.from(good);
  old[16] = 1;
  for (const tail of [
    Buffer.alloc(500),
    Buffer.from('no batch at all, but longer than a header of one '.repeat(3)),
    flipped,
    stepsBack,
    old,
  ]) {
    const copy = fresh();
    cpSync(path, copy, { recursive: true });
    appendFileSync(segment.replace(path, copy), tail);
    const again = new DiskLog({ path: copy });
    assert.equal(again.log.highWatermark, 2);
    assert.equal(again.data.cuts.length, 1);
    again.close();
  }
  const copy = fresh();
  cpSync(path, copy, { recursive: true });
  appendFileSync(segment.replace(path, copy), good);
  const again = new DiskLog({ path: copy });
  assert.equal(again.log.highWatermark, 3, 'and a right one is taken');
  again.close();
});

test('any log is the same after an orderly end and after a kill: records, producers, start', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ count: fc.integer({ min: 1, max: 5 }), producer: fc.integer({ min: 0, max: 2 }) }), {
        minLength: 1,
        maxLength: 30,
      }),
      fc.integer({ min: 100, max: 2000 }),
      fc.boolean(),
      fc.nat(),
      (batches, segmentBytes, isOrderly, start) => {
        const path = fresh();
        const configs = new TopicConfigs([['segment.bytes', String(segmentBytes)]]);
        const first = new DiskLog({ path, configs, fsync: 'interval' });
        const sequences = [0, 0, 0];
        for (const { count, producer } of batches) {
          const values = Array.from({ length: count }, (_, i) => `${producer}-${i}`);
          const options = { producerId: 100 + producer, producerEpoch: 0, baseSequence: sequences[producer]! };
          appendTo(first.log, batchOf(values, NOW_MS, options));
          sequences[producer]! += count;
        }
        first.log.deleteBefore(start % (first.log.highWatermark + 1));
        const expected = {
          records: recordsOf(first.log),
          producers: [...first.log.producers.all()].sort((a, b) => a.producerId - b.producerId),
          start: first.log.logStartOffset,
          end: first.log.highWatermark,
        };
        if (isOrderly) first.close();
        else first.kill();
        const again = new DiskLog({ path, configs, fsync: 'interval' });
        assert.deepEqual(
          {
            records: recordsOf(again.log),
            producers: [...again.log.producers.all()].sort((a, b) => a.producerId - b.producerId),
            start: again.log.logStartOffset,
            end: again.log.highWatermark,
          },
          expected,
        );
        assert.deepEqual(again.data.cuts, []);
        again.close();
      },
    ),
    { numRuns: 60 },
  );
});

test('without index and state files everything is told from the batches', () => {
  const path = fresh();
  const configs = new TopicConfigs([['segment.bytes', '200']]);
  const first = new DiskLog({ path, configs });
  for (let i = 0; i < 20; i++) {
    appendTo(first.log, batchOf([`v${i}`], NOW_MS, { producerId: 7, producerEpoch: 2, baseSequence: i }));
  }
  const expected = recordsOf(first.log);
  const state = [...first.log.producers.all()];
  first.close();
  for (const name of readdirSync(first.directory)) {
    if (!name.endsWith('.log')) writeFileSync(join(first.directory, name), 'torn');
  }
  const again = new DiskLog({ path, configs });
  assert.deepEqual(recordsOf(again.log), expected);
  assert.deepEqual([...again.log.producers.all()], state);
  again.close();
});

test('producers of batches that a power cut took are forgotten, so that the batches are taken again', () => {
  const path = fresh();
  const first = new DiskLog({ path });
  const options = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
  appendTo(first.log, batchOf(['a'], NOW_MS, options));
  appendTo(first.log, batchOf(['b'], NOW_MS, { ...options, baseSequence: 1 }));
  first.close();
  const segment = onlySegment(first);
  truncateSync(segment, readFileSync(segment).length >> 1);
  const again = new DiskLog({ path });
  assert.equal(again.log.highWatermark, 1);
  const header = new BatchHeader();
  readBatchHeader(batchOf(['b'], NOW_MS, { ...options, baseSequence: 1 }), 0, header);
  assert.equal(again.log.producers.check(header).kind, 'append');
  again.close();
});

test('damage in an older segment is no torn tail: the start is refused, with place and reason', () => {
  const path = fresh();
  const configs = new TopicConfigs([['segment.bytes', '200']]);
  const first = new DiskLog({ path, configs, fsync: 'interval' });
  for (let i = 0; i < 6; i++) appendTo(first.log, batchOf([`v${i}`.repeat(20)], NOW_MS));
  first.kill();
  const [oldest] = readdirSync(first.directory).filter((name) => name.endsWith('.log'));
  const bytes = readFileSync(join(first.directory, oldest!));
  bytes[70]! ^= 1;
  writeFileSync(join(first.directory, oldest!), bytes);
  // With an index nobody reads the bytes at the start.
  rmSync(join(first.directory, oldest!.replace('.log', '.index')));
  assert.throws(
    () => new DiskLog({ path, configs }),
    (error) => isAnomalyError(error) && error.code === 'ANM_DATA_CORRUPT' && /CRC.*at byte 0/.test(error.message),
  );
});

test('a compaction that a crash interrupts is undone or finished by the next start', () => {
  const path = fresh();
  const configs = new TopicConfigs([['segment.bytes', '200']]);
  const first = new DiskLog({ path, configs });
  for (let i = 0; i < 6; i++) appendTo(first.log, keyedBatch([{ key: 'k', value: `v${i}`, timestampMs: NOW_MS }]));
  const [one, two] = first.log.closedSegments;
  const expected = recordsOf(first.log);
  first.kill();
  const file = (name: string) => join(first.directory, name);
  const digits = (offset: number) => String(offset).padStart(20, '0');
  // Half of a new segment: nobody needs it.
  copyFileSync(file(`${digits(0)}.log`), file(`${digits(0)}.cleaned`));
  truncateSync(file(`${digits(0)}.cleaned`), 30);
  const second = new DiskLog({ path, configs });
  assert.deepEqual(recordsOf(second.log), expected);
  second.kill();
  // A whole one that stands for the first two, which are still there.
  copyFileSync(
    file(`${digits(two!.baseOffset)}.log`),
    file(`${digits(one!.baseOffset)}-${digits(two!.nextOffset)}.swap`),
  );
  const third = new DiskLog({ path, configs });
  assert.deepEqual(
    recordsOf(third.log),
    expected.filter(({ offset }) => offset >= one!.nextOffset),
  );
  assert.equal(third.log.highWatermark, 6);
  third.kill();
});

test('under --fsync never a power cut may take the end of any segment: what follows is put aside', () => {
  const path = fresh();
  const first = new DiskLog({ path });
  const values = (from: number, to: number) => {
    for (let i = from; i < to; i++) appendTo(first.log, batchOf([`v${i}`], NOW_MS));
  };
  values(0, 5);
  first.log.roll();
  values(5, 8);
  const expected = recordsOf(first.log);
  first.kill();
  const [older] = readdirSync(first.directory).filter((name) => name.endsWith('.log'));
  const segment = join(first.directory, older!);
  truncateSync(segment, readFileSync(segment).length - 10);
  const again = new DiskLog({ path });
  assert.deepEqual(recordsOf(again.log), expected.slice(0, 4));
  assert.equal(again.data.cuts.length, 1);
  assert.match(again.data.cuts[0]!, /what followed is in .*5\.log\.cut-1/);
  assert.equal(appendTo(again.log, batchOf(['more'], NOW_MS)), 4);
  again.kill();
  const third = new DiskLog({ path });
  assert.equal(third.log.highWatermark, 5);
  assert.deepEqual(third.data.cuts, []);
  third.kill();
});

test('whole batches behind damage in the last segment are kept beside it', () => {
  const path = fresh();
  const first = new DiskLog({ path });
  const sizes = ['a', 'b', 'c'].map((value) => {
    const batch = batchOf([value], NOW_MS);
    appendTo(first.log, batch);
    return batch.length;
  });
  const segment = onlySegment(first);
  first.kill();
  const bytes = readFileSync(segment);
  const bent = Buffer.from(bytes);
  bent[sizes[0]! + sizes[1]! - 1]! ^= 1;
  writeFileSync(segment, bent);
  const again = new DiskLog({ path });
  assert.equal(again.log.highWatermark, 1);
  assert.match(again.data.cuts[0]!, /whole batches follow from byte/);
  assert.deepEqual(readFileSync(`${segment}.cut-1`), bent.subarray(sizes[0]));
  again.kill();
});

test('the state of a log that lost its end is not believed once the log has grown as long again', () => {
  const path = fresh();
  const first = new DiskLog({ path });
  const options = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
  appendTo(first.log, batchOf(['a'], NOW_MS));
  appendTo(first.log, batchOf(['b'], NOW_MS, options));
  first.close();
  const segment = onlySegment(first);
  truncateSync(segment, readFileSync(segment).length >> 1);
  const second = new DiskLog({ path });
  assert.equal(second.log.highWatermark, 1);
  for (const value of ['c', 'd']) appendTo(second.log, batchOf([value], NOW_MS));
  second.kill();
  const third = new DiskLog({ path });
  assert.deepEqual([...third.log.producers.all()], []);
  third.kill();
});

test('with --fsync always the name of a new partition, and of its topic, are synced too', () => {
  for (const [fsync, count] of [
    ['always', 3],
    ['never', 0],
  ] as const) {
    const log = new DiskLog({ path: fresh(), fsync });
    let synced = 0;
    const restore = refuseDisk(['fsyncSync'], 'EIO', () => {
      synced++;
      return false;
    });
    appendTo(log.log, batchOf(['a'], NOW_MS));
    restore();
    assert.equal(synced, count, `topics, topic and partition under ${fsync}`);
    log.kill();
  }
});

test('a log ends behind the fence at its end, after an orderly end, a kill, and one after the other', () => {
  for (const endings of ['close', 'kill', 'close kill', 'kill close', 'close close kill kill']) {
    const path = fresh();
    const first = new DiskLog({ path });
    appendTo(first.log, batchOf(['a', 'b'], NOW_MS));
    first.log.beginTransaction(9, 0, true);
    let log = first;
    for (const ending of endings.split(' ') as ('close' | 'kill')[]) {
      log[ending]();
      log = new DiskLog({ path });
      assert.deepEqual([log.log.highWatermark, log.log.lastStableOffset], [3, 2], endings);
    }
    assert.equal(appendTo(log.log, batchOf(['c'], NOW_MS)), 3);
    log.kill();
  }
});
