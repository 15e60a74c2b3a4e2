import { elementCount, type TensorData, type TensorNumbers } from '../runtime/tensorData.ts';

export type Tensors = Readonly<Record<string, TensorData>>;

export interface BatchOptions {
  /** Runs the model. */
  readonly run: (feeds: Tensors) => Promise<Tensors>;
  /** Whether rows of several requests may share a run: the model takes any number of rows, and they do not mix. */
  readonly mayShare: boolean;
  /** Most rows of a shared run; a request of more runs alone. */
  readonly maxRows: number;
  /** How long a request waits for others while the model is free. 0: only for the run that is under way. */
  readonly maxDelayMs: number;
  /** Told after each run. */
  readonly onRun: (rows: number, requests: number, latencyMs: number) => void;
  readonly now: () => number;
  readonly setTimer: (work: () => void, ms: number) => { clear(): void };
}

interface Waiting {
  readonly feeds: Tensors;
  readonly rows: number;
  /** Requests of one shape can share a run. */
  readonly shape: string;
  readonly sinceMs: number;
  resolve(results: Tensors): void;
  reject(error: unknown): void;
}

/**
 * Puts the rows of requests that wait at the same time into one run, as a run of many rows costs little more than one of a
 * few. One run is under way at a time, in the order of the requests.
 */
export class Batcher {
  readonly #options: BatchOptions;
  readonly #waiting: Waiting[] = [];
  #isBusy = false;
  #timer: { clear(): void } | undefined;
  readonly #onIdle: (() => void)[] = [];

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  /** Rows that wait for a run. */
  get waitingRows(): number {
    return this.#waiting.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Resolves when every request that came is answered. */
  async idle(): Promise<void> {
    if (!this.#isBusy && this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** @param gone whoever asked does not wait any more: then it rejects with its reason, unless its run has begun */
  infer(feeds: Tensors, rows: number, gone?: AbortSignal): Promise<Tensors> {
    const shape = Object.entries(feeds)
      .map(([name, { dims }]) => `${name}:${dims.slice(1).join('x')}`)
      .sort()
      .join(' ');
    return new Promise((resolve, reject) => {
      if (gone?.aborted === true) return reject(gone.reason);
      const waiting = { feeds, rows, shape, sinceMs: this.#options.now(), resolve, reject };
      this.#waiting.push(waiting);
      gone?.addEventListener('abort', () => {
        const at = this.#waiting.indexOf(waiting);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        reject(gone.reason);
        this.#next();
      });
      this.#next();
    });
  }

  #next(): void {
    const { mayShare, maxRows, maxDelayMs, now, setTimer } = this.#options;
    const [first] = this.#waiting;
    if (this.#isBusy) return;
    if (first === undefined) {
      for (const each of this.#onIdle.splice(0)) each();
      return;
    }
    const waitMs = first.sinceMs + maxDelayMs - now();
    if (mayShare && waitMs > 0 && this.waitingRows < maxRows) {
      this.#timer ??= setTimer(() => {
        this.#timer = undefined;
        this.#next();
      }, waitMs);
      return;
    }
    this.#timer?.clear();
    this.#timer = undefined;
    void this.#run(this.#take(first));
  }

  /** The first request, and those of its shape that fit beside it. */
  #take(first: Waiting): Waiting[] {
    const { mayShare, maxRows } = this.#options;
    const taken = [first];
    let rows = first.rows;
    if (mayShare) {
      for (const each of this.#waiting.slice(1)) {
        if (each.shape !== first.shape || rows + each.rows > maxRows) continue;
        taken.push(each);
        rows += each.rows;
      }
    }
    for (const each of taken) this.#waiting.splice(this.#waiting.indexOf(each), 1);
    return taken;
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    const { run, onRun, now } = this.#options;
    const rows = batch.reduce((sum, each) => sum + each.rows, 0);
    const startedMs = now();
    this.#isBusy = true;
    try {
      const results = await run(batch.length === 1 ? batch[0]!.feeds : joined(batch, rows));
      onRun(rows, batch.length, now() - startedMs);
      if (batch.length === 1) batch[0]!.resolve(results);
      else share(batch, results);
    } catch (error) {
      onRun(rows, batch.length, now() - startedMs);
      if (batch.length === 1) batch[0]!.reject(error);
      else await this.#runAlone(batch);
    } finally {
      this.#isBusy = false;
      this.#next();
    }
  }

  /** What one request's rows did to a run is not to be the failure of those beside it. */
  async #runAlone(batch: readonly Waiting[]): Promise<void> {
    const { run, onRun, now } = this.#options;
    for (const { feeds, rows, resolve, reject } of batch) {
      const startedMs = now();
      await run(feeds).then(resolve, reject);
      onRun(rows, 1, now() - startedMs);
    }
  }
}

function joined(batch: readonly Waiting[], rows: number): Tensors {
  const names = Object.keys(batch[0]!.feeds);
  return Object.fromEntries(
    names.map((name) => {
      const parts = batch.map(({ feeds }) => feeds[name]!);
      const { type, dims } = parts[0]!;
      return [
        name,
        { type, dims: [rows, ...dims.slice(1)], data: concat(parts.map(({ data }) => data as TensorNumbers)) },
      ];
    }),
  );
}

function concat(parts: readonly TensorNumbers[]): TensorNumbers {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const Type = parts[0]!.constructor as new (length: number) => TensorNumbers;
  const whole = new Type(length);
  let at = 0;
  for (const part of parts) {
    (whole as Float32Array).set(part as Float32Array, at);
    at += part.length;
  }
  return whole;
}

/** Each request gets its rows of each output. */
function share(batch: readonly Waiting[], results: Tensors): void {
  let from = 0;
  for (const { rows, resolve } of batch) {
    const own = Object.entries(results).map(([name, { type, dims, data }]) => {
      const width = elementCount(dims.slice(1));
      const slice = (data as Float32Array).subarray(from * width, (from + rows) * width);
      return [name, { type, dims: [rows, ...dims.slice(1)], data: slice }] as const;
    });
    from += rows;
    resolve(Object.fromEntries(own));
  }
}
