import type { ModelSpec } from '../modelSpec.ts';
import { DATA_TYPE, writeOnnx } from '../onnx/onnxWriter.ts';
import { ModelThread } from '../runtime/modelThread.ts';
import type { RuntimeSettings } from '../runtime/ortRuntime.ts';

/** What of the machine is measured by; injected in tests. */
export interface Gauges {
  /** Milliseconds that only go forward. */
  readonly nowMs: () => number;
  /** Bytes of the process in memory. */
  readonly residentBytes: () => number;
}

export interface MeasureOptions {
  readonly runtime: RuntimeSettings;
  /** Sizes of a batch, ascending. */
  readonly batches: readonly number[];
  /** Time for each figure of each model. */
  readonly perFigureMs: number;
  readonly gauges: Gauges;
}

export interface Measured {
  readonly path: string;
  readonly spec: ModelSpec;
  readonly runtime: string;
  /** Of the file, and of those with its weights. */
  readonly bytes: number;
  readonly loadMs: number;
  /** Beyond what a thread with a runtime and an empty model takes, at the largest batch. */
  readonly memoryBytes: number;
  /** Of one window, from the call to the score, the way to the model's thread and back included. */
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly throughput: readonly { readonly batch: number; readonly windowsPerSecond: number }[];
}

/**
 * Figures are taken in so many turns, each of all models: what else the machine does meets all of them alike. A rate is
 * that of the best turn, as other work can only take away from it.
 */
const TURNS = 10;
const WARM_UP_RUNS = 20;

/** Models in threads of their own, open together, so that they can be compared. */
export class ModelBench {
  readonly #options: MeasureOptions;
  readonly #threads: ModelThread[];
  readonly #memory: number[];

  private constructor(options: MeasureOptions, threads: ModelThread[], memory: number[]) {
    this.#options = options;
    this.#threads = threads;
    this.#memory = memory;
  }

  /** @throws what opening a model throws: ANM_MODEL_FILE, ANM_MODEL_SPEC, ANM_MODEL_UNSUPPORTED and so on */
  static async open(paths: readonly string[], spec: Partial<ModelSpec>, options: MeasureOptions): Promise<ModelBench> {
    const threads: ModelThread[] = [];
    const memory: number[] = [];
    const { runtime, batches, gauges } = options;
    const batch = batches.at(-1)!;
    // It stays until the others are measured: memory that it gives back would be counted to none of them.
    const empty = await residentOf(gauges, () => ModelThread.open({ source: emptyModel(), runtime }));
    try {
      for (const path of paths) {
        const windows = { batch, spec };
        const { bytes } = await residentOf(gauges, async () => {
          const thread = await ModelThread.open({ source: { path }, runtime, windows });
          threads.push(thread);
          const rows = windowsOf(thread.opened.windows!.spec, batch);
          for (let i = 0; i < WARM_UP_RUNS; i++) await thread.score(batch, rows);
          return thread;
        });
        memory.push(Math.max(0, bytes - empty.bytes));
      }
      return new ModelBench(options, threads, memory);
    } catch (error) {
      for (const thread of threads) await thread.terminate();
      throw error;
    } finally {
      await empty.result.close();
    }
  }

  /** How many there are. */
  get models(): number {
    return this.#threads.length;
  }

  specOf(model: number): ModelSpec {
    return this.#threads[model]!.opened.windows!.spec;
  }

  /** Raw scores of `rows` windows. */
  async score(model: number, rows: number, windows: Float32Array): Promise<Float32Array> {
    return await this.#threads[model]!.score(rows, windows);
  }

  /** Takes all figures; `onTurn` hears the share that is done. Throws the signal's reason where it comes before. */
  async measure(onTurn: (share: number) => void, signal?: AbortSignal): Promise<Measured[]> {
    const { batches } = this.#options;
    const latencies: number[][] = this.#threads.map(() => []);
    const rates: number[][][] = this.#threads.map(() => batches.map(() => []));
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [m, thread] of this.#threads.entries()) {
        await this.#latencies(thread, latencies[m]!, signal);
        for (const [b, batch] of batches.entries()) rates[m]![b]!.push(await this.#rate(thread, batch, signal));
        onTurn((turn + (m + 1) / this.#threads.length) / TURNS);
      }
    }
    return this.#threads.map((thread, m) => {
      const { path, runtime, runtimeVersion, bytes, loadMs, windows } = thread.opened;
      const sorted = latencies[m]!.sort((a, b) => a - b);
      return {
        ...{
          path,
          spec: windows!.spec,
          runtime: `${runtime} ${runtimeVersion}`,
          bytes,
          loadMs,
          memoryBytes: this.#memory[m]!,
        },
        latencyP50Ms: sorted[Math.floor(0.5 * sorted.length)]!,
        latencyP99Ms: sorted[Math.min(sorted.length - 1, Math.floor(0.99 * sorted.length))]!,
        throughput: batches.map((batch, b) => ({ batch, windowsPerSecond: Math.max(...rates[m]![b]!) })),
      };
    });
  }

  async close(): Promise<void> {
    for (const thread of this.#threads) await thread.close();
  }

  async #latencies(thread: ModelThread, into: number[], signal: AbortSignal | undefined): Promise<void> {
    const { gauges, perFigureMs } = this.#options;
    const window = windowsOf(thread.opened.windows!.spec, 1);
    const end = gauges.nowMs() + perFigureMs / TURNS;
    let before = gauges.nowMs();
    do {
      signal?.throwIfAborted();
      await thread.score(1, window);
      const after = gauges.nowMs();
      into.push(after - before);
      before = after;
    } while (before < end);
  }

  async #rate(thread: ModelThread, batch: number, signal: AbortSignal | undefined): Promise<number> {
    const { gauges, perFigureMs } = this.#options;
    const windows = windowsOf(thread.opened.windows!.spec, batch);
    const start = gauges.nowMs();
    let rows = 0;
    let now = start;
    do {
      signal?.throwIfAborted();
      await thread.score(batch, windows);
      rows += batch;
      now = gauges.nowMs();
    } while (now - start < perFigureMs / TURNS);
    return (1000 * rows) / (now - start);
  }
}

/** Windows of waves, for figures of speed: what is in them makes no difference there. */
export function windowsOf(spec: ModelSpec, count: number): Float32Array {
  const size = (spec.length + 1) * spec.channels.length;
  return Float32Array.from({ length: count * size }, (_, i) => ((i * 7919) % 401) / 100 - 2);
}

async function residentOf<T>(
  { residentBytes }: Gauges,
  make: () => Promise<T>,
): Promise<{ readonly result: T; readonly bytes: number }> {
  const before = residentBytes();
  const result = await make();
  return { result, bytes: residentBytes() - before };
}

/** What a runtime takes without a model. */
function emptyModel() {
  const value = { type: DATA_TYPE.float, dims: ['n'] };
  const bytes = writeOnnx({
    ...{ graphName: 'empty', nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }], initializers: [] },
    ...{ inputs: [{ name: 'x', ...value }], outputs: [{ name: 'y', ...value }] },
    ...{ producer: { name: 'anomaly', version: '1' }, opsets: { '': 17 }, metadata: {} },
  });
  return { name: 'empty.onnx', bytes };
}
