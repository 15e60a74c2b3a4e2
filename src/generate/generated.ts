/** A file that was made of a pipeline's configuration. Text is written as it is; documents become YAML or JSON. */
export interface GeneratedFile {
  /** Relative to the directory that it is written to; the first file's is its usual name. */
  readonly path: string;
  /** What a reader of the file has to know: comment lines at its top, where the format has comments. */
  readonly about: readonly string[];
  readonly content: { readonly yaml: readonly unknown[] } | { readonly json: unknown } | { readonly text: string };
}

/** What the files are about: the pipeline as it is configured, and what its surroundings are called. */
export interface Target {
  readonly pipeline: string;
  /** The pipeline as a name for hosts, files and units: lower case, digits and hyphens. */
  readonly slug: string;
  readonly topics: readonly string[];
  /** Port of /metrics, /livez and /readyz. */
  readonly metricsPort: number;
  /** Name of Prometheus' job that scrapes it. */
  readonly job: string;
  readonly hasModel: boolean;
  /** checkpoint.every */
  readonly checkpointEveryMs: number;
  /** Text of anomaly.yaml; absent where only flags name the pipeline. */
  readonly configText?: string;
  readonly toolVersion: string;
  /** Where docs/monitoring.md can be read: its headings are the runbooks. */
  readonly runbooks: string;
}

/** A name that Kubernetes, systemd and Compose take: lower case, digits, hyphens, at most 40 characters. */
export function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return slug === '' ? 'pipeline' : slug;
}

/** A string in PromQL, with its quotes. */
export function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
