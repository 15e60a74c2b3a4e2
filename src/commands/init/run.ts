import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatDuration } from '../../config/duration.ts';
import { AnomalyError } from '../../errors.ts';
import type { CommandContext } from '../command.ts';
import { inputPlace } from '../places.ts';
import { analyse, type Findings } from './analyse.ts';
import { type Observed, observeFiles, observeTopic } from './observe.ts';
import { loadCommand, type Suggested, suggest, yamlText } from './yamlText.ts';

/** `anomaly init`. */
export async function runInit(context: CommandContext): Promise<number> {
  const { args, flags, cwd, output, stdout, logger } = context;
  const to = (flags['to'] as string | undefined) ?? 'anomaly.yaml';
  const target = to === '-' ? null : resolve(cwd, to);
  // Before the cluster is asked, which may take its time.
  if (target !== null && flags['force'] !== true && existsSync(target)) throw isThere(target);
  const observed = await observe(context, args);
  const findings = analyse(observed);
  const suggested = suggest(findings);
  const text = yamlText(observed, findings, suggested);
  if (observed.bad > 0) logger.warn(`${observed.bad} records cannot be read, the first: ${observed.badReason}`);
  if (findings.split !== null) {
    const { series, partitions } = findings.split;
    logger.warn(`series ${series} is in partitions ${partitions.join(' and ')}: run with --repartition`);
  }
  if (findings.fields.length === 0) logger.warn('no field holds numbers: set source.fields by hand');
  if (target !== null) await write(target, text, flags['force'] === true);
  if (target === null && output.format === 'text') {
    stdout.write(text);
    return 0;
  }
  const document = {
    written: target,
    ...report(observed, findings, suggested),
    ...(target === null && { yaml: text }),
  };
  await output.document(document, () => summary(target!, observed, findings));
  return 0;
}

async function observe(context: CommandContext, inputs: readonly string[]): Promise<Observed> {
  const places = inputs.map((input) => inputPlace(input, context.cwd));
  const topics = places.filter((place) => place.kind === 'topic');
  if (topics.length === 0) return await observeFiles(context, inputs);
  if (places.length === 1) {
    // A folder has no ending by which it would be known.
    const isFolder = existsSync(resolve(context.cwd, inputs[0]!));
    return isFolder ? await observeFiles(context, inputs) : await observeTopic(context, topics[0]!.name);
  }
  throw new AnomalyError('ANM_USAGE', 'cannot look at several topics, or at topics and files, at once', {
    hint: 'give one topic, or files; source.topics of the written file takes more topics of the same shape',
  });
}

function isThere(target: string): AnomalyError {
  return new AnomalyError('ANM_CONFIG', `cannot write ${target} as it is already there`, {
    hint: 'use --force to replace it, or --to another file; --to - prints it',
  });
}

async function write(target: string, text: string, isForced: boolean): Promise<void> {
  try {
    await writeFile(target, text, { flag: isForced ? 'w' : 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw isThere(target);
    throw new AnomalyError('ANM_CONFIG', `cannot write ${target}: ${(cause as Error).message}`, { cause });
  }
}

/** What was found, for programs. */
function report(observed: Observed, findings: Findings, suggested: Suggested) {
  const { kind, topic, inputs, partitions, format, bad, observations } = observed;
  const { intervalMs, disorderMs, aheadMs, firstMs, lastMs, ...rest } = findings;
  return {
    source: { kind, topic, inputs, partitions, format, records: observations.length, bad },
    ...rest,
    interval_ms: intervalMs,
    disorder_ms: disorderMs,
    ahead_ms: aheadMs,
    first_event_ms: firstMs,
    last_event_ms: lastMs,
    suggested: {
      window_ms: suggested.windowMs,
      out_of_orderness_ms: suggested.outOfOrdernessMs,
      max_ahead_ms: suggested.maxAheadMs,
    },
    load: kind === 'file' ? loadCommand(observed, findings) : null,
  };
}

function summary(target: string, observed: Observed, findings: Findings): string {
  const { kind, observations, format } = observed;
  const { key, isKeyed, time, series, fields, intervalMs } = findings;
  const what = kind === 'topic' ? `${observations.length} records (${format})` : `${observations.length} rows`;
  const every = intervalMs === null ? '' : `, a value every ${formatDuration(Math.round(intervalMs))}`;
  return [
    `wrote ${target}`,
    `  seen        ${what}, ${series} series${every}`,
    `  series      ${key ?? (isKeyed ? 'the record key' : 'nothing names one')}`,
    `  event time  ${time === null ? 'the record timestamp' : `${time.field} (${time.format})`}`,
    `  fields      ${fields.join(', ') || 'none'}`,
    `next: ${kind === 'file' ? `${loadCommand(observed, findings)}, then ` : ''}anomaly doctor, anomaly run`,
  ].join('\n');
}
