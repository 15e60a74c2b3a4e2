import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { FallbackReason, ModelRequest, ModelScorer, ModelScores } from '../modelScorer.ts';
import type { ModelIdentity, ModelSpec } from '../modelSpec.ts';
import { type BreakerSettings, CircuitBreaker } from './circuitBreaker.ts';
import type { ModelBackend } from './modelBackend.ts';
import { noFallbacks, type ScorerCounters } from './scorerCounters.ts';
import { type ScoringClock, systemScoringClock } from './scoringClock.ts';

export interface GuardSettings {
  /** Most rows of one call of the model (`score.model.batch`). */
  readonly batch: number;
  /** Most calls at once (`score.model.in_flight`). */
  readonly inFlight: number;
  /** From `score` to the fallback (`score.model.timeout`). */
  readonly timeoutMs: number;
  /** Most rows that wait for a call; more fall back at once. */
  readonly mostWaiting: number;
  readonly breaker: BreakerSettings;
}

export const DEFAULT_GUARD: GuardSettings = {
  batch: 256,
  inFlight: 2,
  timeoutMs: 20,
  mostWaiting: 8192,
  breaker: { failures: 5, firstPauseMs: 250, longestPauseMs: 5000 },
};

const NO_SCORES = new Float32Array(0);

/** One call of `score`, until each of its rows has a score or a reason. */
interface Ask {
  readonly rows: number;
  readonly scores: Float32Array;
  readonly startedMs: number;
  readonly resolve: (scores: ModelScores) => void;
  /** The caller's until `score` returns, then a copy of what is still to be sent. */
  windows: Float32Array;
  /** Row of the first window in `windows`. */
  windowsFrom: number;
  /** Rows that were given to the model. */
  sent: number;
  /** Sent rows whose call ended, and those of them with a score. */
  answered: number;
  scored: number;
  fallback: FallbackReason | undefined;
  isSettled: boolean;
}

interface Piece {
  readonly ask: Ask;
  readonly from: number;
  readonly count: number;
}

/** One call of the model. */
interface Call {
  readonly pieces: Piece[];
  readonly rows: number;
  readonly epoch: number;
  readonly abort: AbortController;
  isFailed: boolean;
}

/**
 * Puts micro-batches, bounds, a deadline and a circuit breaker around a model. Rows of several callers share a call
 * where they wait; order within a caller is kept. Each row gets a score or is counted with its reason, and the promise
 * is there by the deadline, whatever the model does.
 */
export class GuardedScorer implements ModelScorer {
  readonly identity: ModelIdentity;
  readonly spec: ModelSpec;
  readonly #backend: ModelBackend;
  readonly #settings: GuardSettings;
  readonly #clock: ScoringClock;
  readonly #breaker: CircuitBreaker;
  readonly #rowSize: number;
  /** In order of their deadlines; settled ones go when they are first. */
  readonly #asks: Ask[] = [];
  /** Asks with rows to send. */
  readonly #waiting: Ask[] = [];
  readonly #calls = new Set<Call>();
  readonly #fallbacks = noFallbacks();
  /** Where rows of several asks are put together; read before the call of the backend returns. */
  #joined = new Float32Array(0);
  #waitingRows = 0;
  #asked = 0;
  #scored = 0;
  #callCount = 0;
  #lastError: string | undefined;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(backend: ModelBackend, settings: Partial<GuardSettings> = {}, clock: ScoringClock = systemScoringClock) {
    this.identity = backend.identity;
    this.spec = backend.spec;
    this.#backend = backend;
    this.#settings = { ...DEFAULT_GUARD, ...settings };
    this.#clock = clock;
    this.#breaker = new CircuitBreaker(this.#settings.breaker, () => clock.now());
    this.#rowSize = (backend.spec.length + 1) * backend.spec.channels.length;
  }

  counters(): ScorerCounters {
    return {
      asked: this.#asked,
      scored: this.#scored,
      fallbacks: { ...this.#fallbacks },
      availability: this.#asked === 0 ? 1 : this.#scored / this.#asked,
      calls: this.#callCount,
      inFlight: this.#calls.size,
      waitingRows: this.#waitingRows,
      breaker: this.#breaker.state,
      breakerOpened: this.#breaker.opened,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  /** Reads `windows` before it returns. */
  score({ rows, windows }: ModelRequest): Promise<ModelScores> {
    const { identity } = this;
    if (windows.length < rows * this.#rowSize) {
      const has = `${windows.length} values for ${rows} rows of ${this.#rowSize}`;
      return Promise.reject(new AnomalyError('ANM_INTERNAL', `model ${identity.name} was given ${has}`));
    }
    return new Promise((resolve) => {
      const scores = new Float32Array(rows).fill(Number.NaN);
      const state = { windows, windowsFrom: 0, sent: 0, answered: 0, scored: 0, fallback: undefined, isSettled: false };
      this.#take({ rows, scores, startedMs: this.#clock.now(), resolve, ...state });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#waiting.length = 0;
    this.#waitingRows = 0;
    for (const ask of this.#asks.splice(0)) this.#settle(ask, 'error', 'error');
    for (const call of this.#calls) call.abort.abort();
    await this.#backend.close();
  }

  #take(ask: Ask): void {
    const reason = this.#refusal(ask.rows);
    if (ask.rows === 0 || reason !== undefined) {
      this.#settle(ask, reason ?? 'error', reason ?? 'error');
      return;
    }
    this.#asks.push(ask);
    this.#waiting.push(ask);
    this.#waitingRows += ask.rows;
    this.#send();
    if (ask.sent < ask.rows && !ask.isSettled) {
      ask.windows = ask.windows.slice(ask.sent * this.#rowSize, ask.rows * this.#rowSize);
      ask.windowsFrom = ask.sent;
    }
    this.#setTimer();
  }

  #refusal(rows: number): FallbackReason | undefined {
    if (this.#isClosed) return 'error';
    if (rows > 0 && this.#waitingRows > 0 && this.#waitingRows + rows > this.#settings.mostWaiting) return 'queue-full';
    return rows === 0 || this.#breaker.admit() ? undefined : 'breaker-open';
  }

  /** Calls the model as long as rows wait and calls are free. */
  #send(): void {
    while (this.#waiting.length > 0 && this.#calls.size < this.#settings.inFlight) {
      const pieces: Piece[] = [];
      let rows = 0;
      while (this.#waiting.length > 0 && rows < this.#settings.batch) {
        const ask = this.#waiting[0]!;
        const count = Math.min(ask.rows - ask.sent, this.#settings.batch - rows);
        pieces.push({ ask, from: ask.sent, count });
        rows += count;
        ask.sent += count;
        if (ask.sent === ask.rows) this.#waiting.shift();
      }
      this.#waitingRows -= rows;
      const call = { pieces, rows, epoch: this.#breaker.epoch, abort: new AbortController(), isFailed: false };
      this.#calls.add(call);
      this.#callCount++;
      this.#call(call);
    }
  }

  #call(call: Call): void {
    let answer: Promise<Float32Array>;
    try {
      answer = this.#backend.score({ rows: call.rows, windows: this.#windowsOf(call) }, call.abort.signal);
    } catch (error) {
      answer = Promise.reject(error);
    }
    answer.then(
      (scores) => this.#onScores(call, scores),
      (error: unknown) => this.#onError(call, error),
    );
  }

  #windowsOf({ pieces, rows }: Call): Float32Array {
    const size = this.#rowSize;
    const view = ({ ask, from, count }: Piece) =>
      ask.windows.subarray((from - ask.windowsFrom) * size, (from - ask.windowsFrom + count) * size);
    if (pieces.length === 1) return view(pieces[0]!);
    if (this.#joined.length < rows * size) this.#joined = new Float32Array(this.#settings.batch * size);
    let at = 0;
    for (const piece of pieces) {
      this.#joined.set(view(piece), at);
      at += piece.count * size;
    }
    return this.#joined.subarray(0, at);
  }

  #onScores(call: Call, scores: Float32Array): void {
    this.#calls.delete(call);
    const isWhole = scores.length === call.rows;
    let at = 0;
    let valid = 0;
    for (const piece of call.pieces) {
      valid += this.#answer(piece, isWhole ? scores.subarray(at, at + piece.count) : NO_SCORES, 'invalid-output');
      at += piece.count;
    }
    if (!isWhole) this.#lastError = `${scores.length} scores for ${call.rows} rows`;
    else if (valid < call.rows) this.#lastError = `no finite number in ${call.rows - valid} of ${call.rows} rows`;
    if (valid === 0) this.#failed(call);
    else if (!call.isFailed) this.#breaker.succeeded(call.epoch);
    this.#end(call);
  }

  #onError(call: Call, error: unknown): void {
    this.#calls.delete(call);
    // What was aborted failed at its deadline, and is counted there.
    if (!call.abort.signal.aborted) this.#lastError = error instanceof Error ? error.message : String(error);
    const isOutput = isAnomalyError(error) && error.code === 'ANM_MODEL_OUTPUT';
    for (const piece of call.pieces) this.#answer(piece, NO_SCORES, isOutput ? 'invalid-output' : 'error');
    this.#failed(call);
    this.#end(call);
  }

  /** Takes the scores of a piece; returns how many there are. Nobody waits for those of a settled ask. */
  #answer({ ask, from, count }: Piece, scores: Float32Array, reason: FallbackReason): number {
    let valid = 0;
    for (let i = 0; i < scores.length; i++) {
      if (!Number.isFinite(scores[i])) continue;
      valid++;
      if (!ask.isSettled) ask.scores[from + i] = scores[i]!;
    }
    if (ask.isSettled) return valid;
    ask.answered += count;
    ask.scored += valid;
    if (valid < count) this.#lose(ask, count - valid, reason);
    return valid;
  }

  #end(call: Call): void {
    for (const { ask } of call.pieces) if (ask.answered === ask.rows) this.#settle(ask, 'error', 'error');
    this.#send();
  }

  #failed(call: Call): void {
    if (call.isFailed) return;
    call.isFailed = true;
    this.#breaker.failed(call.epoch);
    if (this.#breaker.state === 'open') this.#emptyQueue();
  }

  /** An open breaker lets nothing through, nor what waited before it opened. */
  #emptyQueue(): void {
    for (const ask of this.#waiting.splice(0)) {
      this.#waitingRows -= ask.rows - ask.sent;
      this.#settle(ask, 'breaker-open', 'breaker-open');
    }
  }

  /** Resolves the ask. Rows in a call that has not ended count with the first reason, rows not sent with the second. */
  #settle(ask: Ask, inCall: FallbackReason, unsent: FallbackReason): void {
    if (ask.isSettled) return;
    ask.isSettled = true;
    this.#lose(ask, ask.sent - ask.answered, inCall);
    this.#lose(ask, ask.rows - ask.sent, unsent);
    this.#asked += ask.rows;
    this.#scored += ask.scored;
    const latencyMs = this.#clock.now() - ask.startedMs;
    const { scores, fallback } = ask;
    ask.resolve({ scores, latencyMs, ...(fallback === undefined ? {} : { fallback }) });
  }

  #lose(ask: Ask, rows: number, reason: FallbackReason): void {
    if (rows === 0) return;
    ask.fallback ??= reason;
    this.#fallbacks[reason] += rows;
  }

  #setTimer(): void {
    if (this.#cancelTimer !== undefined || this.#isClosed) return;
    while (this.#asks[0]?.isSettled) this.#asks.shift();
    const [first] = this.#asks;
    if (first === undefined) return;
    const restMs = first.startedMs + this.#settings.timeoutMs - this.#clock.now();
    this.#cancelTimer = this.#clock.after(Math.max(0, restMs), () => {
      this.#cancelTimer = undefined;
      this.#expire();
      this.#setTimer();
    });
  }

  #expire(): void {
    const now = this.#clock.now();
    while (this.#asks.length > 0) {
      const ask = this.#asks[0]!;
      if (!ask.isSettled && now < ask.startedMs + this.#settings.timeoutMs) return;
      this.#asks.shift();
      if (ask.isSettled) continue;
      const at = this.#waiting.indexOf(ask);
      if (at >= 0) {
        this.#waiting.splice(at, 1);
        this.#waitingRows -= ask.rows - ask.sent;
      }
      this.#settle(ask, 'deadline', 'queue-full');
      this.#expireCalls(ask);
    }
  }

  #expireCalls(ask: Ask): void {
    let isCalled = false;
    for (const call of this.#calls) {
      if (!call.pieces.some((piece) => piece.ask === ask)) continue;
      isCalled = true;
      if (call.pieces.every((piece) => piece.ask.isSettled)) call.abort.abort();
      this.#failed(call);
    }
    // The one that was let through to try the model never reached it.
    if (!isCalled && this.#breaker.state === 'half-open') this.#breaker.failed(this.#breaker.epoch);
  }
}
