import type { Compression } from '../../clients/producer.ts';
import { AnomalyError } from '../../errors.ts';
import { columnNamed, guessKeyColumn, type InputColumn } from '../../inputs/columns.ts';
import { DEFAULT_BUDGET, type ErrorBudget, parseBudget } from '../../inputs/rejects.ts';
import type { RowInputOptions } from '../../inputs/rowInput.ts';
import type { KeyChoice } from '../../inputs/sendRows.ts';
import type { CommandContext } from '../command.ts';

/** The flags of `produce`, read and checked. */
export interface ProduceOptions {
  readonly inputs: readonly string[];
  readonly topic: string;
  readonly key: string | undefined;
  readonly byFile: boolean;
  readonly keyless: boolean;
  readonly schemaFile: string | undefined;
  readonly format: 'avro' | 'json';
  readonly partitions: number | undefined;
  readonly replicationFactor: number | undefined;
  readonly topicConfigs: Readonly<Record<string, string>>;
  /** Rows a second, and event seconds a second; Infinity for no limit. */
  readonly rate: number;
  readonly speed: number;
  readonly loop: boolean;
  readonly limit: number;
  readonly recordTime: 'now' | 'event';
  readonly budget: ErrorBudget;
  readonly rejects: string;
  readonly compression: Compression;
  readonly dryRun: boolean;
  /** Records are marked, so that the load can go on after an interruption. */
  readonly marked: boolean;
  /** The load goes on behind the marks that are in the topic. */
  readonly resume: boolean;
  readonly reading: Omit<RowInputOptions, 'onBadRow' | 'onNote'>;
}

export const DEFAULT_PARTITIONS = 1;

/** @throws ANM_USAGE */
export function readOptions(context: CommandContext): ProduceOptions {
  const { args, flags, stdin, cwd } = context;
  const text = (name: string): string | undefined => flags[name] as string | undefined;
  const number = (name: string): number | undefined => flags[name] as number | undefined;
  if (args.length === 0)
    throw new AnomalyError('ANM_USAGE', 'cannot produce without an input', {
      hint: 'name files, a folder, or - for stdin',
    });
  const topic = topicOf(context);
  const loop = flags['loop'] === true;
  if (loop && args.includes('-'))
    throw new AnomalyError('ANM_USAGE', '--loop cannot read stdin as it is there only once');
  if (loop && (flags['resume'] === true || flags['resumable'] === true))
    throw new AnomalyError('ANM_USAGE', '--loop cannot be resumed as it has no end');
  const chosen = ['key', 'byFile', 'keyless'].filter((name) => flags[name] !== undefined && flags[name] !== false);
  if (chosen.length > 1) throw new AnomalyError('ANM_USAGE', 'give one of --key, --by-file and --keyless');
  const columns = text('columns')
    ?.split(',')
    .map((name) => name.trim());
  return {
    inputs: args,
    topic,
    key: text('key'),
    byFile: flags['byFile'] === true,
    keyless: flags['keyless'] === true,
    schemaFile: text('schema'),
    format: (text('format') ?? 'avro') as 'avro' | 'json',
    partitions: positive('--partitions', number('partitions')),
    replicationFactor: positive('--replication-factor', number('replicationFactor')),
    topicConfigs: parseConfigs(flags['topicConfig']),
    rate: positive('--rate', number('rate')) ?? Number.POSITIVE_INFINITY,
    speed: parseSpeed(text('speed')),
    loop,
    limit: number('limit') ?? Number.POSITIVE_INFINITY,
    recordTime: (text('recordTime') ?? 'now') as 'now' | 'event',
    budget: text('maxErrors') === undefined ? DEFAULT_BUDGET : parseBudget(String(text('maxErrors'))),
    rejects: text('rejects') ?? `${topic}.rejects.ndjson`,
    compression: (text('compression') ?? 'none') as Compression,
    dryRun: flags['dryRun'] === true,
    marked: flags['resume'] === true || flags['resumable'] === true,
    resume: flags['resume'] === true,
    reading: {
      cwd,
      stdin,
      ...optional('order', text('order') as 'time' | 'file' | undefined),
      ...optional('timeColumn', text('time')),
      ...optional('sampleRows', positive('--sample', number('sample'))),
      ...optional('dialect', text('inputFormat') as 'csv' | 'jsonl' | undefined),
      ...optional('maxRowBytes', positive('--max-row-bytes', number('maxRowBytes'))),
      ...optional('delimiter', parseDelimiter(text('delimiter'))),
      ...optional('columns', columns),
    },
  };
}

/** What keys the records: as asked for, else by a column whose name says so, else by file. @throws ANM_USAGE */
export function chooseKey(
  options: ProduceOptions,
  columns: readonly InputColumn[],
  context: CommandContext,
): KeyChoice {
  if (options.keyless) return { by: 'none' };
  if (options.byFile) return { by: 'file' };
  if (options.key !== undefined) return { by: 'column', column: columnNamed(columns, options.key, '--key') };
  // The pipeline's key field is meant for this topic, where the files have it.
  const configured = context.settings.optionalString('source.key');
  const known = columns.findIndex((column) => column.name === configured || column.field === configured);
  const column = known >= 0 ? known : guessKeyColumn(columns);
  return column >= 0 ? { by: 'column', column } : { by: 'file' };
}

function topicOf({ flags, settings }: CommandContext): string {
  const given = flags['topic'] as string | undefined;
  if (given !== undefined) return given;
  const topics = (settings.get('source.topics') as readonly string[] | undefined) ?? [];
  if (topics.length === 1) return topics[0]!;
  throw new AnomalyError(
    'ANM_USAGE',
    topics.length === 0 ? 'cannot produce without a topic' : 'cannot choose among several source topics',
    {
      hint: 'name it by --topic',
    },
  );
}

export function parseSpeed(text: string | undefined): number {
  if (text === undefined || text === 'max') return Number.POSITIVE_INFINITY;
  const match = /^(\d+(?:\.\d+)?)x?$/.exec(text);
  const speed = Number(match?.[1]);
  if (match === null || speed === 0)
    throw new AnomalyError('ANM_USAGE', `--speed cannot be ${text}`, { hint: 'give a pace as 60x or 0.5x, or max' });
  return speed;
}

function parseDelimiter(text: string | undefined): string | undefined {
  const char = text === '\\t' || text === 'tab' ? '\t' : text;
  if (char === undefined || /^[\x01-\x21\x23-\x7e]$/.test(char)) return char;
  throw new AnomalyError('ANM_USAGE', `--delimiter cannot be ${text}`, { hint: 'give one character, or tab' });
}

function parseConfigs(given: unknown): Record<string, string> {
  const entries = (given === undefined ? [] : Array.isArray(given) ? given : [given]).map(String);
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      if (at <= 0)
        throw new AnomalyError('ANM_USAGE', `--topic-config cannot be ${entry}`, {
          hint: 'give it as retention.ms=604800000',
        });
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

function positive(flag: string, value: number | undefined): number | undefined {
  if (value === undefined || value > 0) return value;
  throw new AnomalyError('ANM_USAGE', `${flag} cannot be ${value}`, { hint: 'give a number above 0' });
}

/** `{[key]: value}`, or nothing where the value is undefined: optional properties are left out, not undefined. */
function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
