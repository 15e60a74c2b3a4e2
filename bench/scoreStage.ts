// Windows per second of the LSTM of lstm.ts as a pipeline asks it: the score stage with its detector, the windows by
// series, the runtime's dispatch, deadline, calibration, fusion and the journal's drafts, from batches in memory; beside
// the bare runtime in the same process by turns. Raw scores are held against the LSTM in plain TypeScript.
// usage: npm run bench -- score-stage [--seconds N]
import type { DetectorName } from '../src/engine/detectors/create.ts';
import { KeyDictionary } from '../src/engine/keys.ts';
import { PartitionPipeline } from '../src/engine/pipeline.ts';
import { modelFromBytes } from '../src/models/runtime/modelFiles.ts';
import { openSession } from '../src/models/runtime/onnxSession.ts';
import type { RuntimeChoice } from '../src/models/runtime/ortRuntime.ts';
import { OnnxModelScorer } from '../src/models/scoring/onnxModelScorer.ts';
import { definePipeline } from '../src/runtime/definition/definition.ts';
import { ModelDispatch } from '../src/runtime/model/modelDispatch.ts';
import { modelOptions } from '../src/runtime/model/modelOptions.ts';
import { configOf, LogLines } from '../test/runtime/helpers/config.ts';
import { LSTM_SPEC, lstmFile, randomWeights, type Weights } from './lstm.ts';
import { median } from './median.ts';
import { bareRuns, measured, type Rate, randomWindows } from './model.ts';
import { ScoredFeed } from './scoredFeed.ts';

/** The default of score.model.batch, which the bare runtime is given as well. */
const BATCH = 256;
const SERIES = 1000;
/** Of each series before the measurement: its window is full after 33, its tails calibrated 60 later. */
const WARM_UP_VALUES = 100;
const ROUNDS = 5;
const DETECTORS = ['kpi', 'auto'] as const satisfies readonly DetectorName[];
/** One that no answer misses, whatever else the machine does; and the default. */
const TIMEOUTS = ['10s', '20ms'] as const;

export interface StageRate {
  readonly runtime: string;
  readonly detector: string;
  readonly timeout: string;
  /** Windows per second: of the pipeline, those that got a score. */
  readonly bare: number;
  readonly pipeline: number;
  /** pipeline / bare. */
  readonly share: number;
  /** Share of the asked windows with a score in time. */
  readonly scored: number;
  /** CPU time a window in microseconds, of all threads. */
  readonly bareCpuUs: number;
  /** Infinity where no window got a score. */
  readonly pipelineCpuUs: number;
  /** bareCpuUs / pipelineCpuUs: the share where one core does it all. */
  readonly cpuShare: number;
}

export interface ScoreStageResult {
  readonly rates: readonly StageRate[];
  /** Largest difference of a raw score to the LSTM in TypeScript, and how many were compared. */
  readonly error: number;
  readonly compared: number;
}

/** `seconds`: of each measurement. */
export async function scoreStage(
  seconds: number,
  runtimes: readonly RuntimeChoice[] = ['web', 'node'],
): Promise<ScoreStageResult> {
  const weights = randomWeights(7);
  const bytes = lstmFile(weights);
  const windows = randomWindows(1024, 11);
  const files = modelFromBytes('lstm', bytes);
  const rates: StageRate[] = [];
  let [error, compared] = [0, 0];
  for (const runtime of runtimes) {
    const session = await openSession(files, { runtime, threads: 1 }).catch(() => undefined);
    if (session === undefined) {
      console.log(`onnxruntime-${runtime} is not installed: left out`);
      continue;
    }
    for (const detector of DETECTORS) {
      for (const timeout of TIMEOUTS) {
        const stage = await openStage(weights, bytes, runtime, detector, timeout);
        await stage.feed.run(WARM_UP_VALUES * SERIES);
        const before = stage.feed.asked();
        const [bare, pipeline]: [Rate[], Rate[]] = [[], []];
        for (let round = 0; round < ROUNDS; round++) {
          bare.push(await measured(() => bareRuns(session, files, BATCH, windows, seconds)));
          pipeline.push(await measured(() => stage.feed.runFor(seconds)));
        }
        const after = stage.feed.asked();
        const middle = (some: readonly Rate[], key: keyof Rate) => median(some.map((each) => each[key]));
        const rate = {
          ...{ runtime: session.runtime, detector, timeout },
          bare: Math.round(middle(bare, 'perSecond')),
          pipeline: Math.round(middle(pipeline, 'perSecond')),
          share: round(middle(pipeline, 'perSecond') / middle(bare, 'perSecond')),
          scored: round((after.scored - before.scored) / (after.asked - before.asked), 4),
          bareCpuUs: round(middle(bare, 'cpuUs'), 1),
          pipelineCpuUs: round(middle(pipeline, 'cpuUs'), 1),
          cpuShare: round(middle(bare, 'cpuUs') / middle(pipeline, 'cpuUs')),
        };
        console.log(rate);
        rates.push(rate);
        stage.feed.check();
        error = Math.max(error, stage.feed.error);
        compared += stage.feed.compared;
        await stage.close();
      }
    }
    await session.release();
  }
  if (!(error < 1e-5) || compared === 0) throw new Error(`the scores differ from the LSTM in TypeScript by ${error}`);
  return { rates, error, compared };
}

/** A pipeline as anomaly.yaml describes it, with the model that it asks. */
export async function openStage(
  weights: Weights,
  bytes: Uint8Array,
  runtime: RuntimeChoice,
  detector: DetectorName,
  timeout: string,
) {
  const config = await configOf(`version: 1
pipeline: bench
source: {topics: [t], key: sensor_id, time: ts, fields: {value: value}}
score:
  on: record
  detector: ${detector}
  model: {uri: lstm.onnx, timeout: ${timeout}, runtime: ${runtime}, input: {length: ${LSTM_SPEC.length}, fields: [value]}}
`);
  const { batch, inFlight, timeoutMs } = config.score!.model!;
  const live = await OnnxModelScorer.open({
    source: { name: 'lstm', bytes },
    name: 'lstm',
    spec: LSTM_SPEC,
    runtime: { runtime, threads: 1 },
    guard: { batch, inFlight, timeoutMs },
  });
  const options = modelOptions(config, { live }, new LogLines(), {
    ...{ now: () => Date.now(), ticks: () => performance.now(), untilEnd: true },
  })!;
  const pipeline = new PartitionPipeline(definePipeline(config), new KeyDictionary());
  const feed = new ScoredFeed(pipeline, new ModelDispatch(options), weights, SERIES, timeoutMs > 1000);
  return { feed, close: () => live.close() };
}

function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

/** For docs/benchmarks.md. */
export function scoreStageSection({ rates, error, compared }: ScoreStageResult): string {
  const rows = rates.map(
    ({ runtime, detector, timeout, bare, pipeline, share, scored, bareCpuUs, pipelineCpuUs, cpuShare }) =>
      `| ${runtime}, ${detector}, deadline ${timeout} | ${bare.toLocaleString('en-US')} | ${pipeline.toLocaleString('en-US')} | ${share} | ${(100 * scored).toFixed(2)} % | ${bareCpuUs} | ${pipelineCpuUs} | ${cpuShare} |`,
  );
  return `The same LSTM as a pipeline asks it (${SERIES.toLocaleString('en-US')} series, \`score.on: record\`, batches of ${BATCH}), beside the bare runtime by turns:
records in memory, the detector and its watches, windows by series, deadline, calibration, fusion, alerts and the journal's
drafts. ${compared.toLocaleString('en-US')} raw scores were held against an LSTM in plain TypeScript: they differ by at most ${error.toExponential(1)}.

| | bare | pipeline | share | scored in time | CPU us a window, bare | pipeline | share |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}`;
}
