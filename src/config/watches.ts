import { nearest } from '../errors/nearest.ts';
import type { WatchConfig } from './pipelineConfig.ts';
import type { PipelineValues } from './pipelineValues.ts';
import type { Problem } from './problem.ts';

const NAMES: readonly WatchConfig['watch'][] = [
  'missing',
  'flat',
  'shift',
  'drift',
  'multivariate',
  'peers',
  'subsequence',
];
/** They look at whole records, or at the times between them. */
const OF_RECORDS: ReadonlySet<string> = new Set(['missing', 'multivariate', 'peers']);
/** Detectors that decide by themselves what is unusual; a plain rule is left alone. */
const PRESETS: ReadonlySet<string> = new Set(['kpi', 'sensor', 'auto']);

/**
 * The rules beside the detector, with their settings. Problems are added to the list.
 *
 * @param on what is scored
 */
export function watchesOf(
  values: PipelineValues,
  detector: string,
  on: string,
  problems: Problem[],
): readonly WatchConfig[] {
  const isOfRecords = !isWindowed(values, on);
  const problem = (message: string) => {
    problems.push({ place: values.place('score.watch'), key: 'score.watch', message, later: false });
  };
  const given = values.get('score.watch') as readonly string[] | undefined;
  const names =
    given ?? (PRESETS.has(detector) ? ['missing', 'flat'].filter((name) => isOfRecords || name === 'flat') : []);
  if (names.length === 1 && names[0] === 'none') return [];
  const watches: WatchConfig[] = [];
  for (const name of new Set(names)) {
    const watch = NAMES.find((each) => each === name);
    if (watch === undefined) {
      const near = nearest(name, NAMES);
      const meant = near === undefined ? '' : `; did you mean ${near}?`;
      problem(`wants some of ${NAMES.join(', ')}, or none alone, got "${name}"${meant}`);
    } else if (OF_RECORDS.has(watch) && !isOfRecords) {
      problem(`has ${watch}, which needs records, and score.on is ${on}`);
    } else {
      watches.push({ watch, ...settingsOf(values, watch) });
    }
  }
  const fields =
    Object.keys(values.get('source.fields') as object).length + Object.keys(values.get('derive') as object).length;
  const isOfFields = watches.some(({ watch, groupBy }) => watch === 'multivariate' && groupBy === undefined);
  if (isOfFields && fields < 2) {
    problem('has multivariate, which needs two fields of a record, or score.multivariate.group_by');
  }
  return watches;
}

function settingsOf(values: PipelineValues, watch: WatchConfig['watch']): Omit<WatchConfig, 'watch'> {
  const number = (key: string) => values.get(`score.${watch}.${key}`) as number | undefined;
  const hasThreshold = watch === 'flat' || watch === 'multivariate' || watch === 'peers';
  const threshold = hasThreshold ? number('threshold') : undefined;
  const afterMs = watch === 'missing' ? number('after') : undefined;
  const length = watch === 'subsequence' ? number('length') : undefined;
  const isGrouped = watch === 'multivariate' || watch === 'peers';
  const groupBy = isGrouped ? (values.get(`score.${watch}.group_by`) as string | undefined) : undefined;
  return {
    ...(threshold !== undefined && { threshold }),
    ...(afterMs !== undefined && { afterMs }),
    ...(groupBy !== undefined && { groupBy }),
    ...(length !== undefined && { length }),
  };
}

/** Whether a window is scored, or a feature of one. */
function isWindowed(values: PipelineValues, on: string): boolean {
  if (on === 'record') return false;
  const windows = values.get('windows') as readonly { readonly name: string }[];
  const features = values.get('features') as readonly { readonly name: string; readonly of: string }[];
  const column = features.find(({ name }) => name === on)?.of ?? on;
  return windows.some(({ name }) => column.startsWith(`${name}.`));
}
