import type { FeatureDefinition } from '../definition.ts';
import { Difference } from './difference.ts';
import { Ewma } from './ewma.ts';
import { Extremes } from './extremes.ts';
import { Median } from './median.ts';
import { MEDIAN_BY_COUNT_MAX, MedianByCount } from './medianByCount.ts';
import type { FeatureOperator } from './operator.ts';
import type { Rolling } from './rolling.ts';
import { RollingByCount } from './rollingByCount.ts';
import { RollingByTime } from './rollingByTime.ts';
import { SameTime } from './sameTime.ts';

/** The operator of a feature. */
export function createFeature(definition: FeatureDefinition): FeatureOperator {
  const { statistic } = definition;
  switch (statistic) {
    case 'difference':
    case 'rate_of_change':
      return new Difference(statistic);
    case 'same_time':
      return new SameTime(definition.agoMs!, definition.toleranceMs!);
    case 'ewma':
      return new Ewma(rollingOf(definition));
    case 'median': {
      const { rolling } = definition;
      const isSmall = rolling !== undefined && rolling <= MEDIAN_BY_COUNT_MAX;
      return isSmall ? new MedianByCount(rolling) : new Median(rollingOf(definition));
    }
    case 'min':
    case 'max':
      return new Extremes(rollingOf(definition), statistic);
    default:
      return definition.rollingMs === undefined
        ? new RollingByCount(definition.rolling!, statistic)
        : new RollingByTime(definition.rollingMs, statistic);
  }
}

function rollingOf({ rolling, rollingMs }: FeatureDefinition): Rolling {
  return rollingMs === undefined ? { count: rolling! } : { spanMs: rollingMs };
}
