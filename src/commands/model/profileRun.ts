import { AnomalyError } from '../../errors.ts';
import type { LabelledSeries } from '../../eval/labelledSeries.ts';
import type { ModelSpec } from '../../models/modelSpec.ts';
import { type Measured, ModelBench } from '../../models/optimize/measure.ts';
import { type ScoreDifference, scoreDifference, scoreWindows, seriesWindows } from '../../models/optimize/scoreData.ts';
import { type Judgement, judge } from '../../models/optimize/verdict.ts';
import type { TrainingSeries } from '../../models/training/scaledSeries.ts';
import { formatBytes, formatNumber } from '../../output/format.ts';
import { renderTable } from '../../output/table.ts';
import type { CommandContext } from '../command.ts';
import { stoppedCode } from '../lifecycle.ts';
import { eventF1, labelData } from './f1.ts';
import { modelPaths } from './file.ts';
import { readTrainingSource } from './trainingSource.ts';

const BATCHES = [1, 64, 256];
const BATCH_MAX = 4096;
const THRESHOLD = 2.5;

/** What is known of one model. */
interface Profile extends Measured {
  /** Absent without data. */
  readonly f1?: number;
  /** Of all but the base. */
  readonly difference?: ScoreDifference;
  readonly judgement?: Judgement;
}

export async function runModelProfile(context: CommandContext): Promise<number> {
  const { args, flags, progress, settings, signal } = context;
  const paths = await modelPaths(context, args);
  const batches = batchSizes(flags['batches'] as string[] | undefined);
  const sources = (flags['data'] as string[] | undefined) ?? [];
  const labels = flags['labels'] as string | undefined;
  if (labels !== undefined && sources.length === 0) {
    throw new AnomalyError('ANM_USAGE', '--labels is for the series of --data, which is not given');
  }
  const bench = await ModelBench.open(paths, givenSpec(context), {
    runtime: { runtime: (flags['runtime'] ?? 'auto') as 'auto', threads: 1 },
    batches,
    perFigureMs: (flags['measure'] as number | undefined) ?? 1000,
    gauges: { nowMs: () => performance.now(), residentBytes: () => process.memoryUsage.rss() },
  });
  try {
    checkSpecs(paths, bench);
    const onTurn = (share: number) => progress.update(() => `measuring: ${Math.round(100 * share)} %`);
    const measured = await bench.measure(onTurn, signal);
    const stepMs = settings.durationMs('score.step');
    const data = sources.length === 0 ? undefined : await readData(context, sources, bench.specOf(0), labels);
    signal.throwIfAborted();
    const scored = data === undefined ? undefined : await scoreAll(context, bench, data, batches.at(-1)!, stepMs);
    progress.clear();
    await report(context, profilesOf(measured, scored, thresholdOf(context)), scored);
    return 0;
  } catch (error) {
    if (signal.aborted) return stoppedCode(signal);
    throw error;
  } finally {
    await bench.close();
  }
}

/** What flags say of models whose files do not; over what these say. */
function givenSpec({ flags }: CommandContext): Partial<ModelSpec> {
  const { kind, length, fields, scaling, direction } = flags;
  const given = { kind, length, channels: fields, scaling, direction };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<ModelSpec>;
}

function thresholdOf({ flags }: CommandContext): number {
  return (flags['threshold'] as number | undefined) ?? THRESHOLD;
}

function batchSizes(given: readonly string[] | undefined): number[] {
  if (given === undefined) return BATCHES;
  const sizes = given.map(Number);
  const wrong = given.find((_, i) => !(Number.isInteger(sizes[i]) && sizes[i]! >= 1 && sizes[i]! <= BATCH_MAX));
  if (wrong !== undefined || sizes.length === 0) {
    throw new AnomalyError('ANM_USAGE', `--batches cannot have ${wrong ?? 'none'}, a batch is 1 to ${BATCH_MAX}`);
  }
  return [...new Set(sizes)].sort((a, b) => a - b);
}

/** Scores can be compared where the models read and give the same. */
function checkSpecs(paths: readonly string[], bench: ModelBench): void {
  const text = ({ kind, length, channels, scaling }: ModelSpec) =>
    `${kind} of ${channels.join(', ')}, length ${length}, scaling ${scaling}`;
  const base = text(bench.specOf(0));
  paths.forEach((path, i) => {
    const other = text(bench.specOf(i));
    if (other === base) return;
    throw new AnomalyError(
      'ANM_MODEL_SPEC',
      `cannot compare ${path} (${other}) with ${paths[0]} (${base}) as they read or give something else`,
      { hint: 'profile models of one kind; anomaly eval compares others by what they find' },
    );
  });
}

/** Series with the fields that the model reads. */
async function readData(context: CommandContext, sources: readonly string[], spec: ModelSpec, labels?: string) {
  const config = context.settings.pipeline();
  const { fields } = config.source;
  const wanted = Object.fromEntries(spec.channels.map((name) => [name, fields[name] ?? name]));
  const read = await readTrainingSource(context, sources, { ...config, source: { ...config.source, fields: wanted } });
  const labelled = labels === undefined ? undefined : await labelData(context, labels, read.series);
  return { series: read.series, labelled };
}

interface ScoredData {
  readonly labelled: readonly LabelledSeries[] | undefined;
  readonly records: readonly Int32Array[];
  /** By model, then series. */
  readonly scores: readonly (readonly Float32Array[])[];
}

async function scoreAll(
  { progress, signal }: CommandContext,
  bench: ModelBench,
  data: { readonly series: readonly TrainingSeries[]; readonly labelled: readonly LabelledSeries[] | undefined },
  batch: number,
  stepMs: number,
): Promise<ScoredData> {
  const windows = seriesWindows(data.series, bench.specOf(0), stepMs);
  const total = windows.reduce((sum, { records }) => sum + records.length, 0);
  if (total === 0) {
    throw new AnomalyError('ANM_TRAINING_DATA', 'cannot score the data as no series has a whole window', {
      hint: 'a series gives one after 60 values, and as many as the model reads',
    });
  }
  const scores: Float32Array[][] = [];
  for (let model = 0; model < bench.models; model++) {
    const own: Float32Array[] = [];
    for (const each of windows) {
      own.push(
        await scoreWindows(each, batch, (rows, values) => {
          signal.throwIfAborted();
          return bench.score(model, rows, values);
        }),
      );
      progress.update(() => `scoring: model ${model + 1} of ${bench.models}, ${formatNumber(total)} windows each`);
    }
    scores.push(own);
  }
  return { labelled: data.labelled, records: windows.map(({ records }) => records), scores };
}

function profilesOf(measured: readonly Measured[], scored: ScoredData | undefined, threshold: number): Profile[] {
  const f1s = measured.map((_, m) =>
    scored?.labelled === undefined ? undefined : eventF1(scored.labelled, scored.records, scored.scores[m]!, threshold),
  );
  const base = measured[0]!;
  const fastest = base.throughput.reduce((best, each) => (each.windowsPerSecond > best.windowsPerSecond ? each : best));
  return measured.map((each, m) => {
    const f1 = f1s[m];
    const own = { ...each, ...(f1 !== undefined && { f1 }) };
    if (m === 0) return own;
    const difference =
      scored === undefined ? undefined : scoreDifference(scored.scores[0]!, scored.scores[m]!, threshold);
    const rate = each.throughput.find(({ batch }) => batch === fastest.batch)!.windowsPerSecond;
    const judgement = judge({
      ...{ speed: rate / fastest.windowsPerSecond, size: each.bytes / base.bytes },
      ...(f1 !== undefined && { f1: [f1, f1s[0]!] as const }),
      ...(difference !== undefined && { agreement: difference.agreement }),
    });
    return { ...own, ...(difference !== undefined && { difference }), judgement };
  });
}

async function report(
  { output, cwd }: CommandContext,
  profiles: readonly Profile[],
  scored: ScoredData | undefined,
): Promise<void> {
  const document = {
    runtime: profiles[0]!.runtime,
    windows: scored?.records.reduce((sum, { length }) => sum + length, 0) ?? null,
    models: profiles.map((each) => ({
      file: each.path,
      bytes: each.bytes,
      load_ms: rounded(each.loadMs),
      memory_bytes: each.memoryBytes,
      latency_p50_ms: rounded(each.latencyP50Ms),
      latency_p99_ms: rounded(each.latencyP99Ms),
      throughput: each.throughput.map(({ batch, windowsPerSecond }) => ({
        batch,
        windows_per_second: Math.round(windowsPerSecond),
      })),
      f1: each.f1 ?? null,
      score_difference: each.difference?.meanShare ?? null,
      agreement: each.difference?.agreement ?? null,
      alerts: each.difference?.alerts ?? null,
      verdict: each.judgement?.verdict ?? null,
      reason: each.judgement?.reason ?? null,
    })),
  };
  await output.document(document, () => {
    const table = renderTable(profiles, columnsOf(profiles, cwd), { wide: false, color: output.color });
    const verdicts = profiles.slice(1).map((each) => verdictLine(each, cwd));
    return [`${document.runtime}${scopeOf(document.windows)}`, table, ...verdicts].join('\n');
  });
}

function scopeOf(windows: number | null): string {
  return windows === null ? '; no --data: speed and size only' : `; ${formatNumber(windows)} windows scored`;
}

function columnsOf(profiles: readonly Profile[], cwd: string) {
  const right = { align: 'right' } as const;
  const has = (name: 'f1' | 'difference') => profiles.some((each) => each[name] !== undefined);
  return [
    { header: 'model', value: (each: Profile) => shortPath(each.path, cwd) },
    { header: 'size', ...right, value: (each: Profile) => formatBytes(each.bytes) },
    { header: 'load', ...right, value: (each: Profile) => `${each.loadMs.toFixed(0)} ms` },
    { header: 'memory', ...right, value: (each: Profile) => memoryText(each.memoryBytes) },
    { header: 'p50', ...right, value: (each: Profile) => `${each.latencyP50Ms.toFixed(3)} ms` },
    { header: 'p99', ...right, value: (each: Profile) => `${each.latencyP99Ms.toFixed(3)} ms` },
    ...profiles[0]!.throughput.map(({ batch }, i) => ({
      header: `batch ${batch}`,
      ...right,
      value: (each: Profile) => `${formatNumber(Math.round(each.throughput[i]!.windowsPerSecond))}/s`,
    })),
    ...(has('difference')
      ? [
          { header: 'difference', ...right, value: (each: Profile) => percent(each.difference?.meanShare) },
          { header: 'agreement', ...right, value: (each: Profile) => each.difference?.agreement.toFixed(3) },
        ]
      : []),
    ...(has('f1') ? [{ header: 'F1', ...right, value: (each: Profile) => each.f1?.toFixed(3) }] : []),
  ];
}

function verdictLine({ path, judgement }: Profile, cwd: string): string {
  const words = { use: 'use it', 'size only': 'use it where size counts', 'keep base': 'keep the base' };
  return `${shortPath(path, cwd)}: ${words[judgement!.verdict]}: ${judgement!.reason}`;
}

function shortPath(path: string, cwd: string): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
}

/** The process has other business, too: smaller figures are none. */
function memoryText(bytes: number): string {
  return bytes < 2 ** 20 ? 'under 1 MiB' : formatBytes(bytes);
}

function percent(share: number | undefined): string | undefined {
  return share === undefined ? undefined : `${(100 * share).toFixed(2)} %`;
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}
