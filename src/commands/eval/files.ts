import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import { type LabelledSeries, usualIntervalMs } from '../../eval/labelledSeries.ts';
import { attachLabels, eventsOfRows } from '../../eval/labels.ts';
import { columnNamed, guessKeyColumn, type InputColumn } from '../../inputs/columns.ts';
import { isIdentifier } from '../../inputs/keyNames.ts';
import { openRows, type RowInput } from '../../inputs/rowInput.ts';
import type { CommandContext } from '../command.ts';
import { readLabels } from '../labelFile.ts';
import { settingName } from '../options/settingName.ts';

/** Series to evaluate, and what is known of them. */
export interface LoadedSuite {
  readonly name: string;
  readonly series: readonly LabelledSeries[];
  readonly isLabelled: boolean;
  readonly isNab: boolean;
  /** Column that was read, where files were. */
  readonly field: string;
}

/** Names that a column of 0 and 1 goes by. */
const LABEL_COLUMNS = ['label', 'labels', 'is_anomaly', 'anomaly', 'is_outlier', 'outlier', 'ground_truth'];

/** A folder as the Numenta Anomaly Benchmark has it. */
export function isNabLayout(path: string, cwd: string): boolean {
  const folder = resolve(cwd, path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return false;
  return existsSync(join(folder, 'labels', 'combined_windows.json')) && existsSync(join(folder, 'data'));
}

export async function loadNabLayout(
  context: CommandContext,
  path: string,
  isChosen: (series: string) => boolean,
): Promise<LoadedSuite> {
  const labelsPath = join(path, 'labels', 'combined_windows.json');
  const labels = await readLabels(labelsPath, context.cwd);
  const { series, leftOut, field } = await readSeries(context, [join(path, 'data')], isChosen);
  const unlabelled = series.filter(({ name }) => !labels.has(name));
  if (unlabelled.length > 0) {
    const names = unlabelled.slice(0, 3).map(({ name }) => name);
    context.logger.warn(`left out ${unlabelled.length} files that ${labelsPath} does not name, as ${names.join(', ')}`);
  }
  const known = series.filter(({ name }) => labels.has(name));
  const attached = attachLabels(known, labels, { source: labelsPath, isInclusive: true, leftOut });
  return { name: path, series: attached, isLabelled: true, isNab: true, field };
}

export async function loadFiles(
  context: CommandContext,
  paths: readonly string[],
  isChosen: (series: string) => boolean,
): Promise<LoadedSuite> {
  const { series, leftOut, field, hasLabelColumn } = await readSeries(context, paths, isChosen);
  const name = paths.join(', ');
  const labelsPath = context.flags['labels'] as string | undefined;
  if (labelsPath === undefined) return { name, series, isLabelled: hasLabelColumn, isNab: false, field };
  const labels = await readLabels(labelsPath, context.cwd);
  const attached = attachLabels(series, labels, { source: labelsPath, isInclusive: false, leftOut });
  return { name, series: attached, isLabelled: true, isNab: false, field };
}

interface Columns {
  readonly value: number;
  readonly key: number;
  readonly label: number;
}

/** One series of rows, as they come. */
class SeriesRows {
  readonly times: number[] = [];
  readonly values: number[] = [];
  readonly flags: number[] = [];
}

async function readSeries(context: CommandContext, paths: readonly string[], isChosen: (series: string) => boolean) {
  const { settings, cwd, stdin, logger } = context;
  const timeColumn = settings.optionalString('source.time');
  let badRows = 0;
  const input = await openRows(paths, {
    ...{ cwd, stdin, order: 'file' as const },
    ...(timeColumn !== undefined && { timeColumn, timeName: settingName(settings, 'source.time') }),
    onBadRow: ({ file, line, reason }) => {
      if (badRows++ === 0) logger.warn(`left out ${file}:${line}: ${reason}`);
    },
    onNote: (text) => logger.warn(text),
  });
  const found = new Map<string, SeriesRows>();
  const leftOut = new Set<string>();
  try {
    refuseTimeless(input);
    const columns = chooseColumns(context, input);
    await collect(input, columns, found, leftOut, isChosen);
    if (badRows > 1) logger.warn(`left out ${badRows} rows that cannot be read`);
    const hasLabelColumn = columns.label >= 0;
    const series = [...found].map(([name, rows]): LabelledSeries => {
      const times = Float64Array.from(rows.times);
      const events = hasLabelColumn ? eventsOfRows(times, rows.flags, usualIntervalMs(times)) : [];
      return { name, times, values: Float64Array.from(rows.values), events };
    });
    return { series, leftOut, field: input.columns[columns.value]!.name, hasLabelColumn };
  } finally {
    await input.close();
  }
}

async function collect(
  input: RowInput,
  columns: Columns,
  found: Map<string, SeriesRows>,
  leftOut: Set<string>,
  isChosen: (series: string) => boolean,
): Promise<void> {
  for await (const rows of input.rows()) {
    for (let i = 0; i < rows.count; i++) {
      const file = input.files[rows.files[i]!]!;
      const { chunk } = rows.readers[rows.files[i]!]!;
      const row = rows.rows[i]!;
      const text = (column: number) => {
        const index = column < 0 ? -1 : file.columns.indexes[column]!;
        return index < 0 ? null : chunk.text(row, index);
      };
      const name = columns.key < 0 ? Buffer.from(file.series).toString() : (text(columns.key) ?? '');
      if (!isChosen(name)) {
        leftOut.add(name);
        continue;
      }
      let series = found.get(name);
      if (series === undefined) {
        series = new SeriesRows();
        found.set(name, series);
      }
      series.times.push(chunk.times[row]!);
      series.values.push(numberOf(text(columns.value)));
      series.flags.push(isFlag(text(columns.label)) ? 1 : 0);
    }
  }
}

function numberOf(text: string | null): number {
  const value = text === null || text.trim() === '' ? NaN : Number(text);
  return Number.isFinite(value) ? value : NaN;
}

function isFlag(text: string | null): boolean {
  return text !== null && (Number(text) > 0 || text.toLowerCase() === 'true');
}

function refuseTimeless({ samples, hasTime }: RowInput): void {
  if (hasTime) return;
  const without = samples.find(({ timeColumn }) => timeColumn < 0)!;
  throw new AnomalyError('ANM_FILE', `cannot evaluate ${without.file.name} as it has no column of times`, {
    hint: `name one of its columns (${without.columns.map(({ name }) => name).join(', ')}) by --time`,
  });
}

function chooseColumns({ settings, flags }: CommandContext, { columns, samples }: RowInput): Columns {
  const keyName = settings.optionalString('source.key');
  const labelName = flags['labelColumn'] as string | undefined;
  const times = new Set(samples.map((sample) => sample.columns[sample.timeColumn]?.name));
  const label =
    labelName === undefined
      ? columns.findIndex(({ name }) => LABEL_COLUMNS.includes(name.toLowerCase()))
      : columnNamed(columns, labelName, '--label-column');
  // Several files are several series; within one, a column may tell them apart.
  const key =
    keyName !== undefined
      ? columnNamed(columns, keyName, '--key')
      : samples.length === 1
        ? guessKeyColumn(columns)
        : -1;
  const isValue = (column: InputColumn, i: number) =>
    i !== label && i !== key && !times.has(column.name) && (column.type === 'double' || column.type === 'long');
  return { key, label, value: valueColumn(settings.get('source.fields') as Record<string, string>, columns, isValue) };
}

/** The first configured field where a column has its name, else the only column of numbers. */
function valueColumn(
  fields: Readonly<Record<string, string>>,
  columns: readonly InputColumn[],
  isValue: (column: InputColumn, i: number) => boolean,
): number {
  const [path = 'value'] = Object.values(fields);
  const named = columns.findIndex(({ name }) => name === path);
  if (named >= 0) return named;
  const numbers = columns.flatMap((column, i) => (isValue(column, i) ? [i] : []));
  const measured = numbers.filter((i) => !isIdentifier(columns[i]!.name));
  if (measured.length === 1) return measured[0]!;
  throw new AnomalyError('ANM_USAGE', `cannot evaluate the field ${path} as no column has its name`, {
    hint: `name one by --field: ${(measured.length > 0 ? measured : [...columns.keys()]).map((i) => columns[i]!.name).join(', ')}`,
  });
}
