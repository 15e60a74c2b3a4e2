// State of many series: what a snapshot costs the processing beside it, and what restoring costs; and more series than
// memory holds, in lmdb.
// usage: npm run bench -- state [--series 1000000] [--cold-series 5000000] [--minio]
// Figures of throughput are of CPU time, so that a busy machine tells the same.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { KeyDictionary } from '../src/engine/keys.ts';
import { PartitionPipeline } from '../src/engine/pipeline.ts';
import type { SnapshotCut } from '../src/engine/pipelineState.ts';
import type { CutKind } from '../src/engine/rowSnapshot.ts';
import { Increments } from '../src/runtime/checkpoints/increments.ts';
import type { Task } from '../src/runtime/task.ts';
import type { SnapshotReference } from '../src/stores/checkpointStore.ts';
import { ObjectCheckpointStore } from '../src/stores/checkpoints/objectCheckpointStore.ts';
import { FileObjectStore } from '../src/stores/fileObjectStore.ts';
import { LmdbStore } from '../src/stores/lmdbStore.ts';
import { loadFastCrc32c } from '../src/wire/crc32c.ts';
import { openMinioStore } from './minioStore.ts';
import { MANY_SERIES, SeriesFeed } from './seriesFeed.ts';

const PARTITIONS = 4;
/** Of 2,048 records, for each partition. */
const ENCODED_BATCHES = 500;
const FEW_SERIES = 10_000;
const POLICY = {
  timeoutMs: 60_000,
  retryMs: 1000,
  now: () => performance.now(),
  sleep: (ms: number) => setTimeout(ms),
  random: Math.random,
};

export async function state(series = 1_000_000, coldSeries = 5_000_000, isOnMinio = false) {
  const snapshots = series > 0 ? await snapshotBench(series, isOnMinio) : undefined;
  const cold = coldSeries > 0 ? await coldBench(coldSeries) : undefined;
  return { ...(snapshots !== undefined && { snapshots }), ...(cold !== undefined && { cold }) };
}

async function snapshotBench(series: number, isOnMinio: boolean) {
  await loadFastCrc32c();
  const directory = mkdtempSync(join(tmpdir(), 'anomaly-bench-state-'));
  try {
    const few = throughput(feedsOf(FEW_SERIES));
    const feeds = feedsOf(series);
    const rate = throughput(feeds);
    const files = new FileObjectStore(directory, directory, POLICY);
    const store = new ObjectCheckpointStore({ store: files, group: 'bench', cluster: 'c' });
    const watched = feeds.map((feed) => new WatchedTask(feed));
    const chains = feeds.map(() => new Increments());
    const whole = await takeAll(feeds, watched, chains, store, 'whole', Infinity);
    // The cut has to be of few changes: what ran beside the whole one has changed nearly all.
    await takeAll(feeds, watched, chains, store, 'between', 0);
    for (const feed of feeds) feed.run(series / PARTITIONS / 20);
    const changes = await takeAll(feeds, watched, chains, store, 'changes', 20_000);
    const restoreMs = await restoreAll(store, changes.references, series);
    await store.close();
    const minio = isOnMinio ? await minioBench(feeds, series) : undefined;
    return {
      series,
      partitions: PARTITIONS,
      throughput: { [`${FEW_SERIES} series`]: few, [`${series} series`]: rate, ratio: Number((rate / few).toFixed(2)) },
      whole: whole.figures,
      changesOfOneInTwenty: changes.figures,
      restoreMs,
      ...(minio !== undefined && { minio }),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The whole state to a real MinIO, while processing goes on, and back. */
async function minioBench(feeds: readonly SeriesFeed[], series: number) {
  const { store: objects, remove } = await openMinioStore();
  try {
    const store = new ObjectCheckpointStore({ store: objects, group: 'bench', cluster: 'c' });
    const tasks = feeds.map((feed) => new WatchedTask(feed));
    const chains = feeds.map(() => new Increments());
    const { references, figures } = await takeAll(feeds, tasks, chains, store, 'minio', Infinity);
    const restoreMs = await restoreAll(store, references, series);
    await store.close();
    return { ...figures, restoreMs };
  } finally {
    await remove();
  }
}

async function restoreAll(store: ObjectCheckpointStore, references: readonly SnapshotReference[], series: number) {
  const started = performance.now();
  let restored = 0;
  for (const reference of references) {
    const { operators } = await store.load(reference);
    const pipeline = new PartitionPipeline(MANY_SERIES, new KeyDictionary());
    pipeline.restore(operators, new Set());
    restored += pipeline.keys.count;
  }
  const restoreMs = Math.round(performance.now() - started);
  if (restored !== series) throw new Error(`restored ${restored} series, not ${series}`);
  return restoreMs;
}

/** A partition after the other, as the checkpointer has it, while all of them go on. */
async function takeAll(
  feeds: readonly SeriesFeed[],
  tasks: readonly WatchedTask[],
  chains: readonly Increments[],
  store: ObjectCheckpointStore,
  checkpoint: string,
  mostASecond: number,
) {
  for (const task of tasks) task.reset();
  const started = performance.now();
  const cpuStarted = process.cpuUsage();
  const references: SnapshotReference[] = [];
  let bytes = 0;
  let processedMs = 0;
  let processed = 0;
  let turn = 0;
  let isRunning = true;
  const taking = (async () => {
    for (const [partition, task] of tasks.entries()) {
      const taken = chains[partition]!.take(task as unknown as Task, false);
      const parts = await taken.parts();
      const saved = await store.save({
        ...{ pipeline: 'bench', group: 'bench', cluster: 'c', topic: 't', partition, offset: 1, watermark: null },
        ...{ checkpoint, createdMs: 1, toolVersion: '0', definition: 'd', schemaIds: [] },
        ...parts,
      });
      taken.stored(saved);
      references.push(saved);
      bytes += saved.bytes;
    }
    isRunning = false;
  })();
  while (isRunning) {
    const before = performance.now();
    if (processed <= (mostASecond * (before - started)) / 1000) processed += feeds[turn++ % feeds.length]!.step();
    processedMs += performance.now() - before;
    await setImmediate();
  }
  await taking;
  const cpu = process.cpuUsage(cpuStarted);
  return {
    references,
    figures: {
      longestPauseMs: Number(Math.max(...tasks.map((task) => task.longestMs)).toFixed(1)),
      longestPauseCpuMs: Number(Math.max(...tasks.map((task) => task.longestCpuMs)).toFixed(1)),
      cutMs: Number(Math.max(...tasks.map((task) => task.cutMs)).toFixed(1)),
      snapshotMs: Math.round(performance.now() - started),
      cpuMsBesideProcessing: Math.round((cpu.user + cpu.system) / 1000 - processedMs),
      megabytes: Math.round(bytes / 1e6),
    },
  };
}

/** Times every piece of a snapshot that processing has to wait for. */
class WatchedTask {
  longestMs = 0;
  /** The same in CPU time of the process, other threads included: what the pause is where nothing else runs. */
  longestCpuMs = 0;
  cutMs = 0;
  readonly #feed: SeriesFeed;

  constructor(feed: SeriesFeed) {
    this.#feed = feed;
  }

  reset(): void {
    this.longestMs = 0;
    this.longestCpuMs = 0;
    this.cutMs = 0;
  }

  cut(kind: CutKind): SnapshotCut {
    const started = performance.now();
    const cut = this.#timed(() => this.#feed.pipeline.cut(kind));
    this.cutMs = Math.max(this.cutMs, performance.now() - started);
    return {
      ...cut,
      step: (bytes) => this.#timed(() => cut.step(bytes)),
      operators: () => this.#timed(() => cut.operators()),
    };
  }

  #timed<T>(act: () => T): T {
    const started = performance.now();
    const cpuStarted = process.cpuUsage();
    const result = act();
    const { user, system } = process.cpuUsage(cpuStarted);
    this.longestMs = Math.max(this.longestMs, performance.now() - started);
    this.longestCpuMs = Math.max(this.longestCpuMs, (user + system) / 1000);
    return result;
  }
}

async function coldBench(series: number) {
  const directory = mkdtempSync(join(tmpdir(), 'anomaly-bench-lmdb-'));
  const open = await LmdbStore.load();
  const stores = Array.from({ length: PARTITIONS }, (_, k) => open(directory, `t-${k}`));
  try {
    const hotSeries = 20_000;
    const own = Math.ceil(series / PARTITIONS);
    const feeds = stores.map((store, k) => new SeriesFeed(own, k + 1, { store, hotSeries }));
    const loadStarted = process.cpuUsage();
    for (const feed of feeds) feed.run(own);
    const loadRate = rateOf(own * PARTITIONS, loadStarted);
    const rate = measure(feeds, Math.min(2_000_000, 2 * series));
    const { heapUsed, external, rss } = process.memoryUsage();
    return {
      series,
      hotSeries: hotSeries * PARTITIONS,
      loadedEventsACpuSecond: loadRate,
      randomEventsACpuSecond: rate,
      megabytesOfHeapAndArrays: Math.round((heapUsed + external) / 1e6) - feeds.length * Math.round((own * 12) / 1e6),
      megabytesResidentMappedPagesIncluded: Math.round(rss / 1e6),
    };
  } finally {
    await Promise.all(stores.map((store) => store.close()));
    rmSync(directory, { recursive: true, force: true });
  }
}

function feedsOf(series: number): SeriesFeed[] {
  return Array.from({ length: PARTITIONS }, (_, k) => new SeriesFeed(Math.ceil(series / PARTITIONS), k + 1));
}

/**
 * Events a CPU-second of the whole way from a record batch's bytes: CRC, records, Avro, keys, windows, features, score.
 * The state is full before: each series has had its 64 values of the rolling z rule several times, or 8 where many.
 */
function throughput(feeds: readonly SeriesFeed[]): number {
  for (const feed of feeds) feed.run(Math.max(8 * feed.series, 1_000_000));
  const batches = feeds.map((feed) => feed.encode(ENCODED_BATCHES));
  const half = ENCODED_BATCHES / 2;
  let started = process.cpuUsage();
  let records = 0;
  for (let k = 0; k < ENCODED_BATCHES; k++) {
    // The first half warms up the code and the caches.
    if (k === half) started = process.cpuUsage();
    feeds.forEach((feed, partition) => {
      const taken = feed.take(batches[partition]![k]!);
      if (k >= half) records += taken;
    });
  }
  return rateOf(records, started);
}

/** Events a CPU-second. */
function measure(feeds: readonly SeriesFeed[], records: number): number {
  const started = process.cpuUsage();
  let done = 0;
  while (done < records) for (const feed of feeds) done += feed.step();
  return rateOf(done, started);
}

function rateOf(records: number, since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return Math.round(records / ((user + system) / 1e6));
}
