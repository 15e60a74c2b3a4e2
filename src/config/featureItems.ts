import type { ValueIssue } from './checked.ts';
import { parseDuration } from './duration.ts';
import type { FeatureConfig } from './pipelineConfig.ts';

type Statistic = FeatureConfig['statistic'];

/** What a feature rolls over is its `rolling`; these have none. */
const WITHOUT_ROLLING: readonly Statistic[] = ['difference', 'rate_of_change', 'same_time'];
export const STATISTICS: readonly Statistic[] = [
  ...(['mean', 'stddev', 'z', 'median', 'min', 'max', 'sum', 'count', 'ewma'] as const),
  ...WITHOUT_ROLLING,
];
const DAY_MS = 86_400_000;
const TOLERANCE_MS = 900_000;
const ROLLING_MAX = 100_000;

export const FEATURE_SHAPE = 'name=mean:field:12, name=mean:field:1h, name=difference:field or name=same_time:field:7d';

/** Fields of an item; docs/configuration.md prints them. */
export const FEATURE_FIELDS = [
  { key: 'features[].name', name: 'name', type: 'string', required: true, doc: 'name' },
  {
    key: 'features[].rolling',
    name: 'rolling',
    type: 'rolling',
    doc: `number of last values, the current one included, up to ${ROLLING_MAX}; or a duration: the span of event time up to the series' newest value. For ewma the half life. difference, rate_of_change and same_time have none`,
  },
  {
    key: 'features[].statistic',
    name: 'statistic',
    type: 'string',
    choices: STATISTICS,
    doc: 'what is computed: rate_of_change is the difference to the value before a second, same_time the value that was `ago` before; default mean',
  },
  { key: 'features[].of', name: 'of', type: 'string', required: true, doc: 'a field, or an aggregate as w5m.mean' },
  {
    key: 'features[].ago',
    name: 'ago',
    type: 'duration',
    min: 1,
    doc: 'same_time: how long before, 1d (the default), 7d or any other',
  },
  {
    key: 'features[].tolerance',
    name: 'tolerance',
    type: 'duration',
    min: 0,
    doc: 'same_time: how far off the nearest value may be; default 15m',
  },
  {
    key: 'features[].ttl',
    name: 'ttl',
    type: 'duration',
    min: 1,
    doc: 'event time without a record after which a series is forgotten; default as state.ttl says',
  },
] as const;

/** `rolling` of a file or a flag: a number of values, or milliseconds. */
export function checkRolling(node: unknown): { value?: unknown; issues: readonly ValueIssue[] } {
  const wrong = (message: string) => ({ issues: [{ path: [], message }] });
  const shown = JSON.stringify(node) ?? String(node);
  if (typeof node === 'number' || (typeof node === 'string' && /^[+-]?[\d.]+$/.test(node.trim()))) {
    const count = Number(node);
    if (!Number.isInteger(count))
      return wrong(`wants a whole number of values, or a duration such as 1h, got ${shown}`);
    if (count < 1 || count > ROLLING_MAX) return wrong(`must be from 1 to ${ROLLING_MAX} values, got ${shown}`);
    return { value: { rolling: count }, issues: [] };
  }
  const spanMs = typeof node === 'string' ? parseDuration(node) : null;
  if (spanMs === null) return wrong(`wants a number of values, or a duration such as 1h, got ${shown}`);
  if (spanMs < 1) return wrong(`must be at least 1ms, got ${shown}`);
  return { value: { rollingMs: spanMs }, issues: [] };
}

/** The feature of a checked item, or what does not go together in it. */
export function featureOf(item: Readonly<Record<string, unknown>>): FeatureConfig | ValueIssue[] {
  const agoMs = item['ago'] as number | undefined;
  const toleranceMs = item['tolerance'] as number | undefined;
  const rolling = item['rolling'] as Pick<FeatureConfig, 'rolling' | 'rollingMs'> | undefined;
  const statistic = (item['statistic'] as Statistic | undefined) ?? (agoMs === undefined ? 'mean' : 'same_time');
  const ttlMs = item['ttl'] as number | undefined;
  const base = {
    name: item['name'] as string,
    statistic,
    of: item['of'] as string,
    ...(ttlMs !== undefined && { ttlMs }),
  };
  const issues: ValueIssue[] = [];
  const needsRolling = !WITHOUT_ROLLING.includes(statistic);
  if (needsRolling && rolling === undefined) {
    issues.push({ path: [], message: `misses rolling, which ${statistic} needs: a number of values, or a duration` });
  }
  if (!needsRolling && rolling !== undefined) {
    const instead = statistic === 'same_time' ? ': it has ago' : '';
    issues.push({ path: ['rolling'], message: `does not belong to ${statistic}${instead}` });
  }
  if (statistic !== 'same_time') {
    for (const name of ['ago', 'tolerance']) {
      if (item[name] !== undefined) issues.push({ path: [name], message: `belongs to same_time, not to ${statistic}` });
    }
    return issues.length > 0 ? issues : { ...base, ...rolling };
  }
  const [ago, tolerance] = [agoMs ?? DAY_MS, toleranceMs ?? TOLERANCE_MS];
  if (tolerance >= ago)
    issues.push({ path: ['tolerance'], message: 'must be shorter than ago (by default 15m and 1d)' });
  return issues.length > 0 ? issues : { ...base, agoMs: ago, toleranceMs: tolerance };
}

/** name=statistic:of, name=statistic:of:rolling, name=same_time:of:ago:tolerance; null for anything else. */
export function parseFeature(text: string): Record<string, unknown> | null {
  const match = /^([^=:]+)=([^=:]+):([^=:]+)(?::([^=:]+))?(?::([^=:]+))?$/.exec(text);
  if (match === null) return null;
  const [, name, statistic, of, third, fourth] = match;
  const item = { name, statistic, of };
  if (third === undefined) return item;
  if (statistic !== 'same_time') return fourth === undefined ? { ...item, rolling: third } : null;
  return { ...item, ago: third, ...(fourth !== undefined && { tolerance: fourth }) };
}
