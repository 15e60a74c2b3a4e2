import { formatDuration } from '../../config/duration.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import type { Json } from '../../engine/operatorState.ts';
import { didYouMean, nearest } from '../../errors/nearest.ts';
import { AnomalyError, ERROR_TABLE } from '../../errors.ts';
import { formatTime } from '../../output/format.ts';
import { definePipeline } from '../../runtime/definition/definition.ts';
import { windowShown } from '../../runtime/output/rowObjects.ts';
import { type OperatorReport, reportSeries, SeriesOfSnapshot } from '../../runtime/series/seriesReport.ts';
import type { CatalogEntry } from '../../stores/checkpoints/catalog.ts';
import { partitionText, withCheckpoints } from '../checkpoint/access.ts';
import type { CommandContext } from '../command.ts';
import { withModelReads } from '../scoreModel.ts';
import { ageText, chosenSnapshots, operatorsOf } from './access.ts';

/** `state get`. */
export async function runStateGet(context: CommandContext): Promise<number> {
  const name = context.args[0]!;
  return await withCheckpoints(context, async (access) => {
    const { store } = access;
    const entries = chosenSnapshots(context, access);
    const entry = await ownerOf(name, entries, (each) => operatorsOf(store, each, ['keys']), store.url);
    const operators = await operatorsOf(store, entry);
    const config = configFor(await withModelReads(context, context.settings.pipeline()), entry);
    const reports = reportSeries(name, operators, definePipeline(config), windowShown(config));
    const { manifest, reference } = entry;
    const row = new SeriesOfSnapshot(operators).rows().find((each) => each.series === name)!;
    const document = {
      series: name,
      partition: partitionText(manifest),
      checkpoint: manifest.checkpoint,
      name: reference.name,
      created: manifest.created,
      age_ms: context.now() - Date.parse(manifest.created),
      offset: manifest.offset,
      watermark: manifest.watermark,
      last_seen: row.lastSeenMs === null ? null : new Date(row.lastSeenMs).toISOString(),
      records: row.records,
      operators: Object.fromEntries(reports.map(({ operator, state }) => [operator, state])),
    };
    await context.output.document(document, () => text(context, entry, document, reports));
    return 0;
  });
}

/** The snapshot whose partition has the series. */
async function ownerOf(
  name: string,
  entries: readonly CatalogEntry[],
  keys: (entry: CatalogEntry) => ReturnType<typeof operatorsOf>,
  place: string,
): Promise<CatalogEntry> {
  let series = 0;
  let near: string | undefined;
  for (const entry of entries) {
    const found = new SeriesOfSnapshot(await keys(entry));
    if (found.has(name)) return entry;
    series += found.count;
    const names = found.rows().map((row) => row.series);
    near = nearest(name, near === undefined ? names : [near, ...names]);
  }
  throw new AnomalyError(
    'ANM_SERIES_UNKNOWN',
    `there is no series ${name} among the ${series} of ${entries.length} partitions in ${place}`,
    {
      hint: didYouMean(name, near === undefined ? [] : [near], ERROR_TABLE.ANM_SERIES_UNKNOWN.hint),
      details: { series: name },
    },
  );
}

/** A stage that only closes windows has no score, whatever anomaly.yaml says for the stages after it. */
function configFor(config: PipelineConfig, { manifest }: CatalogEntry): PipelineConfig {
  if (manifest.operators.some(({ id }) => id === 'score')) return config;
  const { score: _, ...rest } = config;
  return rest;
}

function text(
  context: CommandContext,
  entry: CatalogEntry,
  head: { readonly partition: string; readonly last_seen: string | null; readonly records: number | null },
  reports: readonly OperatorReport[],
): string {
  const { manifest } = entry;
  const lines = [
    `${context.args[0]} in ${head.partition} at offset ${manifest.offset}, checkpoint ${manifest.checkpoint}, ${ageText(context, [entry])}`,
    `last seen ${head.last_seen ?? 'at a time that is not kept'}, ${head.records ?? 'an unknown number of'} records`,
  ];
  for (const { operator, state } of reports) {
    lines.push('', operator);
    const items = Array.isArray(state) ? state : [state];
    if (items.length === 0) lines.push('  nothing is open');
    for (const item of items) lines.push(`  ${plain(item as Json)}`);
  }
  return lines.join('\n');
}

/** `mean 20.5, stddev 1.2`: times as such, nothing where there is nothing. */
function plain(value: Json): string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return shown('', value);
  return Object.entries(value)
    .map(([name, each]) => `${name.replace(/_ms$/, '').replaceAll('_', ' ')} ${shown(name, each)}`)
    .join(', ');
}

/** Other names with milliseconds are durations. */
const TIME = /^(start|end|last_ms|newest_ms|oldest_ms|(.*_)?time_ms)$/;

function shown(name: string, value: Json): string {
  if (value === null) return '-';
  if (typeof value === 'object') return `(${plain(value)})`;
  if (typeof value === 'number' && TIME.test(name)) return formatTime(value);
  if (typeof value === 'number' && name.endsWith('_ms')) return formatDuration(value);
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(9)));
  return String(value);
}
