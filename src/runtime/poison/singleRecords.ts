import { ColumnBatch } from '../../engine/batch.ts';

/**
 * The records of a batch as batches of one record each, in their order: how a batch is taken that crashed. They share
 * its bytes, and are valid as long as it is.
 */
export function* singleRecords(batch: ColumnBatch): Generator<ColumnBatch> {
  for (let i = 0; i < batch.count; i++) {
    const one = new ColumnBatch(batch.fields.length, 1);
    one.topic = batch.topic;
    one.partition = batch.partition;
    one.count = 1;
    one.bytes = batch.bytes;
    one.isAppendTime = batch.isAppendTime;
    one.waitedMs = batch.waitedMs;
    // Exactly the record: a crash of it is told by these.
    one.firstOffset = batch.offsets[i]!;
    one.nextOffset = one.firstOffset + 1;
    one.offsets[0] = batch.offsets[i]!;
    one.recordTimes[0] = batch.recordTimes[i]!;
    one.keyStart[0] = batch.keyStart[i]!;
    one.keyEnd[0] = batch.keyEnd[i]!;
    one.valueStart[0] = batch.valueStart[i]!;
    one.valueEnd[0] = batch.valueEnd[i]!;
    one.headerStart[0] = batch.headerStart[i]!;
    one.headerEnd[0] = batch.headerEnd[i]!;
    yield one;
  }
}
