import type { KafkaClient } from '../../clients/client.ts';
import { parseDuration } from '../../config/duration.ts';
import type { PipelineDefinition } from '../../engine/definition.ts';
import { AnomalyError } from '../../errors.ts';
import { type CollectedRows, ScoreCollector } from '../../eval/collector.ts';
import { attachLabels } from '../../eval/labels.ts';
import type { LinkedPipeline, ModelLink } from '../../eval/modelLink.ts';
import type { ScoredSeries } from '../../eval/scoring.ts';
import { scoredSpanMs } from '../../eval/windows.ts';
import type { Recording } from '../../inputs/recording/recording.ts';
import { definePipeline } from '../../runtime/definition/definition.ts';
import { SourceSchemas } from '../../runtime/input/sourceSchemas.ts';
import { RecordTask } from '../../runtime/recordTask.ts';
import { runWhole } from '../../runtime/task.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';
import { readLabels } from '../labelFile.ts';
import { type ReplaySource, recordingSource, topicSource } from '../replay/source.ts';
import type { LoadedSuite } from './files.ts';
import type { LinkedConfig } from './model.ts';

/** A topic that was run once more: its series, and what the pipeline said of them. */
export interface ReplayedSuite extends LoadedSuite {
  readonly scored: ReadonlyMap<string, ScoredSeries>;
  readonly elapsedMs: number;
}

/**
 * Runs a pipeline over a part of a topic, or over a recording, without a group and without writing anything, and keeps
 * what it scored. One run serves every series, as in `run`.
 */
export async function replaySuite(
  context: CommandContext,
  place: { readonly topic: string } | { readonly recording: Recording },
  linked: LinkedConfig,
  isChosen: (series: string) => boolean,
): Promise<ReplayedSuite> {
  const ranged = { ...context, flags: { ...context.flags, offset: sinceRange(context.flags['since']) } };
  let client: KafkaClient | undefined;
  try {
    let source: ReplaySource;
    if ('recording' in place) source = await recordingSource(ranged, place.recording);
    else {
      client = await connectClient(context);
      source = await topicSource(ranged, client, place.topic);
    }
    const suite = await replayed(context, source, linked, isChosen);
    // What a signal cut short has neither all rows nor all labelled times.
    return context.signal.aborted ? suite : await labelled(context, suite);
  } finally {
    await client?.close();
  }
}

/** `4w` back from now, or a time or range as --offset has them: 2026-01-01, 2026-01-01:2026-02-01. */
function sinceRange(since: unknown): string {
  if (since === undefined) return 'start';
  const text = String(since);
  return parseDuration(text) !== null ? `@-${text.replace(/^-/, '')}` : `@${text.replace(/^@/, '')}`;
}

/** A partition at work. */
interface ReplayedPartition {
  readonly task: RecordTask;
  /** Takes the alerts out of the output tables. */
  readonly takeAlerts: () => void;
  readonly linked: LinkedPipeline | undefined;
}

async function replayed(
  context: CommandContext,
  source: ReplaySource,
  { named, model }: LinkedConfig,
  isChosen: (series: string) => boolean,
): Promise<ReplayedSuite> {
  const { logger, progress, signal } = context;
  const config = { ...named.config, source: { ...named.config.source, topics: [source.topic] } };
  const definition = definePipeline(config);
  const schemas = new SourceSchemas(config, source.schemas, logger);
  const rows = new Map<string, CollectedRows>();
  const partitions = new Map<number, ReplayedPartition>();
  const atWork = (partition: number) => {
    const known = partitions.get(partition);
    if (known !== undefined) return known;
    const task = new RecordTask(source.topic, partition, definition, config, schemas);
    const made = observed(task, definition, rows, isChosen, model);
    partitions.set(partition, made);
    return made;
  };
  let [records, rejected, elapsedMs, reason] = [0, 0, 0, ''];
  for await (const batch of source.read(source.range, definition.fields.length)) {
    const { task, takeAlerts, linked } = atWork(batch.partition);
    const started = performance.now();
    await runWhole(task, batch);
    records += batch.count;
    rejected += task.rejectCount;
    if (task.rejectCount > 0) reason = task.lastRejectReason;
    takeAlerts();
    await linked?.drain();
    elapsedMs += performance.now() - started;
    progress.update(() => `${source.topic}: ${records.toLocaleString('en-US')} records`);
    if (signal.aborted) break;
  }
  for (const { linked } of partitions.values()) linked?.close();
  progress.end();
  if (!signal.aborted) refuseNothing(source.topic, records, rejected, reason, rows.size);
  if (rejected > 0) logger.warn(`left out ${rejected} of ${records} records, the last one as ${reason}`);
  const names = [...rows.keys()].sort();
  return {
    name: source.topic,
    series: names.map((name) => rows.get(name)!.series(name, scoredSpanMs(definition))),
    scored: new Map(names.map((name) => [name, rows.get(name)!.scored])),
    ...{ isLabelled: false, isNab: false, field: definition.fields[0]!, elapsedMs },
  };
}

/** Puts what a task scores into `rows`, by series and field. */
function observed(
  task: RecordTask,
  { fields, score }: PipelineDefinition,
  rows: Map<string, CollectedRows>,
  isChosen: (series: string) => boolean,
  model: ModelLink | undefined,
): ReplayedPartition {
  const { pipeline } = task;
  const nameOf = (series: number, field: number) => {
    const name = pipeline.keys.text(series);
    if (!isChosen(name)) return undefined;
    return fields.length === 1 ? name : `${name}.${fields[field]}`;
  };
  const collector = new ScoreCollector(nameOf, rows, score?.rules ?? []);
  pipeline.observeScores(collector);
  const takeAlerts = () => {
    const { alertRows, rules } = pipeline;
    for (let k = 0; k < alertRows.count; k++) {
      if (!alertRows.isAlert(k)) continue;
      const rule = rules[alertRows.rule[k]!]!.name;
      collector.onAlert(alertRows.series[k]!, alertRows.field[k]!, rule, alertRows.offset[k]!, alertRows.end[k]!);
    }
    pipeline.clearOutput();
  };
  return { task, takeAlerts, linked: model?.open(pipeline, takeAlerts) };
}

function refuseNothing(topic: string, records: number, rejected: number, reason: string, series: number): void {
  if (series > 0) return;
  if (records === 0) {
    throw new AnomalyError('ANM_BAD_DATA', `cannot evaluate ${topic} as it has no records in that range`, {
      hint: 'choose an earlier --since',
    });
  }
  const why = rejected > 0 ? `${rejected} of ${records} records cannot be used: ${reason}` : 'none of them was scored';
  throw new AnomalyError('ANM_BAD_DATA', `cannot evaluate ${topic} as ${why}`, {
    hint: 'check --key, --time, --field, --series and --on',
  });
}

async function labelled(context: CommandContext, suite: ReplayedSuite): Promise<ReplayedSuite> {
  const path = context.flags['labels'] as string | undefined;
  if (path === undefined) return suite;
  const labels = await readLabels(path, context.cwd);
  let [firstMs, lastMs] = [Infinity, -Infinity];
  for (const { times } of suite.series) {
    firstMs = Math.min(firstMs, times[0]!);
    lastMs = Math.max(lastMs, times.at(-1)!);
  }
  const isChosen = new Set(suite.series.map(({ name }) => name));
  const glob = context.flags['series'] !== undefined;
  const leftOut = new Set(glob ? [...labels.keys()].filter((name) => !isChosen.has(name)) : []);
  const isPart = context.flags['since'] !== undefined;
  const series = attachLabels(suite.series, labels, {
    ...{ source: path, isInclusive: false, leftOut },
    ...(isPart && { rangeMs: [firstMs, lastMs] as const }),
  });
  return { ...suite, series, isLabelled: true };
}
