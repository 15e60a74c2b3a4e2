// Decoding record batches into columns, beside decoding the same bytes into objects as JavaScript clients do: the
// library's record reader, avsc, and a Map by key. Both sum the values by sensor, and the sums have to agree.
import { Reader, readRecordsBatch } from '@platformatic/kafka';
import avro from 'avsc';
import { ColumnBatch } from '../src/engine/batch.ts';
import { BatchDecoder, SchemaReaders } from '../src/engine/decode/decoder.ts';
import { KeyDictionary } from '../src/engine/keys.ts';
import { BatchHeader, readBatchHeader } from '../src/wire/batchHeader.ts';
import { BatchWriter } from '../src/wire/batchWriter.ts';
import { DecompressedBytes } from '../src/wire/compression.ts';
import { loadFastCrc32c } from '../src/wire/crc32c.ts';
import { readRecords } from '../src/wire/records.ts';
import { encodeReading, SCHEMA } from './load.ts';
import { readings } from './readings.mjs';

const SENSORS = 10_000;
const BATCH_RECORDS = 10_000;
const ROUNDS = 5;

export async function decode(records: number) {
  await loadFastCrc32c();
  const batches = makeBatches(records);
  const megabytes = batches.reduce((sum, batch) => sum + batch.length, 0) / 1e6;
  const columns: number[] = [];
  const objects: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [byColumns, columnSeconds] = cpu(() => sumByColumns(batches));
    const [byObjects, objectSeconds] = cpu(() => sumByObjects(batches));
    if (byColumns.size !== byObjects.size)
      throw new Error(`${byColumns.size} sensors by columns, ${byObjects.size} by objects`);
    for (const [key, sum] of byObjects) if (byColumns.get(key) !== sum) throw new Error(`the sums of ${key} differ`);
    columns.push(columnSeconds);
    objects.push(objectSeconds);
  }
  const rate = (seconds: number[]) =>
    Number((records / seconds.toSorted((a, b) => a - b)[ROUNDS >> 1]! / 1e6).toFixed(2));
  const [columnRate, objectRate] = [rate(columns), rate(objects)];
  return {
    records,
    megabytes: Math.round(megabytes),
    columnsMillionPerCpuSecond: columnRate,
    objectsMillionPerCpuSecond: objectRate,
    ratio: Number((columnRate / objectRate).toFixed(1)),
  };
}

function makeBatches(records: number): Uint8Array[] {
  const writer = new BatchWriter();
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  const batches: Uint8Array[] = [];
  const flush = () => {
    batches.push(writer.finish({ compression: 'none' }).slice());
    writer.reset();
  };
  for (const { key, tsMs, value } of readings(records, SENSORS, 4)) {
    const name = new TextEncoder().encode(key);
    const length = encodeReading(bytes, view, 1, name, tsMs, value);
    writer.append(tsMs, name, 0, name.length, bytes, 0, length);
    if (writer.count === BATCH_RECORDS) flush();
  }
  if (writer.count > 0) flush();
  return batches;
}

function sumByColumns(batches: readonly Uint8Array[]): Map<string, number> {
  const keys = new KeyDictionary();
  const schemas = new SchemaReaders({ key: 'sensor_id', time: 'ts', fields: ['value'] });
  schemas.add(1, JSON.parse(SCHEMA));
  const decoder = new BatchDecoder({ keys, schemas, format: 'avro', maxAheadMs: Number.POSITIVE_INFINITY });
  const columns = new ColumnBatch(1, BATCH_RECORDS);
  const header = new BatchHeader();
  const scratch = new DecompressedBytes();
  const sums = new Float64Array(SENSORS);
  for (const bytes of batches) {
    readBatchHeader(bytes, 0, header);
    readRecords(bytes, header, columns, scratch);
    if (decoder.decode(columns) !== columns.count || decoder.rejectCount > 0)
      throw new Error('a record was not decoded');
    const { series, fields } = columns;
    const values = fields[0]!;
    for (let i = 0; i < columns.count; i++) sums[series[i]!] = sums[series[i]!]! + values[i]!;
  }
  return new Map(Array.from({ length: keys.size }, (_, id) => [keys.text(id), sums[id]!]));
}

function sumByObjects(batches: readonly Uint8Array[]): Map<string, number> {
  const type = avro.Type.forSchema(JSON.parse(SCHEMA));
  const sums = new Map<string, number>();
  for (const bytes of batches) {
    const batch = readRecordsBatch(Reader.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)));
    for (const record of batch.records) {
      const { sensor_id, value } = type.fromBuffer((record.value as Buffer).subarray(5)) as {
        sensor_id: string;
        value: number;
      };
      sums.set(sensor_id, (sums.get(sensor_id) ?? 0) + value);
    }
  }
  return sums;
}

function cpu<T>(work: () => T): [T, number] {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return [result, (user + system) / 1e6];
}
