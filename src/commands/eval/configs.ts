import { loadSettings } from '../../config/load.ts';
import type { PipelineConfig, ScoreConfig } from '../../config/pipelineConfig.ts';
import { problemError } from '../../config/problems.ts';
import { ResolvedSettings } from '../../config/resolvedSettings.ts';
import { createDetector, defaultThreshold } from '../../engine/detectors/create.ts';
import { factsOf } from '../../engine/scoreFacts.ts';
import { nearest } from '../../errors/nearest.ts';
import { AnomalyError } from '../../errors.ts';
import { detectorCandidate } from '../../eval/candidates.ts';
import type { Candidate } from '../../eval/evaluate.ts';
import type { Level } from '../../eval/sensitivity.ts';
import { definePipeline } from '../../runtime/definition/definition.ts';
import type { CommandContext } from '../command.ts';
import { SCORE_OPTIONS } from '../options/pipelineOptions.ts';
import type { LinkedConfig } from './model.ts';
import type { NamedConfig } from './namedConfig.ts';

const SENSITIVITIES: readonly ScoreConfig['sensitivity'][] = ['low', 'medium', 'high'];

/** The pipeline of the settings: of anomaly.yaml, flags and defaults. */
export function settingsConfig({ settings }: Pick<CommandContext, 'settings'>): NamedConfig {
  const config = settings.pipeline({ 'score.detector': settings.get('score.detector') });
  return { name: config.score!.detector, config };
}

/** What an operand of --compare names: a detector, or a configuration file. @throws ANM_USAGE, ANM_CONFIG */
export async function operandConfig(context: CommandContext, operand: string): Promise<NamedConfig> {
  if (/\.ya?ml$/.test(operand)) {
    const { env, cwd } = context;
    const settings = await loadSettings({ flags: [], extras: [], env, cwd, config: operand });
    if (settings.problems.length > 0) throw problemError(settings.problems);
    return { name: operand, config: settingsConfig({ settings }).config };
  }
  const choices = SCORE_OPTIONS.find(({ key }) => key === 'score.detector')?.choices ?? [];
  if (!choices.includes(operand)) {
    const near = nearest(operand, choices);
    throw new AnomalyError(
      'ANM_USAGE',
      `cannot compare ${operand} as it is no detector (${choices.join(', ')}), no .yaml and no .json`,
      { hint: near === undefined ? 'see anomaly eval --help' : `did you mean ${near}?` },
    );
  }
  const plain = context.settings.plain();
  const found = new Map(plain.found).set('score.detector', { value: operand, origin: 'flag', place: '--compare' });
  // A threshold is in the unit of one detector.
  found.delete('score.threshold');
  return settingsConfig({ settings: new ResolvedSettings({ ...plain, found }) });
}

/** The detector of a configuration, with each sensitivity that it could have. */
export function candidateOf({
  named: { name, config, role },
  model,
}: Pick<LinkedConfig, 'named' | 'model'>): Candidate {
  const definition = definePipeline(config);
  const { threshold, sensitivity } = config.score!;
  const levels = SENSITIVITIES.map((level) => levelOf(config, level, sensitivity, threshold));
  // Valid limits are no matter of sensitivity.
  const isOne = levels.every((level) => level.threshold === levels[0]!.threshold);
  return detectorCandidate(name, definition, isOne ? [] : levels, role, model);
}

function levelOf(
  config: PipelineConfig,
  sensitivity: ScoreConfig['sensitivity'],
  current: ScoreConfig['sensitivity'],
  threshold: number | undefined,
): Level {
  const { threshold: _, ...score } = config.score!;
  const definition = definePipeline({ ...config, score: { ...score, sensitivity } });
  return {
    name: sensitivity,
    isCurrent: threshold === undefined && sensitivity === current,
    threshold: defaultThreshold(definition.score!.detector),
    thresholdOf: (series) => factsOf(definition.score!, series).threshold,
  };
}

/** The pipeline without each part of its detector in turn: what a part adds is what is lost without it. */
export function withoutParts({ name, config }: NamedConfig): NamedConfig[] {
  const score = config.score!;
  const { partNames } = createDetector(definePipeline(config).score!.detector, () => ({
    min: -Infinity,
    max: Infinity,
  }));
  const muted = score.mute ?? [];
  const counted = partNames.filter((part) => !muted.includes(part) && part !== LIMITS_PART);
  if (counted.length < 2) return [];
  return counted.map((part) => ({
    name: `${name} without ${part}`,
    config: { ...config, score: { ...score, mute: [...muted, part] } },
    role: 'variant',
  }));
}

/** What is outside of configured limits alerts whatever else there is. */
const LIMITS_PART = 'limits';

/** For series that come from files: one field, and nothing that only records have. @throws ANM_UNSUPPORTED */
export function forFiles({ name, config, role }: NamedConfig): NamedConfig {
  const { where, ...source } = config.source;
  const together = config.score!.watches?.find(({ watch }) => watch === 'peers' || watch === 'multivariate');
  if (together !== undefined) {
    throw new AnomalyError('ANM_UNSUPPORTED', `cannot evaluate files with the watch ${together.watch}`, {
      hint: 'it watches series together: load the files with anomaly produce, and evaluate the topic by --topic',
      details: { key: 'score.watch' },
    });
  }
  const selecting = where !== undefined ? 'source.where' : Object.keys(config.derive).length > 0 ? 'derive' : undefined;
  if (selecting !== undefined) {
    throw new AnomalyError('ANM_UNSUPPORTED', `cannot evaluate files with ${selecting} as that is for records`, {
      hint: 'load the files with anomaly produce, and evaluate the topic by --topic',
      details: { key: selecting },
    });
  }
  const [field = 'value'] = Object.keys(source.fields);
  const named = role === undefined ? { name } : { name, role };
  return { ...named, config: { ...config, source: { ...source, fields: { [field]: source.fields[field] ?? field } } } };
}
