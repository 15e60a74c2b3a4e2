// The embedded broker by itself: records of 100 bytes in and out over loopback, `anomaly dev` in a process of its own, with
// the tool's fast client. Every record that comes back is checked: its partition, its place and its bytes.
// usage: npm run bench -- broker [--records N]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KafkaClient } from '../src/clients/client.ts';
import { connect } from '../src/clients/connect.ts';
import type { ColumnBatch } from '../src/engine/batch.ts';
import { type Dev, startDev } from './processes.ts';

const TOPIC = 'throughput';
const PARTITIONS = 4;
const RECORD_BYTES = 100;
/** Times that the whole topic is read: the first round also warms the consumer up. */
const READ_ROUNDS = 3;

export interface BrokerRates {
  readonly storage: string;
  readonly records: number;
  readonly inMillionPerSecond: number;
  readonly outMillionPerSecond: number;
  /** By the broker's own CPU time, which other work on the machine does not slow. */
  readonly inMillionPerCpuSecond: number;
  readonly outMillionPerCpuSecond: number;
}

/** In memory, and with --data at each fsync policy. */
export async function brokerRates(records = 4_000_000): Promise<readonly BrokerRates[]> {
  const rates = [await measure('memory', [], records)];
  for (const policy of ['never', 'interval', 'always']) {
    const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
    try {
      rates.push(await measure(`--data, --fsync ${policy}`, ['--data', dir, '--fsync', policy], records));
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return rates;
}

async function measure(storage: string, flags: readonly string[], records: number): Promise<BrokerRates> {
  sent.fill(0);
  const dev = await startDev(...flags);
  try {
    const client = await connect({ brokers: [dev.brokers], client: 'platformatic' });
    await client.admin.createTopics([{ name: TOPIC, partitions: PARTITIONS }]);
    // Both sides of the connection compile their loops on a tenth of the records first.
    const warmUp = Math.ceil(records / 10);
    await fill(client, warmUp);
    const written = await measured(dev, () => fill(client, records));
    const all = records + warmUp;
    let read = { seconds: Number.POSITIVE_INFINITY, cpuSeconds: Number.POSITIVE_INFINITY };
    for (let round = 0; round < READ_ROUNDS; round++) {
      const { seconds, cpuSeconds } = await measured(dev, () => drain(client, all));
      read = { seconds: Math.min(read.seconds, seconds), cpuSeconds: Math.min(read.cpuSeconds, cpuSeconds) };
    }
    await client.close();
    return {
      storage,
      records,
      inMillionPerSecond: rate(records, written.seconds),
      outMillionPerSecond: rate(all, read.seconds),
      inMillionPerCpuSecond: rate(records, written.cpuSeconds),
      outMillionPerCpuSecond: rate(all, read.cpuSeconds),
    };
  } finally {
    await dev.stop();
  }
}

const rate = (records: number, spent: number) => Number((records / spent / 1e6).toFixed(2));

async function measured(dev: Dev, work: () => Promise<void>) {
  const started = performance.now();
  const cpuBefore = await cpuSecondsOf(dev);
  await work();
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (await cpuSecondsOf(dev)) - cpuBefore };
}

/** The CPU time that the broker has used so far. */
async function cpuSecondsOf({ admin }: Dev): Promise<number> {
  const text = await (await fetch(`${admin}/public_metrics`)).text();
  return Number(/^redpanda_cpu_busy_seconds_total\{.*\} (\S+)$/m.exec(text)?.[1]);
}

/** The next record of each partition, as it was sent: its place in the first four bytes, the rest counts on from it. */
const sent = new Uint32Array(PARTITIONS);

async function fill(client: KafkaClient, records: number): Promise<void> {
  const producer = await client.createProducer({ batchBytes: 512 * 1024, lingerMs: 20 });
  const bytes = new Uint8Array(RECORD_BYTES).map((_, i) => i);
  const view = new DataView(bytes.buffer);
  const nowMs = Date.now();
  for (let i = 0; i < records; i++) {
    const partition = i % PARTITIONS;
    view.setUint32(0, sent[partition]!++);
    producer.append(TOPIC, partition, nowMs, null, 0, 0, bytes, 0, RECORD_BYTES);
    if ((i & 1023) === 0) await producer.ready();
  }
  await producer.flush();
  await producer.close();
}

async function drain(client: KafkaClient, records: number): Promise<void> {
  const consumer = await client.createConsumer({ maxPartitionBytes: 4 << 20, maxBytes: 16 << 20 });
  await consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition, offset: 0 })));
  const next = new Uint32Array(PARTITIONS);
  let left = records;
  while (left > 0) {
    const batch = await consumer.poll(5000);
    if (batch === null) throw new Error(`${left} records did not come back`);
    check(batch, next);
    left -= batch.count;
  }
  await consumer.close();
}

function check(batch: ColumnBatch, next: Uint32Array): void {
  const { bytes, valueStart, valueEnd, offsets, partition, count } = batch;
  let place = next[partition]!;
  for (let i = 0; i < count; i++, place++) {
    const at = valueStart[i]!;
    const number = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
    if (offsets[i] !== place || number !== place || valueEnd[i]! - at !== RECORD_BYTES || bytes[at + 99] !== 99) {
      throw new Error(`partition ${partition} has record ${number} at offset ${offsets[i]}, expected ${place}`);
    }
  }
  next[partition] = place;
}
