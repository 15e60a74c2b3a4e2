import { AnomalyError } from '../../errors.ts';
import type { ModelRequest } from '../modelScorer.ts';
import type { ModelIdentity, ModelSpec } from '../modelSpec.ts';
import { ModelThread } from '../runtime/modelThread.ts';
import { DEFAULT_RUNTIME, type RuntimeSettings } from '../runtime/ortRuntime.ts';
import type { ModelSource, OpenedModel, OpenModel } from '../runtime/workerMessages.ts';
import type { ModelBackend } from './modelBackend.ts';
import { type ScoringClock, systemScoringClock } from './scoringClock.ts';

export interface OnnxBackendOptions {
  readonly source: ModelSource;
  /** As alerts name it; the sha256 is the file's. */
  readonly name: string;
  readonly version?: string;
  /** The file has to have this one, as a registry knows it. */
  readonly sha256?: string;
  /** Over what the file says of itself. */
  readonly spec?: Partial<ModelSpec>;
  readonly runtime?: Partial<RuntimeSettings>;
  /** Most rows of a run. */
  readonly batch: number;
  /** Longest time that a call may take: a slow model gets fewer rows at once. Absent: any. */
  readonly callMs?: number;
  readonly clock?: ScoringClock;
}

/** A run that takes longer is not slow, it hangs: its thread is ended. */
const STUCK_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 30_000;

/** An ONNX model in a thread, which is started again when it ends or hangs. */
export class OnnxBackend implements ModelBackend {
  readonly identity: ModelIdentity;
  readonly spec: ModelSpec;
  readonly #open: OpenModel;
  readonly #clock: ScoringClock;
  #thread: ModelThread | undefined;
  #opened: OpenedModel;
  #restarts = 0;
  /** Starts that failed since the last that did not. */
  #failedStarts = 0;
  #lastProblem = '';
  #cancelStart: (() => void) | undefined;
  #isClosed = false;

  private constructor(options: OnnxBackendOptions, open: OpenModel, thread: ModelThread) {
    const { name, version } = options;
    const { sha256, windows } = thread.opened;
    this.identity = { name, ...(version === undefined ? {} : { version }), sha256 };
    this.spec = windows!.spec;
    // What is started again is the same model, or nothing.
    this.#open = { ...open, sha256 };
    this.#clock = options.clock ?? systemScoringClock;
    this.#opened = thread.opened;
    this.#use(thread);
  }

  /** Loads the model, and throws where it cannot be used: ANM_MODEL_FILE, _EXTERNAL_DATA, _UNSUPPORTED, _SPEC and so on. */
  static async open(options: OnnxBackendOptions): Promise<OnnxBackend> {
    const { source, spec, batch, callMs, sha256 } = options;
    const open: OpenModel = {
      source,
      runtime: { ...DEFAULT_RUNTIME, ...options.runtime },
      windows: { batch, ...(callMs === undefined ? {} : { callMs }), ...(spec === undefined ? {} : { spec }) },
      ...(sha256 === undefined ? {} : { sha256 }),
    };
    return new OnnxBackend(options, open, await ModelThread.open(open));
  }

  /** What is known of the model and its runtime. */
  get opened(): OpenedModel {
    return this.#opened;
  }

  /** How often the thread was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  async score({ rows, windows }: ModelRequest): Promise<Float32Array> {
    const thread = this.#thread;
    if (thread === undefined) {
      const { path } = this.#opened;
      throw new AnomalyError(
        'ANM_MODEL_WORKER',
        `the thread that runs ${path} is being started again: ${this.#lastProblem}`,
      );
    }
    const scores = thread.score(rows, windows);
    const cancel = this.#clock.after(STUCK_MS, () => this.#onStuck(thread));
    try {
      return await scores;
    } finally {
      cancel();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelStart?.();
    await this.#thread?.close();
  }

  #onStuck(thread: ModelThread): void {
    this.#lastProblem = `it did not answer within ${STUCK_MS} ms`;
    void thread.terminate();
  }

  #use(thread: ModelThread): void {
    this.#thread = thread;
    this.#opened = thread.opened;
    this.#failedStarts = 0;
    void thread.ended.then((why) => {
      if (this.#isClosed || this.#thread !== thread) return;
      this.#thread = undefined;
      this.#lastProblem ||= why;
      this.#startLater();
    });
  }

  /** The first try soon, each further one after twice the pause. */
  #startLater(): void {
    const pauseMs = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failedStarts);
    this.#cancelStart = this.#clock.after(pauseMs, () => void this.#start());
  }

  async #start(): Promise<void> {
    try {
      const thread = await ModelThread.open(this.#open);
      if (this.#isClosed) return await thread.close();
      this.#restarts++;
      this.#lastProblem = '';
      this.#use(thread);
    } catch (error) {
      this.#failedStarts++;
      this.#lastProblem = (error as Error).message;
      if (!this.#isClosed) this.#startLater();
    }
  }
}
