// docs/benchmarks.md from the results of one run of the bench: `npm run bench -- --write`.
import { readFileSync, writeFileSync } from 'node:fs';
import type { BrokerRates } from './broker.ts';
import type { decode } from './decode.ts';
import { type DetectionRow, formatDetection } from './detection.ts';
import type { ExactlyOnceBench } from './exactlyOnce.ts';
import type { fused } from './fused.ts';
import type { GroupsResult } from './groups.ts';
import type { KafkaBench } from './kafka.ts';
import { clientChoiceTable, kafkaSection } from './kafkaSection.ts';
import type { LagSweepResult } from './lagSweep.ts';
import type { latency } from './latency.ts';
import { metricsSection, type ScrapeResult } from './metrics.ts';
import { type ModelResult, modelSection } from './model.ts';
import { type ModelLatencyResult, modelLatencySection } from './modelLatency.ts';
import { type PlantResult, plantSection } from './plant.ts';
import type { ProduceRow } from './produce.ts';
import { type ScoreStageResult, scoreStageSection } from './scoreStage.ts';
import { type SeriesMemory, seriesMemorySection } from './seriesMemory.ts';
import type { startup } from './startup.ts';
import type { state } from './state.ts';
import { type TuiBench, tuiSection } from './tui.ts';

export interface BenchResults {
  startup?: Awaited<ReturnType<typeof startup>>;
  decode?: Awaited<ReturnType<typeof decode>>;
  produce?: readonly ProduceRow[];
  fused?: Awaited<ReturnType<typeof fused>>;
  latency?: Awaited<ReturnType<typeof latency>>;
  broker?: readonly BrokerRates[];
  groups?: GroupsResult;
  lag?: LagSweepResult;
  detection?: readonly DetectionRow[];
  plant?: PlantResult;
  model?: ModelResult;
  'score-stage'?: ScoreStageResult;
  'model-latency'?: ModelLatencyResult;
  memory?: SeriesMemory;
  state?: Awaited<ReturnType<typeof state>>;
  'exactly-once'?: ExactlyOnceBench;
  metrics?: readonly ScrapeResult[];
  tui?: TuiBench;
  kafka?: KafkaBench;
}

const PAGE = new URL('../docs/benchmarks.md', import.meta.url);
const ARCHITECTURE = new URL('../ARCHITECTURE.md', import.meta.url);
const [OPEN, CLOSE] = ['<!-- kafka -->', '<!-- /kafka -->'];

/**
 * Writes the page; a result that is missing is an error, so that no page holds figures of two runs. The section of
 * Apache Kafka says its own machine and date: it is renewed alone, and kept where the rest is renewed.
 */
export function writePage(machine: string, date: string, results: BenchResults): void {
  if (results.kafka !== undefined) {
    const table = clientChoiceTable(machine, date, results.kafka);
    const text = readFileSync(ARCHITECTURE, 'utf8');
    const [from, to] = [text.indexOf(OPEN) + OPEN.length, text.indexOf(CLOSE)];
    writeFileSync(ARCHITECTURE, `${text.slice(0, from)}\n${table}\n${text.slice(to)}`);
  }
  const section = results.kafka === undefined ? undefined : kafkaSection(machine, date, results.kafka);
  const written = readFileSync(PAGE, 'utf8');
  const kept = written.includes(OPEN)
    ? written.slice(written.indexOf(OPEN) + OPEN.length, written.indexOf(CLOSE))
    : '\n';
  const kafka = `${OPEN}${section === undefined ? kept : `\n${section}\n`}${CLOSE}\n`;
  if (section !== undefined && Object.keys(results).length === 1) {
    const own = written.includes(OPEN) ? written.slice(0, written.indexOf(OPEN)) : `${written}\n`;
    writeFileSync(PAGE, `${own}${kafka}`);
    return;
  }
  const sections = [
    `# Benchmarks

<!-- Written by npm run bench -- --write; changes here are lost. -->

Measured by \`npm run bench\` on ${machine}, ${date}. Everything was measured in one run on one machine, with the broker
(\`anomaly dev\`) in a process of its own. Ratios say more than absolute figures: machines are noisy.`,
    startupSection(need(results.startup, 'startup')),
    decodeSection(need(results.decode, 'decode')),
    produceSection(need(results.produce, 'produce')),
    fusedSection(need(results.fused, 'fused')),
    latencySection(need(results.latency, 'latency')),
    exactlyOnceSection(need(results['exactly-once'], 'exactly-once')),
    brokerSection(need(results.broker, 'broker'), need(results.groups, 'groups')),
    lagSection(need(results.lag, 'lag')),
    stateSection(need(results.state, 'state')),
    seriesMemorySection(need(results.memory, 'memory')),
    detectionSection(need(results.detection, 'detection')),
    plantSection(need(results.plant, 'plant')),
    modelSection(need(results.model, 'model')),
    scoreStageSection(need(results['score-stage'], 'score-stage')),
    modelLatencySection(need(results['model-latency'], 'model-latency')),
    metricsSection(need(results.metrics, 'metrics')),
    tuiSection(need(results.tui, 'tui')),
  ];
  writeFileSync(PAGE, `${sections.join('\n\n')}\n\n${kafka}`);
}

function lagSection({ groups, partitions, firstMs, medianMs, longestMs }: LagSweepResult): string {
  return `## Lag of many groups

A full look at ${thousands(groups)} groups on ${thousands(partitions)} partitions (members, offsets, ends, judgement) takes ${medianMs} ms, the first one
${firstMs} ms, the longest of nine ${longestMs} ms.`;
}

function stateSection({ snapshots, cold }: NonNullable<BenchResults['state']>): string {
  if (snapshots === undefined || cold === undefined) throw new Error('state was measured in part');
  const { whole, changesOfOneInTwenty: changes, throughput } = snapshots;
  const { minio } = snapshots;
  const onMinio =
    minio === undefined ? '' : `; to MinIO it takes ${minio.snapshotMs} ms, and back ${minio.restoreMs} ms`;
  const kept = `${Math.round(cold.hotSeries / 1000)} thousand of them hot`;
  return `## State of many series

${millions(snapshots.series)} series in ${snapshots.partitions} partitions, each with a window, a rolling mean and the rolling z rule, in random order, from
the bytes of record batches on. It runs at ${throughput.ratio} of its rate with 10,000 series. Snapshots are taken while it runs:

| | all series | one in twenty changed |
|---|---|---|
| longest pause, in CPU time | ${whole.longestPauseMs} ms, ${whole.longestPauseCpuMs} ms | ${changes.longestPauseMs} ms, ${changes.longestPauseCpuMs} ms |
| until it is on the disk | ${whole.snapshotMs} ms | ${changes.snapshotMs} ms |
| megabytes | ${whole.megabytes} | ${changes.megabytes} |

Restoring from the disk takes ${snapshots.restoreMs} ms${onMinio}. With \`state.backend: lmdb\`, ${millions(cold.series)} series, ${kept}:
${Math.round(cold.randomEventsACpuSecond / 1000)} thousand events a CPU-second at random, ${cold.megabytesOfHeapAndArrays} MB of heap and arrays.`;
}

function startupSection({ bareNodeMs, helpMs, addedMs }: NonNullable<BenchResults['startup']>): string {
  return `## Cold start

\`anomaly --help\` takes ${helpMs} ms, bare \`node -e 0\` ${bareNodeMs} ms: ${addedMs} ms are the tool's (medians of 15, taken in turn).`;
}

function decodeSection(result: NonNullable<BenchResults['decode']>): string {
  return `## Columns beside objects

The same ${millions(result.records)} records (${result.megabytes} MB of record batches, Avro values) summed by sensor, and the sums compared:

| | million records per CPU-second |
|---|---|
| columns: our record reader, compiled Avro reader, interned keys | ${result.columnsMillionPerCpuSecond} |
| objects: @platformatic/kafka's record reader, avsc, a Map by key | ${result.objectsMillionPerCpuSecond} |
| ratio | ${result.ratio} |`;
}

function produceSection(rows: readonly ProduceRow[]): string {
  const lines = rows.map(
    ({ input, megabytes, rows: count, rowsPerSecond, cpuSeconds, wallSeconds }) =>
      `| ${input}, ${megabytes} MB | ${thousands(rowsPerSecond)} | ${thousands(Math.round(count / cpuSeconds))} | ${wallSeconds.toFixed(2)} s |`,
  );
  return `## Loading files

\`anomaly produce\` of ${millions(rows[0]!.rows)} rows (time, sensor, double, long, text) into an Avro topic of 4 partitions, keyed; all
records are read back and counted, and two columns summed.

| | rows/s, first row to last acknowledgement | rows per CPU-second, start-up included | wall time of the process |
|---|---|---|---|
${lines.join('\n')}`;
}

function fusedSection(result: NonNullable<BenchResults['fused']>): string {
  const { records, windows, alerts, cpuSeconds, wallSeconds, peakRssMiB } = result;
  return `## The fused job

\`anomaly run --until end --leave-open\` over ${millions(records)} records of 10,000 sensors in 4 partitions (\`bench/readings.mjs\`): Avro,
5-minute tumbling windows (count, mean, min, max, stddev) and the rolling z rule over 64 values, CRC checked, outputs
produced. Every output row is compared with a plain object-by-object reference, which is itself held within 1e-9 of
two passes on values of 1e8 ± 0.5. Flink 1.20 and Kafka Streams 4.1 give the same 260,000 windows and 880 alerts.

| | |
|---|---|
| windows, alerts | ${thousands(windows)}, ${thousands(alerts)} |
| events per CPU-second of the process, start-up included | ${(records / cpuSeconds / 1e6).toFixed(2)} million |
| wall time of the process | ${wallSeconds.toFixed(2)} s |
| largest resident memory | ${Math.round(peakRssMiB)} MiB |`;
}

function latencySection(result: NonNullable<BenchResults['latency']>): string {
  const { eventsPerSecond, seconds, alerts, p50Ms, p95Ms, p99Ms, maxMs, p99MsByThird, uncommittedAtEnd } = result;
  return `## Ingestion to alert

${thousands(eventsPerSecond)} events/s for ${seconds} s, \`score.on: record\`, at least once. From the producer's stamp of the record to the moment when a
consumer has its alert in hand: the producer's wait, the broker, the pipeline, and the broker again.

| alerts | p50 | p95 | p99 | max | p99 of each third of the time | not committed at the end |
|---|---|---|---|---|---|---|
| ${thousands(alerts)} | ${ms(p50Ms)} | ${ms(p95Ms)} | ${ms(p99Ms)} | ${ms(maxMs)} | ${p99MsByThird.map(ms).join(', ')} | ${thousands(uncommittedAtEnd)} records (${((uncommittedAtEnd / eventsPerSecond) * 1000).toFixed(0)} ms) |`;
}

/** Of the embedded broker; `npm run bench -- exactly-once --on-kafka` prints the same of a real one. */
function exactlyOnceSection({ latency: paced, restart, fused: job, load }: ExactlyOnceBench): string {
  const rate = (each: { eventsPerSecond: number; cpuSeconds: number }) =>
    `${(each.eventsPerSecond / 1e6).toFixed(2)} million | ${(job.records / each.cpuSeconds / 1e6).toFixed(2)} million`;
  return `## Exactly once

The fused job over ${millions(job.records)} records, each guarantee in turn, medians of three runs whose outputs were all compared. At least
once has one checkpoint at its end, exactly once one of each partition every 10 s as well.

| | events a second | events per CPU-second of the process |
|---|---|---|
| at least once | ${rate(job.atLeastOnce)} |
| exactly once | ${rate(job.exactlyOnce)} |
| ratio | ${job.ratio.toFixed(2)} | ${job.cpuRatio.toFixed(2)} |

Ingestion to an alert that is committed, read under read_committed, at ${thousands(paced.eventsPerSecond)} events/s for ${paced.seconds} s: ${thousands(paced.alerts)} alerts, p50
${ms(paced.p50Ms)}, p95 ${ms(paced.p95Ms)}, p99 ${ms(paced.p99Ms)}, max ${ms(paced.maxMs)}. From kill -9 to the first committed alert of a record that was sent
after the kill, a static member of ${thousands(restart.series)} series that is started again at once: ${restart.toOutputMs.map((each) => `${each} ms`).join(', ')}. Load of the
machine meanwhile: ${load.join(', ')}.`;
}

function brokerSection(rates: readonly BrokerRates[], groups: GroupsResult): string {
  const rows = rates.map(
    (one) =>
      `| ${one.storage} | ${one.inMillionPerSecond} | ${one.outMillionPerSecond} | ${one.inMillionPerCpuSecond} | ${one.outMillionPerCpuSecond} |`,
  );
  return `## The embedded broker

${millions(rates[0]!.records)} records of 100 bytes into 4 partitions of \`anomaly dev\` over loopback and out again, by the tool's fast client, every
record checked. In million records per second, and per second of the broker's own CPU time:

| storage | in | out | in, by CPU | out, by CPU |
|---|---|---|---|---|
${rows.join('\n')}

${thousands(groups.members)} members in ${groups.groups} groups, heartbeats every second: all had their partition after ${groups.stableAfterSeconds} s, and
${groups.lost} of them lost it in the next ${groups.seconds} s, while ${thousands(groups.recordsRead)} records flowed.`;
}

function detectionSection(rows: readonly DetectionRow[]): string {
  return `## Detection

The Numenta Anomaly Benchmark, 58 series, 116 windows, one configuration for all, no look ahead. NAB scores (standard, low
FP, low FN) take the threshold that is best on the corpus itself, as its board does; LOGO takes the one of the six other
folders. Both count new maxima of half a probation only. Precision, recall, F1 and false alarms a series and day are events at
the default threshold and shaping after a warm-up of 15 %, on NAB and then on the synthetic suite and its clean series.

\`\`\`text
${formatDetection(rows)}
\`\`\``;
}

function need<T>(result: T | undefined, name: string): T {
  if (result === undefined) throw new Error(`the page needs the bench ${name} in the same run`);
  return result;
}

const thousands = (n: number) => n.toLocaleString('en-US');
const millions = (n: number) => `${n / 1e6} million`;
const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
