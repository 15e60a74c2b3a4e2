// What a scrape of /metrics costs with 10,000 series in the state, in one process and with workers: at rest, at 10,000
// events a second, and while a backlog is read as fast as it can be. Request to last byte, as a Prometheus on the same
// machine sees it.
// usage: npm run bench -- metrics [--series N]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KafkaClient } from '../src/clients/client.ts';
import { connect } from '../src/clients/connect.ts';
import { encodeReading, loadReadings, registerReadings } from './load.ts';
import { type Dev, freePort, spawnAnomaly, startDev } from './processes.ts';

const RECORDS_A_SERIES = 200;
const PARTITIONS = 8;
const SCRAPES = 200;
const EVENTS_A_SECOND = 10_000;
const TURN_MS = 10;

export interface ScrapeResult {
  readonly workers: number;
  readonly series: number;
  /** Sample lines of the answer. */
  readonly samples: number;
  readonly kilobytes: number;
  readonly restP50Ms: number;
  readonly restP99Ms: number;
  /** At 10,000 events a second. */
  readonly liveP50Ms: number;
  readonly liveP99Ms: number;
  /** While it reads a backlog as fast as it can. */
  readonly busyP50Ms: number;
}

export async function metrics(series = 10_000): Promise<ScrapeResult[]> {
  const dev = await startDev();
  const client = await connect({ brokers: [dev.brokers], client: 'platformatic' });
  try {
    const schemaId = await registerReadings(dev.registry, 'readings');
    const results: ScrapeResult[] = [];
    for (const workers of [1, 2]) {
      const topic = `readings-${workers}`;
      await loadReadings(client, topic, schemaId, series * RECORDS_A_SERIES, series, PARTITIONS);
      results.push(await scrapes(dev, client, { topic, schemaId, series, workers }));
    }
    return results;
  } finally {
    await client.close();
    await dev.stop();
  }
}

interface Scraped {
  readonly topic: string;
  readonly schemaId: number;
  readonly series: number;
  readonly workers: number;
}

async function scrapes(dev: Dev, client: KafkaClient, scraped: Scraped): Promise<ScrapeResult> {
  const { topic, series, workers } = scraped;
  const cwd = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  const port = await freePort();
  const source = ['--topic', topic, '--time', 'ts', '--max-ahead', 'off'];
  const work = ['--window', '1m', '--detector', 'auto', '--workers', String(workers)];
  const address = `127.0.0.1:${port}`;
  const { child, result } = spawnAnomaly(dev, cwd, ['run', ...source, ...work, '--metrics', address, '-o', 'json']);
  let failure: unknown;
  result.catch((error: unknown) => {
    failure = error;
  });
  try {
    const busy: number[] = [];
    let text = '';
    while (sum(text, 'anomaly_records_in_total') < series * RECORDS_A_SERIES) {
      if (failure !== undefined) throw failure;
      const scrape = await timed(address).catch(() => undefined);
      if (scrape === undefined) continue;
      text = scrape.text;
      if (sum(text, 'anomaly_records_in_total') > 0) busy.push(scrape.ms);
    }
    const rest = await some(address);
    const stop = await feed(client, scraped);
    const live = await some(address).finally(stop);
    return {
      workers,
      series: sum(text, 'anomaly_series'),
      samples: text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
      kilobytes: Math.round(text.length / 1024),
      restP50Ms: quantile(rest, 0.5),
      restP99Ms: quantile(rest, 0.99),
      liveP50Ms: quantile(live, 0.5),
      liveP99Ms: quantile(live, 0.99),
      busyP50Ms: quantile(busy, 0.5),
    };
  } finally {
    child.kill('SIGTERM');
    await result.catch(() => {});
    rmSync(cwd, { recursive: true, force: true });
  }
}

async function some(address: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < SCRAPES; i++) times.push((await timed(address)).ms);
  return times;
}

/** Records at a steady pace, of all series by turns, until the returned function is called. */
async function feed(client: KafkaClient, { topic, schemaId, series }: Scraped): Promise<() => Promise<void>> {
  const producer = await client.createProducer();
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  let k = 0;
  let sent = 0;
  const started = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - started) * EVENTS_A_SECOND) / 1000;
    for (; sent < due; sent++) {
      k = (k + 1) % series;
      const key = new TextEncoder().encode(`sensor-${String(k).padStart(5, '0')}`);
      const length = encodeReading(bytes, view, schemaId, key, Date.now(), 20);
      producer.append(topic, k % PARTITIONS, Date.now(), key, 0, key.length, bytes, 0, length);
    }
  }, TURN_MS);
  return async () => {
    clearInterval(timer);
    await producer.flush();
    await producer.close();
  };
}

async function timed(address: string): Promise<{ ms: number; text: string }> {
  const started = performance.now();
  const text = await (await fetch(`http://${address}/metrics`)).text();
  return { ms: performance.now() - started, text };
}

function sum(text: string, name: string): number {
  let total = 0;
  for (const [, value] of text.matchAll(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'gm'))) total += Number(value);
  return total;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Number((sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN).toFixed(2));
}

export function metricsSection(rows: readonly ScrapeResult[]): string {
  const lines = rows.map(
    ({ workers, series, samples, restP50Ms, restP99Ms, liveP50Ms, liveP99Ms, busyP50Ms }) =>
      `| ${workers} | ${series} | ${samples} | ${restP50Ms} ms, ${restP99Ms} ms | ${liveP50Ms} ms, ${liveP99Ms} ms | ${busyP50Ms} ms |`,
  );
  return `## A scrape of /metrics

Request to last byte, with a window and the \`auto\` detector's state for every series. One process that reads a backlog as
fast as it can answers between two slices of its work; with workers, the process that answers reads nothing.

| workers | series | samples | at rest: p50, p99 | at 10,000 events a second: p50, p99 | reading a backlog: p50 |
|---|---|---|---|---|---|
${lines.join('\n')}`;
}
