import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import type { EvaluationReport } from '../../eval/report.ts';

/** Reads what -o json printed. @throws ANM_FILE */
export async function readReport(path: string, cwd: string): Promise<EvaluationReport> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(resolve(cwd, path), 'utf8'));
  } catch (cause) {
    throw new AnomalyError('ANM_FILE', `cannot read the report ${path} as ${(cause as Error).message}`, { cause });
  }
  const report = asReport(parsed) as EvaluationReport;
  const isReport =
    Array.isArray(report?.detectors) && report.detectors.length > 0 && Array.isArray(report.detectors[0]!.perSeries);
  if (isReport) return report;
  throw new AnomalyError('ANM_FILE', `cannot read ${path} as it is no report of anomaly eval`, {
    hint: 'save one by anomaly eval ... -o json > report.json',
  });
}

/** camelCase keys, and NaN where a number has no JSON; what may be null by itself has its name here. */
function asReport(value: unknown, key = ''): unknown {
  if (value === null) return NULLABLE.has(key) ? null : NaN;
  if (Array.isArray(value)) return value.map((item) => asReport(item, key));
  if (typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
      return [camel, asReport(item, camel)];
    }),
  );
}

const NULLABLE = new Set(['nab', 'clean', 'best']);
