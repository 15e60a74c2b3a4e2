import type { AlertShaping } from '../../engine/alertShaper.ts';
import { candidateThresholds } from '../curve.ts';
import { groupOf, type LabelledSeries } from '../labelledSeries.ts';
import type { NabReport } from '../report.ts';
import { pipelineAlertsAt, type ScoredSeries } from '../scoring.ts';
import { newMaxima } from './refractory.ts';
import { NAB_PROFILES, type NabProfile, NabScorer, nabRows, normalizedScore, rawScore } from './scorer.ts';

/** Thresholds that are tried for shaped alerts; a sweep over every score would shape them anew each time. */
const THRESHOLDS = 160;
const LARGEST_SHARE = 0.02;

/** NAB's three profiles of a detector. */
export function nabReport(
  series: readonly LabelledSeries[],
  scored: readonly ScoredSeries[],
  shaping: AlertShaping,
): NabReport {
  const rows = series.map(nabRows);
  const windows = rows.reduce((sum, one) => sum + one.windows, 0);
  const thresholds = candidateThresholds(scored, THRESHOLDS, LARGEST_SHARE);
  const flagged = thresholds.map((threshold) =>
    series.map((one, i) => pipelineAlertsAt(one.times, scored[i]!, threshold, shaping)),
  );
  const groups = series.map(({ name }) => groupOf(name));
  const shaped = NAB_PROFILES.map((profile) => {
    const raws = flagged.map((files) => files.map((alerts, i) => rawScore(rows[i]!, alerts, profile)));
    return chosen(
      raws,
      groups,
      rows.map((one) => one.windows),
      profile,
    );
  });
  const maxima = scored.map(({ scores }) => newMaxima(scores));
  const scorer = new NabScorer(series, (index) => maxima[index]!);
  const asRun = (profile: NabProfile) =>
    scored.reduce((sum, { alertRows }, i) => sum + rawScore(rows[i]!, alertRows, profile), 0);
  return {
    asRun: NAB_PROFILES.map((profile) => normalizedScore(asRun(profile), windows, profile)),
    optimised: shaped.map(({ best }) => normalizedScoreOf(best, windows)),
    logo: shaped.map(({ logo }) => normalizedScoreOf(logo, windows)),
    maximaOptimised: NAB_PROFILES.map((profile) => scorer.best(profile).normalized),
    maximaLogo: NAB_PROFILES.map((profile) => scorer.logo(profile).normalized),
    threshold: thresholds[shaped[0]!.at] ?? Infinity,
  };
}

interface Raw {
  readonly raw: number;
  readonly profile: NabProfile;
}

function normalizedScoreOf({ raw, profile }: Raw, windows: number): number {
  return normalizedScore(raw, windows, profile);
}

/** The best threshold of all, and for each group the best one of the other groups; none at all is one of them. */
function chosen(
  raws: readonly (readonly number[])[],
  groups: readonly string[],
  windows: readonly number[],
  profile: NabProfile,
): { readonly best: Raw; readonly logo: Raw; readonly at: number } {
  const silent = windows.map((count) => -count * profile.falseNegative);
  const sumOf = (raw: readonly number[], counts: (file: number) => boolean) =>
    raw.reduce((sum, value, i) => sum + (counts(i) ? value : 0), 0);
  const bestOf = (counts: (file: number) => boolean) => {
    let at = -1;
    let best = sumOf(silent, counts);
    raws.forEach((raw, t) => {
      const sum = sumOf(raw, counts);
      if (sum > best) [at, best] = [t, sum];
    });
    return { at, best };
  };
  const all = bestOf(() => true);
  let logo = 0;
  for (const group of new Set(groups)) {
    const { at } = bestOf((file) => groups[file] !== group);
    logo += sumOf(raws[at] ?? silent, (file) => groups[file] === group);
  }
  return { best: { raw: all.best, profile }, logo: { raw: logo, profile }, at: all.at };
}
