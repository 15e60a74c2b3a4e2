import type { ScoreDefinition } from './definition.ts';
import { defaultThreshold } from './detectors/create.ts';
import type { Detector } from './detectors/detector.ts';
import type { SeriesFacts } from './seriesKnowledge.ts';

/** What the definition says of a series. */
export function factsOf(score: ScoreDefinition, name: string): SeriesFacts {
  return score.factsOf?.(name) ?? { ...PLAIN, ...score.limits(name), threshold: defaultThreshold(score.detector) };
}

/** The same by slot, one answer for all where the definition is uniform: a cold store asks for each series that it brings. */
export function factsBy(score: ScoreDefinition, nameOf: (slot: number) => string): (slot: number) => SeriesFacts {
  if (score.isUniform !== true) return (slot) => factsOf(score, nameOf(slot));
  const facts = factsOf(score, '');
  return () => facts;
}

/** Silences the muted parts of the present verdict; returns the score of the others. */
export function scoreWithout({ current, fuse }: Detector, muted: number): number {
  const { parts } = current;
  let most = NaN;
  for (let part = 0; part < parts.length; part++) {
    if ((muted >> part) & 1) parts[part] = NaN;
    else if (!(parts[part]! <= most)) most = parts[part]!;
  }
  return fuse === undefined ? most : fuse(parts);
}

const PLAIN = { direction: 'both', minDeviation: 0, minDeviationRatio: 0, origin: 0, calendars: [], muted: 0 } as const;
