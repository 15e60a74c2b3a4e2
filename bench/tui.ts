// What a screen costs the pipeline that it shows, and how soon it is there.
// usage: npm run bench -- tui [--records N] [--seconds N]
//
// Max: `run` reads a backlog as fast as it can, without a screen, with --tui, and with `anomaly tui` beside it, by turns.
// Throughput is events a second between two of its statuses, so that the start of the process is not in it, as the median
// of what each round lost against its own bare run. Beside it stands CPU time of the run's process a record. A screen costs
// by the second, not by the record: on a machine that does much else, where the same records take longer, its share of the
// CPU comes out larger than it is. Outputs are held against bench/reference.ts.
// Paced: the same at 100,000 events a second as they come. First frame: from the start of the process, without a broker.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KafkaClient } from '../src/clients/client.ts';
import { connect } from '../src/clients/connect.ts';
import type { MemberStatus } from '../src/observe/status.ts';
import { StatusReader } from '../src/runtime/status/reader.ts';
import { compareFused } from './compareFused.ts';
import { steadySender } from './latency.ts';
import { loadReadings, registerReadings } from './load.ts';
import { median } from './median.ts';
import { type Cluster, cpuSecondsOf, startDev } from './processes.ts';
import { reference } from './reference.ts';

const ANOMALY = fileURLToPath(new URL('../bin/anomaly.js', import.meta.url));
const SENSORS = 10_000;
const PARTITIONS = 4;
const ROUNDS = 3;
const PACE = 100_000;
const FIRST_FRAMES = 9;
/** Code that runs for the first time is slow. */
const WARM_UP_SECONDS = 3;

const VARIANTS = ['bare', 'run --tui', 'anomaly tui'] as const;
type Variant = (typeof VARIANTS)[number];

export interface TuiBench {
  readonly records: number;
  readonly max: readonly {
    readonly variant: Variant;
    readonly eventsASecond: number;
    /** Of the throughput, against the bare run of the same round. */
    readonly throughputCostPercent: number;
    readonly eventsACpuSecond: number;
    readonly cpuCostPercent: number;
  }[];
  readonly paced: readonly {
    readonly variant: Variant;
    /** Of the run's process. */
    readonly cores: number;
    readonly lagRecords: number;
  }[];
  readonly firstFrameMs: { readonly median: number; readonly longest: number; readonly bareNodeMs: number };
}

export async function tui(records = 24_000_000, seconds = 15): Promise<TuiBench> {
  const firstFrameMs = await firstFrames();
  const dev = await startDev();
  const client = await connect({ brokers: [dev.brokers], client: 'platformatic' });
  try {
    const live = await paced(dev, client, seconds);
    return { records, ...(await max(dev, client, records)), paced: live, firstFrameMs };
  } finally {
    await client.close();
    await dev.stop();
  }
}

async function max(dev: Cluster, client: KafkaClient, records: number): Promise<Pick<TuiBench, 'max'>> {
  const schemaId = await registerReadings(dev.registry, 'readings');
  await loadReadings(client, 'readings', schemaId, records, SENSORS, PARTITIONS);
  const wanted = reference(records, SENSORS, PARTITIONS);
  const found = new Map<Variant, Rates[]>(VARIANTS.map((variant) => [variant, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const variant of VARIANTS) {
      const name = `max-${round}-${VARIANTS.indexOf(variant)}`;
      const isWarm = ({ atMs, startedMs }: MemberStatus) => atMs - startedMs > WARM_UP_SECONDS * 1000;
      const from = (status: MemberStatus) => status.totals.records > records / 8 && isWarm(status);
      const to = (status: MemberStatus) => status.totals.records > (records * 7) / 8;
      const ended = ['--until', 'end', '--leave-open'];
      const run = await measured({ dev, client, variant, name, topic: 'readings', more: ended, from, to });
      const rates = { aSecond: run.records / run.seconds, aCpuSecond: run.records / run.cpuSeconds };
      found.get(variant)!.push(rates);
      const [aSecond, aCpuSecond] = [Math.round(rates.aSecond), Math.round(rates.aCpuSecond)];
      say(`round ${round + 1}, ${variant}: ${aSecond} events a second, ${aCpuSecond} events a CPU-second`);
      await run.ended();
      await compareFused(client, dev.registry, name, wanted);
    }
  }
  const bare = found.get('bare')!;
  const cost = (rates: readonly Rates[], of: keyof Rates) =>
    Number((100 * (1 - median(rates.map((rate, round) => rate[of] / bare[round]![of])))).toFixed(1));
  return {
    max: VARIANTS.map((variant) => {
      const rates = found.get(variant)!;
      return {
        variant,
        eventsASecond: Math.round(median(rates.map(({ aSecond }) => aSecond))),
        throughputCostPercent: cost(rates, 'aSecond'),
        eventsACpuSecond: Math.round(median(rates.map(({ aCpuSecond }) => aCpuSecond))),
        cpuCostPercent: cost(rates, 'aCpuSecond'),
      };
    }),
  };
}

interface Rates {
  readonly aSecond: number;
  readonly aCpuSecond: number;
}

async function paced(dev: Cluster, client: KafkaClient, seconds: number): Promise<TuiBench['paced']> {
  const rows: TuiBench['paced'][number][] = [];
  for (const variant of VARIANTS) {
    const name = `paced-${VARIANTS.indexOf(variant)}`;
    const schemaId = await registerReadings(dev.registry, name);
    await client.admin.createTopics([{ name, partitions: PARTITIONS }]);
    const producer = await client.createProducer({ lingerMs: 5 });
    const send = steadySender(producer, name, schemaId, PACE, SENSORS, 10_007);
    const sending = send(WARM_UP_SECONDS + seconds + 10);
    let began = Number.NaN;
    const from = (status: MemberStatus) => {
      if (status.totals.records > 0 && Number.isNaN(began)) began = status.atMs;
      return status.atMs - began > WARM_UP_SECONDS * 1000;
    };
    const to = (status: MemberStatus) => status.atMs - began > (WARM_UP_SECONDS + seconds) * 1000;
    const run = await measured({ dev, client, variant, name, topic: name, more: [], from, to });
    rows.push({
      variant,
      cores: Number((run.cpuSeconds / run.seconds).toFixed(3)),
      lagRecords: run.last.partitions.reduce((sum, { lag }) => sum + (lag ?? 0), 0),
    });
    say(`${variant} at ${PACE} a second: ${rows.at(-1)!.cores} cores, ${rows.at(-1)!.lagRecords} records behind`);
    run.stop();
    await run.ended();
    await sending;
    await producer.close();
  }
  return rows;
}

/** A figure as soon as it is there: the whole takes minutes. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

interface Measured {
  readonly dev: Cluster;
  readonly client: KafkaClient;
  readonly variant: Variant;
  /** Of the pipeline. */
  readonly name: string;
  readonly topic: string;
  readonly more: readonly string[];
  /** The first status from which on is measured, and the one up to which. */
  readonly from: Condition;
  readonly to: Condition;
}

/** Runs the pipeline, and gives what it did between two statuses. */
async function measured({ dev, client, variant, name, topic, more, from, to }: Measured) {
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  writeFileSync(join(dir, 'anomaly.yaml'), configOf(name, topic));
  const screen = variant === 'run --tui' ? ['--tui'] : [];
  const run = inTerminal(dev, dir, ['run', '--status-every', '200ms', ...screen, ...more]);
  const beside = variant === 'anomaly tui' ? inTerminal(dev, dir, ['tui']) : undefined;
  const [begin, end] = await Promise.race([
    samples(client, name, from, to),
    run.ended.then(({ text }) => {
      throw new Error(`the run was over before it could be measured:\n${text.slice(-2000)}`);
    }),
  ]);
  return {
    records: end.status.totals.records - begin.status.totals.records,
    cpuSeconds: end.cpuSeconds - begin.cpuSeconds,
    seconds: (end.status.atMs - begin.status.atMs) / 1000,
    last: end.status,
    stop: () => void process.kill(end.status.pid, 'SIGTERM'),
    ended: async () => {
      const { code, text } = await run.ended;
      if (code !== 0) throw new Error(`anomaly run of ${variant} ended with ${code}:\n${text.slice(-2000)}`);
      const isScreen = text.includes('\u001b[?1049h');
      if (isScreen !== (variant === 'run --tui')) throw new Error(`${variant} was to have a screen, or to have none`);
      beside?.child.stdin?.write('q');
      const seen = (await beside?.ended)?.text;
      if (seen?.includes(name) === false) throw new Error('the screen has not shown it');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

type Condition = (status: MemberStatus) => boolean;

interface Sample {
  readonly status: MemberStatus;
  readonly cpuSeconds: number;
}

/** The statuses at which two conditions begin to hold, with the CPU time of the process then. */
async function samples(
  client: KafkaClient,
  pipeline: string,
  ...conditions: readonly [Condition, Condition]
): Promise<[Sample, Sample]> {
  let reader: StatusReader | undefined;
  while (reader === undefined) {
    reader = await StatusReader.open(client, pipeline);
    if (reader === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const found: Sample[] = [];
  let lastMs = 0;
  while (found.length < conditions.length) {
    await reader.poll(1000);
    const [status] = await reader.read();
    if (status === undefined || status.atMs === lastMs) continue;
    lastMs = status.atMs;
    if (conditions[found.length]!(status)) found.push({ status, cpuSeconds: cpuSecondsOf(status.pid) });
  }
  await reader.close();
  return found as [Sample, Sample];
}

interface InTerminal {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>;
}

/** A command in a pseudo terminal, whose output is read as a terminal reads it. */
function inTerminal(
  cluster: Cluster,
  cwd: string,
  args: readonly string[],
  onText?: (text: string) => void,
): InTerminal {
  const words = [process.execPath, ANOMALY, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols 140 rows 40; exec ${words}`, '/dev/null'], {
    cwd,
    env: {
      ...process.env,
      ANOMALY_BROKERS: cluster.brokers,
      ANOMALY_REGISTRY_URLS: cluster.registry,
      ...{ XDG_STATE_HOME: cwd, TERM: 'xterm-256color', CI: 'false', SHELL: '/bin/sh' },
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    onText?.(text);
  });
  const ended = new Promise<{ code: number | null; text: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, text }));
  });
  return { child, ended };
}

/** From the start of the process to a whole frame, in a terminal, without a broker. */
export async function firstFrames(): Promise<TuiBench['firstFrameMs']> {
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  const nowhere = { brokers: '127.0.0.1:1', registry: 'http://127.0.0.1:1' };
  const times: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < FIRST_FRAMES; i++) {
    const started = performance.now();
    let shownMs = Number.NaN;
    const run = inTerminal(nowhere, dir, ['tui'], (text) => {
      // The names of the panels, then the footer: the frame is whole.
      if (!Number.isNaN(shownMs) || !/9 log[\s\S]*quit/.test(text)) return;
      shownMs = performance.now() - started;
      run.child.stdin!.write('q');
    });
    const { code, text } = await run.ended;
    if (code !== 0) throw new Error(`anomaly tui ended with ${code}:\n${text}`);
    times.push(shownMs);
    bare.push(await bareNode());
  }
  rmSync(dir, { recursive: true, force: true });
  const rounded = (value: number) => Math.round(value);
  return {
    median: rounded(median(times)),
    longest: rounded(Math.max(...times)),
    bareNodeMs: rounded(median(bare)),
  };
}

/** The same way in and out, with nothing of the tool. */
async function bareNode(): Promise<number> {
  const started = performance.now();
  const child = spawn('script', ['-qec', `exec '${process.execPath}' -e 0`, '/dev/null'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('close', resolve));
  return performance.now() - started;
}

export function tuiSection({ records, max: rows, paced: live, firstFrameMs }: TuiBench): string {
  const lines = rows.map(({ variant, ...row }) => {
    const { cores, lagRecords } = live.find((each) => each.variant === variant)!;
    const [costs, cpuCosts] = [row.throughputCostPercent, row.cpuCostPercent].map((percent) =>
      variant === 'bare' ? '-' : `${percent} %`,
    );
    const [rate, cpuRate] = [row.eventsASecond, row.eventsACpuSecond].map((each) => (each / 1e6).toFixed(2));
    return `| ${variant} | ${rate} million | ${costs} | ${cpuRate} million | ${cpuCosts} | ${cores} | ${lagRecords} |`;
  });
  return `## A screen

The fused job over ${records / 1e6} million events in a terminal of 140 by 40, medians of ${ROUNDS} rounds, by turns; then ${PACE.toLocaleString('en')} events a second
as they come. Costs are against the bare run of the same round, medians: of the throughput, and of the CPU time a record.

| | events a second | cost | events a CPU-second of the run | cost | cores at ${PACE.toLocaleString('en')}/s | lag then, records |
|---|---|---|---|---|---|---|
${lines.join('\n')}

The first whole frame is there ${firstFrameMs.median} ms after the start of the process (bare Node: ${firstFrameMs.bareNodeMs} ms; longest of ${FIRST_FRAMES}: ${firstFrameMs.longest} ms).`;
}

const configOf = (name: string, topic: string) => `version: 1
pipeline: ${name}
sinks: {windows: ${name}.windows, anomalies: ${name}.anomalies, late: ${name}.late, dead_letters: ${name}.dlq}
source: {topics: [${topic}], key: sensor_id, time: ts, fields: {value: value}}
windows: [{name: w5m, type: tumbling, size: 5m, aggregates: [count, mean, min, max, stddev]}]
score: {on: record, detector: rolling-z, window: 64, min_count: 8, threshold: 6}
`;
