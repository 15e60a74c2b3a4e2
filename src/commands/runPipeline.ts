import { join } from 'node:path';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import { AnomalyError } from '../errors.ts';
import { type JobResult, runJob, type Stage } from '../runtime/job.ts';
import { repartition } from '../runtime/repartition.ts';
import type { RunTotals } from '../runtime/runnerOptions.ts';
import { SourceSchemas } from '../runtime/sourceSchemas.ts';
import type { CommandContext } from './command.ts';
import { connectClient, connectRegistry } from './connections.ts';
import { stoppedCode } from './lifecycle.ts';

/** Runs a stage on topics for `run`, `window` and `score`, and prints its summary. */
export async function runPipeline(context: CommandContext, stage: Stage, given?: PipelineConfig): Promise<number> {
  const { settings, flags, logger, signal, now, progress } = context;
  let config = given ?? settings.pipeline();
  const suffix = stage === 'run' ? '' : `.${stage.split(' ')[0]}`;
  // Each stage is a group of its own, unless the group is named.
  const groupId = flags['group'] === undefined && suffix !== '' ? config.pipeline + suffix : config.group;
  const maxBadRate = badRate(flags['maxBadRate'] as number | undefined);
  const stateDir = stateDirectory(context, config, groupId);
  const client = await connectClient(context);
  const registry = connectRegistry(context);
  const started = now();
  // Job and copy end together: when one of them fails, the other drains.
  const stop = new AbortController();
  const onSignal = () => stop.abort(signal.reason);
  signal.addEventListener('abort', onSignal, { once: true });
  try {
    const shared = {
      client,
      registry,
      logger,
      now,
      // A step of the wall clock must not hold commits back.
      ticks: () => performance.now(),
      signal: stop.signal,
      untilEnd: flags['until'] === 'end',
      maxBadRate,
    };
    let copy: Promise<void> | undefined;
    if (flags['repartition'] === true) {
      const split = await repartition({ ...shared, config, schemas: new SourceSchemas(config, registry, logger) });
      copy = split.running;
      config = split.config;
      // To the end means to the end of the copy, so the copy has to be whole first.
      if (shared.untilEnd) await copy;
    }
    const job = runJob({
      ...shared,
      config,
      stage,
      groupId,
      stateDir,
      startEmpty: flags['startEmpty'] === true,
      leaveOpen: flags['leaveOpen'] === true,
      onProgress: (totals) => progress.update(() => progressText(totals, now() - started)),
    });
    copy?.catch(() => stop.abort());
    const result = await job.finally(() => stop.abort());
    await copy;
    progress.end();
    await printSummary(context, config, stage, groupId, result, (now() - started) / 1000);
    return result.ended === 'stopped' && shared.untilEnd ? stoppedCode(signal) : 0;
  } finally {
    signal.removeEventListener('abort', onSignal);
    progress.end();
    await client.close();
  }
}

function badRate(given = 0.1): number {
  if (given >= 0 && given <= 1) return given;
  throw new AnomalyError('ANM_USAGE', `--max-bad-rate wants a share from 0 to 1, got ${given}`);
}

/** A directory of the group, in checkpoint.store where that is set, else in the state directory. */
function stateDirectory(context: CommandContext, config: PipelineConfig, groupId: string): string {
  const store = config.checkpoint.store.replace(/^file:(\/\/)?/, '');
  const scheme = /^[a-z][a-z0-9+.-]+:/i.exec(store)?.[0];
  if (scheme !== undefined) {
    throw new AnomalyError(
      'ANM_UNSUPPORTED',
      `checkpoint.store cannot be ${store} yet, as this version has no ${scheme} store`,
      {
        hint: 'give a directory, or a file: URL',
      },
    );
  }
  // A group may be named as it likes, but its directory stays where it belongs.
  const folder = encodeURIComponent(groupId).replace(/^\./, '%2E');
  return join(store === '' ? context.settings.string('state_dir') : store, folder);
}

function endText({ ended, isCommitted }: JobResult): string {
  if (ended === 'end') return 'reached the end';
  return isCommitted
    ? 'stopped: drained and committed'
    : 'stopped: drained; the group took no commit, the snapshots are stored';
}

function progressText(totals: RunTotals, elapsedMs: number): string {
  const rate = Math.round((totals.records * 1000) / Math.max(1, elapsedMs));
  return `${count(totals.records)} records (${count(rate)}/s), ${count(totals.windows)} windows, ${count(totals.alerts)} alerts, ${count(totals.late)} late, ${count(totals.deadLetters)} dead letters`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

async function printSummary(
  context: CommandContext,
  config: PipelineConfig,
  stage: Stage,
  groupId: string,
  result: JobResult,
  seconds: number,
) {
  const { totals } = result;
  const summary = {
    pipeline: config.pipeline,
    group: groupId,
    ended: result.ended,
    records: totals.records,
    windows: totals.windows,
    alerts: totals.alerts,
    late: totals.late,
    dead_letters: totals.deadLetters,
    series: result.series,
    open_windows: result.openWindows,
    commits: totals.commits,
    seconds: Number(seconds.toFixed(3)),
    events_per_second: Math.round(totals.records / Math.max(seconds, 1e-3)),
  };
  await context.output.document(summary, () => {
    const end = endText(result);
    const lines = [
      `${config.pipeline}: ${end} after ${seconds.toFixed(1)} s`,
      `  records       ${count(totals.records)} (${count(summary.events_per_second)}/s) of ${count(result.series)} series`,
    ];
    if (stage === 'run' || stage === 'window') {
      lines.push(
        `  windows       ${count(totals.windows)} to ${config.sinks.windows}, ${count(result.openWindows)} left open`,
      );
      lines.push(`  late          ${count(totals.late)} to ${config.sinks.late}`);
    }
    if (stage !== 'window') {
      lines.push(
        config.score === undefined
          ? '  alerts        none: nothing is scored without a detector (--detector, --on)'
          : `  alerts        ${count(totals.alerts)} to ${config.sinks.anomalies}, of ${config.score.on}`,
      );
    }
    lines.push(`  dead letters  ${count(totals.deadLetters)} to ${config.sinks.deadLetters}`);
    return lines.join('\n');
  });
}
