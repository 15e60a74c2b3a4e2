import type { OverrideConfig } from '../../config/pipelineConfig.ts';
import { globMatcher } from '../../engine/expressions/glob.ts';
import type { KeyDictionary } from '../../engine/keys.ts';

/** Patterns of `overrides` that match none of the series: one misspelt is in no other way to be told from one that works. */
export function unmatchedOverrides(
  overrides: readonly Pick<OverrideConfig, 'series'>[],
  dictionaries: readonly Pick<KeyDictionary, 'count' | 'has' | 'name'>[],
): string[] {
  let left = overrides.map(({ series }) => ({ series, matches: globMatcher(series) }));
  for (const keys of dictionaries) {
    for (let id = 0; id < keys.count && left.length > 0; id++) {
      if (!keys.has(id)) continue;
      const name = keys.name(id);
      left = left.filter(({ matches }) => !matches(name));
    }
  }
  return left.map(({ series }) => series);
}
