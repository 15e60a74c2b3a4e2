import { LATENCY_BOUNDS_SECONDS, type LatencyHistogram } from './metrics.ts';

export type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** '_bucket' and the like. */
  readonly suffix?: string;
}

export interface Family {
  /** Without the prefix. */
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** A family with one sample. */
export function single(
  type: 'gauge' | 'counter',
  name: string,
  help: string,
  value: number,
  labels: Labels = {},
): Family {
  return { name, type, help, samples: [{ labels, value }] };
}

/** The cumulative buckets, the sum and the count of one histogram. */
export function histogramSamples({ counts, sumSeconds }: LatencyHistogram, labels: Labels = {}): Sample[] {
  let total = 0;
  const buckets = [...LATENCY_BOUNDS_SECONDS.map((bound) => bound.toFixed(6)), '+Inf'].map((le, i): Sample => {
    total += counts[i]!;
    return { labels: { ...labels, le }, value: total, suffix: '_bucket' };
  });
  return [...buckets, { labels, value: sumSeconds, suffix: '_sum' }, { labels, value: total, suffix: '_count' }];
}

/** Prometheus text format 0.0.4; families without samples are left out. */
export function renderFamilies(families: readonly Family[], prefix: string): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map((family) => render(family, prefix))
    .join('');
}

function render({ name, type, help, samples }: Family, prefix: string): string {
  const full = prefix + name;
  const lines = samples.map(({ labels, value, suffix = '' }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(String(text))}"`);
    return `${full}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
