// Windows per second of an LSTM (32 hidden, 32 steps, 1 channel) through the scorer, beside the bare runtime in the same
// process, and what an LSTM in plain TypeScript says of the same windows.
import { type ModelFiles, modelFromBytes } from '../src/models/runtime/modelFiles.ts';
import type { OnnxSession } from '../src/models/runtime/onnxSession.ts';
import { openSession } from '../src/models/runtime/onnxSession.ts';
import type { RuntimeChoice } from '../src/models/runtime/ortRuntime.ts';
import { OnnxModelScorer } from '../src/models/scoring/onnxModelScorer.ts';
import { forecast, LSTM_SPEC, lstmFile, randomWeights, STEPS, uniform } from './lstm.ts';
import { median } from './median.ts';

const BATCHES = [1, 64, 256];
/** Each figure is the median of so many measurements, bare and through the scorer in turns. */
const ROUNDS = 5;

export interface ModelRate {
  readonly runtime: string;
  readonly batch: number;
  /** Windows per second. */
  readonly bare: number;
  readonly scorer: number;
  /** scorer / bare. */
  readonly share: number;
  /** CPU time a window in microseconds, of all threads: it says more than the rates where the machine has other work. */
  readonly bareCpuUs: number;
  readonly scorerCpuUs: number;
}

export interface ModelResult {
  readonly rates: readonly ModelRate[];
  /** Largest difference of a score to the LSTM in TypeScript. */
  readonly error: number;
}

/** `seconds`: of each measurement. */
export async function model(
  seconds: number,
  runtimes: readonly RuntimeChoice[] = ['web', 'node'],
): Promise<ModelResult> {
  const weights = randomWeights(7);
  const bytes = lstmFile(weights);
  const windows = randomWindows(1024, 11);
  const due = windows.rows.map((row) => Math.abs(row[STEPS]! - forecast(weights, row)));
  const rates: ModelRate[] = [];
  let error = 0;
  for (const runtime of runtimes) {
    const settings = { runtime, threads: 1 } as const;
    const files = modelFromBytes('lstm', bytes);
    const session = await openSession(files, settings).catch(() => undefined);
    if (session === undefined) {
      console.log(`onnxruntime-${runtime} is not installed: left out`);
      continue;
    }
    for (const batch of BATCHES) {
      const scorer = await OnnxModelScorer.open({
        source: { name: 'lstm', bytes },
        name: 'lstm',
        spec: LSTM_SPEC,
        runtime: settings,
        guard: { batch, timeoutMs: 10_000 },
      });
      const { scores } = await scorer.score({ rows: windows.count, windows: windows.values });
      for (const [row, score] of scores.entries()) error = Math.max(error, Math.abs(score - due[row]!));
      rates.push(await compare(session, scorer, files, batch, windows, seconds));
      await scorer.close();
    }
    await session.release();
  }
  if (!(error < 1e-5)) throw new Error(`the scores differ from the LSTM in TypeScript by ${error}`);
  return { rates, error };
}

async function compare(
  session: OnnxSession,
  scorer: OnnxModelScorer,
  files: ModelFiles,
  batch: number,
  windows: Windows,
  seconds: number,
): Promise<ModelRate> {
  const [bare, scored]: [Rate[], Rate[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await measured(() => bareRuns(session, files, batch, windows, seconds)));
    scored.push(await measured(() => scorerRuns(scorer, batch, windows, seconds)));
  }
  const middle = (rates: readonly Rate[], key: keyof Rate) => median(rates.map((each) => each[key]));
  const [a, b] = [middle(bare, 'perSecond'), middle(scored, 'perSecond')];
  return {
    runtime: session.runtime,
    batch,
    bare: Math.round(a),
    scorer: Math.round(b),
    share: Number((b / a).toFixed(2)),
    bareCpuUs: Number(middle(bare, 'cpuUs').toFixed(1)),
    scorerCpuUs: Number(middle(scored, 'cpuUs').toFixed(1)),
  };
}

export interface Rate {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** `run` gives the windows that it did. */
export async function measured(run: () => Promise<number>): Promise<Rate> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const windows = await run();
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (windows * 1000) / (performance.now() - startedMs), cpuUs: (user + system) / windows };
}

/** The runtime by itself: one tensor, run again and again, nothing made of the output. */
export async function bareRuns(
  session: OnnxSession,
  files: ModelFiles,
  batch: number,
  windows: Windows,
  seconds: number,
): Promise<number> {
  const output = files.model.outputs[0]!.name;
  const data = new Float32Array(batch * STEPS);
  for (let row = 0; row < batch; row++) data.set(windows.rows[row]!.subarray(0, STEPS), row * STEPS);
  const feeds = { x: { type: 'float32', dims: [batch, STEPS, 1], data } } as const;
  await session.run(feeds, [output]);
  const startedMs = performance.now();
  let runs = 0;
  while (performance.now() - startedMs < seconds * 1000) {
    await session.run(feeds, [output]);
    runs++;
  }
  return runs * batch;
}

/** As a pipeline uses it: so many calls at once that one waits. */
async function scorerRuns(scorer: OnnxModelScorer, batch: number, windows: Windows, seconds: number): Promise<number> {
  const size = STEPS + 1;
  const startedMs = performance.now();
  let rows = 0;
  const caller = async (): Promise<void> => {
    for (let at = 0; performance.now() - startedMs < seconds * 1000; at = (at + batch) % (windows.count - batch + 1)) {
      const { fallback } = await scorer.score({
        rows: batch,
        windows: windows.values.subarray(at * size, (at + batch) * size),
      });
      if (fallback !== undefined) throw new Error(`fell back: ${fallback}, ${scorer.counters().lastError}`);
      rows += batch;
    }
  };
  await Promise.all([caller(), caller(), caller()]);
  return rows;
}

export interface Windows {
  readonly count: number;
  readonly values: Float32Array;
  readonly rows: readonly Float32Array[];
}

export function randomWindows(count: number, seed: number): Windows {
  const random = uniform(seed);
  const size = STEPS + 1;
  const values = Float32Array.from({ length: count * size }, () => 4 * random() - 2);
  const rows = Array.from({ length: count }, (_, row) => values.subarray(row * size, (row + 1) * size));
  return { count, values, rows };
}

/** For docs/benchmarks.md. */
export function modelSection({ rates, error }: ModelResult): string {
  const rows = rates.map(
    ({ runtime, batch, bare, scorer, share, bareCpuUs, scorerCpuUs }) =>
      `| ${runtime}, batch ${batch} | ${bare.toLocaleString('en-US')} | ${scorer.toLocaleString('en-US')} | ${share} | ${bareCpuUs} | ${scorerCpuUs} |`,
  );
  return `## Models

Windows per second of an LSTM forecaster (32 hidden, 32 steps, one channel, random weights): the bare runtime on one thread
beside the scorer, with its thread, queue, deadline and error of forecast, in the same process by turns. The scores differ
from an LSTM in plain TypeScript by at most ${error.toExponential(1)}.

| | bare | scorer | share | CPU us a window, bare | scorer |
|---|---|---|---|---|---|
${rows.join('\n')}`;
}
