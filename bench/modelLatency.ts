// Ingestion to alert where each value is scored by the LSTM of lstm.ts beside the detector, and where the model is asked
// only for what the detector finds unusual (score.when). As latency.ts has it, against `anomaly dev`.
// usage: npm run bench -- model-latency [--rate N] [--seconds N]
import { type LatencyJob, latencyOn } from './latency.ts';
import { lstmFile, randomWeights } from './lstm.ts';
import { startDev } from './processes.ts';

/** So rare in each series that a calibrated detector finds them unusual. */
const SPIKE_EVERY = 1009;
/** Before it is measured: windows are full after 33 values of each of the 1,000 series, and tails calibrated 60 later. */
const WARM_UP_EVENTS = 150_000;
/** Of the spikes that are sent, this share has to come out as an alert. */
const LEAST_FOUND = 0.9;

export type ModelLatency = Awaited<ReturnType<typeof latencyOn>> & { readonly spikes: number };

export interface ModelLatencyResult {
  /** Each value is asked. */
  readonly all: ModelLatency;
  /** score.when: detector > 1. */
  readonly cascade: ModelLatency;
}

/** Default detector and watches; a deadline of 20 ms. */
export async function modelLatency(eventsPerSecond = 10_000, seconds = 60): Promise<ModelLatencyResult> {
  const dev = await startDev();
  try {
    const measure = async (topic: string, when: string): Promise<ModelLatency> => {
      const result = await latencyOn(
        dev,
        topic,
        eventsPerSecond,
        seconds,
        'at-least-once',
        jobOf(when, eventsPerSecond),
      );
      const spikes = Math.floor(result.sent / SPIKE_EVERY);
      console.log(topic, { ...result, spikes });
      if (result.alerts < LEAST_FOUND * spikes) throw new Error(`${result.alerts} alerts of ${spikes} spikes`);
      return { ...result, spikes };
    };
    const all = await measure('all-scored', '');
    if (all.byModel === 0) throw new Error('the model had a part in no alert');
    const cascade = await measure('cascade', ', when: "detector > 1"');
    if (!(cascade.model!.asked > 0 && cascade.model!.asked < all.model!.asked)) {
      throw new Error(
        `the cascade asked for ${cascade.model!.asked} values, and ${all.model!.asked} were asked without it`,
      );
    }
    return { all, cascade };
  } finally {
    await dev.stop();
  }
}

/** An alert silences its series for 12 hours by default, and each of these is to be seen. */
function jobOf(when: string, eventsPerSecond: number): LatencyJob {
  return {
    score: `{on: record, detector: auto, refractory: 0s, model: {uri: lstm.onnx}${when}}`,
    files: { 'lstm.onnx': lstmFile(randomWeights(7)) },
    rule: 'auto@value',
    spikeEvery: SPIKE_EVERY,
    warmUpSeconds: Math.ceil(WARM_UP_EVENTS / eventsPerSecond),
    hasModel: true,
  };
}

/** For docs/benchmarks.md. */
export function modelLatencySection({ all, cascade }: ModelLatencyResult): string {
  const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
  const row = (name: string, { alerts, byModel, p50Ms, p95Ms, p99Ms, maxMs, model }: ModelLatency) =>
    `| ${name} | ${model!.asked.toLocaleString('en-US')} | ${(100 * model!.availability).toFixed(2)} % | ${alerts} | ${byModel} | ${ms(p50Ms)} | ${ms(p95Ms)} | ${ms(p99Ms)} | ${ms(maxMs)} |`;
  return `Ingestion to alert at ${all.eventsPerSecond.toLocaleString('en-US')} events/s of 1,000 series for ${all.seconds} s with that LSTM beside the detector \`auto\`, its
default deadline of 20 ms, and as a cascade (\`score.when: detector > 1\`):

| | values asked | scored in time | alerts | with the model | p50 | p95 | p99 | max |
|---|---|---|---|---|---|---|---|---|
${row('every value', all)}
${row('cascade', cascade)}`;
}
