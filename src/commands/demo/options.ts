import { defaultOperation } from '../../config/operation.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import type { CommandContext } from '../command.ts';

/** Topic of the demo's events, keyed by series. */
export const DEMO_TOPIC = 'nab';
export const DEMO_PARTITIONS = 4;
const DEFAULT_SPEED = '2400';
const DEFAULT_SEED = 1;
const MINUTE_MS = 60_000;

export interface DemoOptions {
  /** Events a second; Infinity for as fast as it goes. */
  readonly rate: number;
  readonly seed: number;
  /** Whether the live view may be shown. */
  readonly view: boolean;
  /** Sending ends after this, wherever it is, so that there is time left to drain. */
  readonly sendLimitMs: number;
  /** Everything ends after this. */
  readonly totalLimitMs: number;
}

/** @throws ANM_USAGE */
export function readDemoOptions({ flags, stdout, stderr, env, output, quiet }: CommandContext): DemoOptions {
  const speed = (flags['speed'] as string | undefined) ?? DEFAULT_SPEED;
  const rate = speed === 'max' ? Number.POSITIVE_INFINITY : Number(speed);
  if (!(rate > 0)) {
    throw new AnomalyError('ANM_USAGE', `--speed cannot be ${speed}`, { hint: 'give events a second as 5000, or max' });
  }
  const terminal = stdout.isTTY === true && stderr.isTTY === true && env['TERM'] !== 'dumb';
  // Ink itself shows nothing but the last frame where CI is set.
  const ci = env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false' && env['CI'] !== '0';
  const text = output.format === 'text' || output.format === 'wide';
  return {
    rate,
    seed: (flags['seed'] as number | undefined) ?? DEFAULT_SEED,
    view: terminal && !ci && text && !quiet && flags['tui'] !== false,
    sendLimitMs: 45_000,
    totalLimitMs: 55_000,
  };
}

/** The pipeline of the demo: what `anomaly run` has for these topics with --window 5m. */
export function demoPipeline(): PipelineConfig {
  return {
    version: 1,
    pipeline: DEMO_TOPIC,
    group: DEMO_TOPIC,
    source: {
      topics: [DEMO_TOPIC],
      time: 'timestamp',
      fields: { value: 'value' },
      format: 'auto',
      columns: [],
      start: 'earliest',
    },
    derive: {},
    time: {
      watermark: 'partition',
      outOfOrdernessMs: 5000,
      maxAheadMs: Number.POSITIVE_INFINITY,
      idleAfterMs: Number.POSITIVE_INFINITY,
      allowedLatenessMs: 0,
    },
    windows: [
      {
        name: 'w5m',
        type: 'tumbling',
        sizeMs: 5 * MINUTE_MS,
        aggregates: ['count', 'mean', 'min', 'max', 'stddev'],
      },
    ],
    features: [],
    score: {
      on: 'record',
      detector: 'auto',
      sensitivity: 'medium',
      window: 64,
      minCount: 8,
      stepMs: 15 * MINUTE_MS,
      refractoryMs: 12 * 60 * MINUTE_MS,
    },
    overrides: [],
    sinks: {
      format: 'avro',
      windows: `${DEMO_TOPIC}.windows`,
      anomalies: `${DEMO_TOPIC}.anomalies`,
      late: `${DEMO_TOPIC}.late`,
      deadLetters: `${DEMO_TOPIC}.dlq`,
    },
    state: { backend: 'memory', ttlMs: Infinity, maxSeries: Infinity, onFull: 'reject', hotSeries: 100_000 },
    checkpoint: { store: '', everyMs: 10_000, retain: 2, maxFailures: Infinity },
    guarantee: 'at-least-once',
    operation: defaultOperation(),
    commitEveryMs: 1000,
    transactionTimeoutMs: 60_000,
  };
}
