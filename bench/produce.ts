// `anomaly produce` of a file into an Avro topic, end to end, as a user has it: process start, schema, reading, sending,
// the last acknowledgement. Per format: rows a second by its own summary, by the wall clock, and by CPU time.
// usage: npm run bench -- produce [--rows N]
// The broker lives in its own process. What arrived is read back: the number of records, and two sums over all of them.

import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { KafkaClient } from '../src/clients/client.ts';
import { connect } from '../src/clients/connect.ts';
import { createRegistry } from '../src/clients/createRegistry.ts';
import { readAvro } from '../src/schemas/avroReader.ts';
import { parseAvroSchema } from '../src/schemas/avroSchema.ts';
import { type Dev, runAnomaly, startDev } from './processes.ts';
import { readings } from './readings.mjs';

const PARTITIONS = 4;
const SENSORS = 1000;
const CHUNK_BYTES = 1 << 20;

export interface ProduceRow {
  readonly input: string;
  readonly megabytes: number;
  readonly rows: number;
  /** From the first row to the last acknowledgement, as the command says. */
  readonly rowsPerSecond: number;
  /** Of the whole process. */
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

export async function produce(rows = 2_000_000): Promise<ProduceRow[]> {
  const dev = await startDev();
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  const client = await connect({ brokers: [dev.brokers], client: 'platformatic' });
  try {
    const sums = await writeInputs(dir, rows);
    const results: ProduceRow[] = [];
    for (const input of ['readings.csv', 'readings.jsonl', 'readings.parquet']) {
      results.push(await produceOnce(dev, client, dir, input, rows, sums));
      await client.admin.deleteTopics([topicOf(input)]);
    }
    return results;
  } finally {
    await client.close();
    rmSync(dir, { recursive: true, force: true });
    await dev.stop();
  }
}

async function produceOnce(
  dev: Dev,
  client: KafkaClient,
  dir: string,
  input: string,
  rows: number,
  sums: Sums,
): Promise<ProduceRow> {
  const topic = topicOf(input);
  const argv = ['produce', input, '--topic', topic, '--key', 'sensor_id', '--partitions', String(PARTITIONS)];
  const { json, cpuSeconds, wallSeconds } = await runAnomaly(dev, dir, [...argv, '-o', 'json']);
  const arrived = await readSums(client, dev.registry, topic);
  for (const name of ['count', 'value', 'seq'] as const) {
    if (arrived[name] !== sums[name]) throw new Error(`${input}: ${name} is ${arrived[name]}, not ${sums[name]}`);
  }
  const megabytes = Math.round(statSync(join(dir, input)).size / 1e5) / 10;
  return {
    input,
    megabytes,
    rows,
    rowsPerSecond: json['rows_per_second'] as number,
    wallSeconds,
    cpuSeconds,
  };
}

const topicOf = (input: string) => input.replace('.', '-');

interface Sums {
  count: number;
  /** In ten-thousandths, so that no order of summing matters. */
  value: number;
  seq: number;
}

/** The same readings in each format: time, sensor, value with four digits, a whole number, a state of few values. */
async function writeInputs(dir: string, rows: number): Promise<Sums> {
  const csv = createWriteStream(join(dir, 'readings.csv'));
  const jsonl = createWriteStream(join(dir, 'readings.jsonl'));
  const columns = {
    ts: [] as Date[],
    sensor: [] as string[],
    value: [] as number[],
    seq: [] as bigint[],
    state: [] as string[],
  };
  let csvText = 'ts,sensor_id,value,seq,state\n';
  let jsonText = '';
  const sums: Sums = { count: 0, value: 0, seq: 0 };
  for (const { key, tsMs, value: exact } of readings(rows, SENSORS, PARTITIONS)) {
    const value = Number(exact.toFixed(4));
    const seq = sums.count++;
    const state = seq % 7 === 0 ? 'warn' : 'ok';
    const iso = new Date(tsMs).toISOString();
    csvText += `${iso},${key},${value},${seq},${state}\n`;
    jsonText += `{"ts":"${iso}","sensor_id":"${key}","value":${value},"seq":${seq},"state":"${state}"}\n`;
    columns.ts.push(new Date(tsMs));
    columns.sensor.push(key);
    columns.value.push(value);
    columns.seq.push(BigInt(seq));
    columns.state.push(state);
    sums.value += Math.round(value * 10_000);
    sums.seq += seq;
    if (csvText.length < CHUNK_BYTES) continue;
    if (!csv.write(csvText)) await once(csv, 'drain');
    if (!jsonl.write(jsonText)) await once(jsonl, 'drain');
    csvText = '';
    jsonText = '';
  }
  csv.end(csvText);
  jsonl.end(jsonText);
  await Promise.all([once(csv, 'finish'), once(jsonl, 'finish')]);
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'ts', data: columns.ts, type: 'TIMESTAMP' },
      { name: 'sensor_id', data: columns.sensor, type: 'STRING' },
      { name: 'value', data: columns.value, type: 'DOUBLE' },
      { name: 'seq', data: columns.seq, type: 'INT64' },
      { name: 'state', data: columns.state, type: 'STRING' },
    ],
    rowGroupSize: 500_000,
  });
  writeFileSync(join(dir, 'readings.parquet'), new Uint8Array(buffer));
  return sums;
}

async function readSums(client: KafkaClient, registryUrl: string, topic: string): Promise<Sums> {
  const registry = createRegistry({ urls: [registryUrl] });
  const node = parseAvroSchema((await registry.latest(`${topic}-value`))!.schema);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
  const ends = await client.admin.listOffsets(partitions, 'latest');
  const consumer = await client.createConsumer();
  await consumer.assign(partitions.map((each) => ({ ...each, offset: 0 })));
  const sums: Sums = { count: 0, value: 0, seq: 0 };
  while (ends.some((end) => consumer.position(topic, end.partition) < end.offset)) {
    const batch = await consumer.poll(1000);
    if (batch === null) continue;
    for (let i = 0; i < batch.count; i++) {
      const cursor = { bytes: batch.bytes, pos: batch.valueStart[i]! + 5, end: batch.valueEnd[i]! };
      const row = readAvro(node, cursor) as { value: number; seq: number };
      sums.count++;
      sums.value += Math.round(row.value * 10_000);
      sums.seq += row.seq;
    }
  }
  await consumer.close();
  return sums;
}
