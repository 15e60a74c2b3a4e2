import { globMatcher } from '../../engine/expressions/glob.ts';
import { AnomalyError } from '../../errors.ts';
import { scoredCandidate } from '../../eval/candidates.ts';
import type { Candidate } from '../../eval/evaluate.ts';
import type { LabelledSeries } from '../../eval/labelledSeries.ts';
import { SYNTHETIC_SEED, syntheticSuite } from '../../eval/synthetic/suite.ts';
import { scoresWindows, scoreWindows } from '../../eval/windows.ts';
import { Recording } from '../../inputs/recording/recording.ts';
import { definePipeline } from '../../runtime/definition/definition.ts';
import type { CommandContext } from '../command.ts';
import { inputPlace } from '../places.ts';
import { candidateOf, forFiles } from './configs.ts';
import { isNabLayout, type LoadedSuite, loadFiles, loadNabLayout } from './files.ts';
import type { LinkedConfig } from './model.ts';
import { replaySuite } from './topic.ts';

/** What is to be measured. */
export interface Opened {
  readonly suite: LoadedSuite;
  readonly candidates: readonly Candidate[];
}

/** The series, and the detectors of the configurations over them. */
export async function openSuite(
  context: CommandContext,
  paths: readonly string[],
  configs: readonly LinkedConfig[],
): Promise<Opened> {
  const { cwd } = context;
  const isChosen = seriesFilter(context);
  const suiteName = context.flags['suite'] as string | undefined;
  const topic = topicOf(context, paths.length > 0 || suiteName !== undefined);
  const given = [paths.length > 0, suiteName !== undefined, topic !== undefined].filter(Boolean).length;
  if (given !== 1) throw nothingToEvaluate(given);
  if (suiteName !== undefined) {
    const suite = builtIn(suiteName, isChosen);
    return await scoredBy(suite, configs);
  }
  const place = topic === undefined ? undefined : { topic };
  const input = paths.length === 1 ? inputPlace(paths[0]!, cwd) : undefined;
  const recording = input?.kind === 'file' ? await Recording.open(input.path) : null;
  if (place !== undefined || recording !== null) {
    return await openReplayed(context, place ?? { recording: recording! }, configs, isChosen);
  }
  for (const flag of ['since', 'partition']) {
    if (context.flags[flag] === undefined) continue;
    throw new AnomalyError('ANM_USAGE', `--${flag} is for topics, and ${paths[0]} is a file`);
  }
  const suite =
    paths.length === 1 && isNabLayout(paths[0]!, cwd)
      ? await loadNabLayout(context, paths[0]!, isChosen)
      : await loadFiles(context, paths, isChosen);
  return await scoredBy(suite, configs);
}

/** Where windows are scored, their values take the place of the rows. */
async function scoredBy(suite: LoadedSuite, given: readonly LinkedConfig[]): Promise<Opened> {
  const configs = given.map((linked) => ({ ...linked, named: forFiles(linked.named) }));
  const definitions = configs.map(({ named }) => definePipeline(named.config));
  if (!definitions.some(scoresWindows)) return { suite, candidates: configs.map(candidateOf) };
  const candidates: Candidate[] = [];
  let windowed: readonly LabelledSeries[] | undefined;
  for (const [i, definition] of definitions.entries()) {
    const started = performance.now();
    const scored: Awaited<ReturnType<typeof scoreWindows>>[] = [];
    for (const one of suite.series) scored.push(await scoreWindows(definition, one, configs[i]!.model));
    const elapsedMs = performance.now() - started;
    const series = scored.map((one) => one.series);
    windowed ??= series;
    refuseOtherValues(windowed, series, configs);
    const byName = new Map(scored.map((one) => [one.series.name, one.scored]));
    candidates.push(scoredCandidate(candidateOf(configs[i]!), byName, elapsedMs));
  }
  return { suite: { ...suite, series: windowed!, isNab: false }, candidates };
}

/** Two pipelines that score other values have no series in common to compare. */
function refuseOtherValues(
  first: readonly LabelledSeries[],
  next: readonly LabelledSeries[],
  configs: readonly LinkedConfig[],
): void {
  const isSame = first.length === next.length && first.every(({ times }, i) => times.length === next[i]!.times.length);
  if (isSame) return;
  const scored = configs.map(({ named: { name, config } }) => `${name} scores ${config.score!.on}`).join(', ');
  throw new AnomalyError('ANM_USAGE', `cannot compare pipelines that score other values: ${scored}`, {
    hint: 'give both the same windows, filters and score.on',
  });
}

/** That of --topic; where nothing else is named, that of anomaly.yaml. */
function topicOf({ flags, settings }: CommandContext, isElsewhere: boolean): string | undefined {
  if (flags['topic'] === undefined && isElsewhere) return undefined;
  const topics = settings.get('source.topics') as readonly string[] | undefined;
  if (topics === undefined || topics.length <= 1) return topics?.[0];
  throw new AnomalyError('ANM_USAGE', `cannot evaluate ${topics.join(', ')} at once`, {
    hint: 'name one of them by --topic',
  });
}

/** Each configuration has a run of its own over the topic. */
async function openReplayed(
  context: CommandContext,
  place: Parameters<typeof replaySuite>[1],
  configs: readonly LinkedConfig[],
  isChosen: (series: string) => boolean,
): Promise<Opened> {
  const candidates: Candidate[] = [];
  let suite: LoadedSuite | undefined;
  for (const linked of configs) {
    const replayed = await replaySuite(context, place, linked, isChosen);
    suite ??= replayed;
    refuseOtherValues(suite.series, replayed.series, configs);
    candidates.push(scoredCandidate(candidateOf(linked), replayed.scored, replayed.elapsedMs));
  }
  return { suite: suite!, candidates };
}

function builtIn(name: string, isChosen: (series: string) => boolean): LoadedSuite {
  const found = /^synthetic(?::(\d{1,9}))?$/.exec(name);
  if (found === null) {
    throw new AnomalyError('ANM_USAGE', `--suite cannot be ${name}`, { hint: 'synthetic, or synthetic:SEED' });
  }
  const series = syntheticSuite(found[1] === undefined ? SYNTHETIC_SEED : Number(found[1]));
  const chosen = series.filter((one) => isChosen(one.name));
  return { name, series: chosen, isLabelled: true, isNab: false, field: 'value' };
}

function seriesFilter({ flags }: CommandContext): (series: string) => boolean {
  const globs = ((flags['series'] as string[] | undefined) ?? []).map(globMatcher);
  return globs.length === 0 ? () => true : (series) => globs.some((matches) => matches(series));
}

function nothingToEvaluate(given: number): AnomalyError {
  const what = given === 0 ? 'nothing is named' : 'more than one of PATH, --suite and --topic is given';
  return new AnomalyError('ANM_USAGE', `cannot evaluate as ${what}`, {
    hint: 'give a folder or files, --suite synthetic, or --topic NAME',
  });
}
