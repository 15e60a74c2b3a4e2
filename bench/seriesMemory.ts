// What the default detector and its watches take for many series, in a process of its own: resident memory, and the
// packed state of a snapshot. Two weeks of 5-minute values of 100,000 series would be 400 million: 100 series of several
// shapes are fed them, and each of all series is given the state of one of them, as `rescale` gives it. So every array has
// what two weeks leave there. Then all series get an hour of values, and have to be where their models are.
// usage: npm run bench -- memory [--series 100000]
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ColumnBatch } from '../src/engine/batch.ts';
import type { PipelineDefinition } from '../src/engine/definition.ts';
import { KeyDictionary } from '../src/engine/keys.ts';
import { PartitionPipeline } from '../src/engine/pipeline.ts';
import { definePipeline } from '../src/runtime/definition/definition.ts';
import { configOf } from '../test/runtime/helpers/config.ts';
import { uniform } from './lstm.ts';

const PARTITIONS = 4;
const MODELS = 100;
const INTERVAL_MS = 300_000;
const STEPS_OF_DAY = 288;
const TAUGHT = 14 * STEPS_OF_DAY;
/** An hour, live, of all series. */
const LIVE = 12;
/** A Monday, 00:00 UTC. */
const START_MS = 1_699_833_600_000;
const RECORDS = 2048;
const LIMIT_MB = 1500;

export interface SeriesMemory {
  readonly series: number;
  /** Resident memory of the process in 10^6 bytes: before the first series, at the end, and at most. */
  readonly megabytesBefore: number;
  readonly megabytes: number;
  readonly megabytesAtMost: number;
  /** At the end: arrays of state, and objects with what is not collected yet. */
  readonly megabytesOfArrays: number;
  readonly megabytesOfHeap: number;
  /** (megabytes - megabytesBefore) / series. */
  readonly residentBytes: number;
  /** Of a snapshot, a series, by operator and in all. */
  readonly packedBytes: number;
  readonly packedBytesBy: Readonly<Record<string, number>>;
  /** CPU time a value of all series in turns. */
  readonly microsecondsPerValue: number;
}

/** Measures in a new process. */
export async function seriesMemory(series = 100_000): Promise<SeriesMemory> {
  const args = ['--import', import.meta.resolve('tsx'), fileURLToPath(import.meta.url), String(series)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the process of ${series} series ended with ${code}`);
  const result = JSON.parse(text) as SeriesMemory;
  const most = (LIMIT_MB * series) / 100_000;
  if (series >= 100_000 && result.megabytes > most) {
    console.log(`missed: ${result.megabytes} MB resident, of ${most}`);
  }
  return result;
}

async function measure(series: number): Promise<SeriesMemory> {
  const definition = definePipeline(
    await configOf(`version: 1
pipeline: bench
source: {topics: [t], key: sensor_id, time: ts, fields: {value: value}}
score: {on: record, detector: auto}
`),
  );
  const megabytesBefore = Math.round(process.memoryUsage().rss / 1e6);
  const models = new Feed(definition, 0, MODELS, 0);
  for (let step = 0; step < TAUGHT; step++) models.step(step);
  const packed = packedBytes(models.pipeline, MODELS);
  const own = Math.ceil(series / PARTITIONS / MODELS) * MODELS;
  const feeds = Array.from({ length: PARTITIONS }, (_, p) => new Feed(definition, p * own, own, TAUGHT));
  for (const feed of feeds) feed.adopt(models.pipeline);
  for (let step = TAUGHT; step < TAUGHT + LIVE; step++) models.step(step);
  const cpu = process.cpuUsage();
  for (let step = TAUGHT; step < TAUGHT + LIVE; step++) for (const feed of feeds) feed.step(step);
  const { user, system } = process.cpuUsage(cpu);
  const { rss, arrayBuffers, heapTotal } = process.memoryUsage();
  const { maxRSS } = process.resourceUsage();
  for (const feed of feeds) feed.compare(models.pipeline);
  const count = PARTITIONS * own;
  const megabytes = Math.round(rss / 1e6);
  return {
    series: count,
    megabytesBefore,
    megabytes,
    megabytesAtMost: Math.round((maxRSS * 1024) / 1e6),
    megabytesOfArrays: Math.round(arrayBuffers / 1e6),
    megabytesOfHeap: Math.round(heapTotal / 1e6),
    residentBytes: Math.round(((megabytes - megabytesBefore) * 1e6) / count),
    ...packed,
    microsecondsPerValue: Number(((user + system) / (count * LIVE)).toFixed(2)),
  };
}

/** One partition whose series get a value each step; series k has the shape k % MODELS. */
class Feed {
  readonly pipeline: PartitionPipeline;
  readonly #batch = new ColumnBatch(1, RECORDS);
  readonly #series: number;
  #offset = 0;
  alerts = 0;

  /** @param step which the first value comes at */
  constructor(definition: PipelineDefinition, first: number, series: number, step: number) {
    this.pipeline = new PartitionPipeline(definition, new KeyDictionary());
    this.#series = series;
    this.#offset = step * series;
    for (let k = 0; k < series; k++) {
      const name = new TextEncoder().encode(`sensor-${String(first + k).padStart(7, '0')}`);
      if (this.pipeline.keys.intern(name, 0, name.length) !== k) throw new Error(`series ${k} has another id`);
    }
  }

  adopt(models: PartitionPipeline): void {
    for (let id = 0; id < this.#series; id++) this.pipeline.state.adopt(id, models.state, id % MODELS);
  }

  step(step: number): void {
    const batch = this.#batch;
    for (let from = 0; from < this.#series; from += RECORDS) {
      batch.count = Math.min(RECORDS, this.#series - from);
      for (let i = 0; i < batch.count; i++) {
        batch.offsets[i] = this.#offset++;
        batch.eventTimes[i] = START_MS + step * INTERVAL_MS;
        batch.recordTimes[i] = batch.eventTimes[i]!;
        batch.series[i] = from + i;
        batch.fields[0]![i] = valueAt((from + i) % MODELS, step);
      }
      this.pipeline.process(batch, 0, batch.count);
      this.alerts += this.pipeline.alertRows.count;
      this.pipeline.clearOutput();
    }
  }

  /** @throws where a series is not as the one whose state it was given, after the same values */
  compare(models: PartitionPipeline): void {
    const wanted = Array.from({ length: MODELS }, (_, k) => JSON.stringify(models.state.describe(k)));
    if (!wanted.some((text) => text.includes('"rhythm":true'))) throw new Error('no series has a rhythm');
    for (let id = 0; id < this.#series; id++) {
      const text = JSON.stringify(this.pipeline.state.describe(id));
      if (text !== wanted[id % MODELS]) throw new Error(`series ${id} is ${text}, not ${wanted[id % MODELS]}`);
    }
  }
}

/** What a snapshot takes for a series, its key aside. */
function packedBytes(pipeline: PartitionPipeline, series: number) {
  const by = pipeline.snapshot().filter(({ id }) => id === 'score' || id.startsWith('watch/'));
  const packedBytesBy = Object.fromEntries(by.map(({ id, bytes }) => [id, Math.round(bytes.length / series)]));
  return { packedBytes: Object.values(packedBytesBy).reduce((sum, bytes) => sum + bytes, 0), packedBytesBy };
}

/** Days of several heights, some with a weekend, some without a rhythm; noise of its own for each. */
function valueAt(shape: number, step: number): number {
  const phase = (2 * Math.PI * (step % STEPS_OF_DAY)) / STEPS_OF_DAY;
  const isWeekend = Math.floor(step / STEPS_OF_DAY) % 7 >= 5;
  const height = shape % 4 === 3 ? 0 : (1 + (shape % 5)) * (shape % 4 === 2 && isWeekend ? 0.3 : 1);
  return 100 + height * Math.sin(phase + shape) + NOISE[(step * 31 + shape * 977) % NOISE.length]!;
}

const random = uniform(3);
const NOISE = Float64Array.from({ length: 65_521 }, () => random() + random() - 1);

/** For docs/benchmarks.md. */
export function seriesMemorySection(result: SeriesMemory): string {
  const { series, megabytes, megabytesAtMost, residentBytes, packedBytes: packed, microsecondsPerValue } = result;
  return `A process with ${series.toLocaleString('en-US')} series of the detector \`auto\` and its watches, each with the state that two weeks of 5-minute
values leave, has ${megabytes} MB resident (${megabytesAtMost} at most): ${residentBytes.toLocaleString('en-US')} bytes a series, and ${packed.toLocaleString('en-US')} in a snapshot. A value
of all series in turns costs ${microsecondsPerValue} us of CPU time.`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(JSON.stringify(await measure(Number(process.argv[2]))));
