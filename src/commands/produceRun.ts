import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaClient } from '../clients/client.ts';
import { AnomalyError } from '../errors.ts';
import type { AvroPlan } from '../inputs/avroPlan.ts';
import { Pacer } from '../inputs/pacer.ts';
import { exceedsBudget, RejectsFile } from '../inputs/rejects.ts';
import type { BadRow } from '../inputs/rowChunk.ts';
import type { RowEncoder } from '../inputs/rowEncoder.ts';
import { openRows, type RowInput } from '../inputs/rowInput.ts';
import { type KeyChoice, SendTotals, sendRows } from '../inputs/sendRows.ts';
import type { CommandContext } from './command.ts';
import { makeEncoder, planEncoding } from './produceEncoder.ts';
import { chooseKey, type ProduceOptions, readOptions } from './produceOptions.ts';
import { printPlan } from './producePlan.ts';
import { printSummary, progressText, type Summary } from './produceSummary.ts';
import { ensureTopic, warnOfRetention } from './produceTarget.ts';

/** What the files and flags come to, before anything is connected to. */
export interface ProducePlan {
  readonly options: ProduceOptions;
  readonly input: RowInput;
  readonly key: KeyChoice;
  /** Null with --format json. */
  readonly avro: AvroPlan | null;
  readonly inferred: boolean;
  /** The records of Avro files go on as they are, with their own schema. */
  readonly verbatim: boolean;
}

/** @returns the exit code: 0, or that of the signal that ended it */
export async function runProduce(context: CommandContext): Promise<number> {
  const options = readOptions(context);
  const rejects = new RejectsFile(resolve(context.cwd, options.rejects));
  const totals = { rows: 0 };
  const onBadRow = (row: BadRow): void => {
    // A dry run reads rows twice and writes nothing.
    if (options.dryRun) return;
    rejects.add(row);
    if (exceedsBudget(options.budget, rejects.count, totals.rows, false)) throw tooManyErrors(options, rejects);
  };
  const input = await openRows(options.inputs, {
    ...options.reading,
    onBadRow,
    onNote: (text) => context.logger.warn(text),
  });
  try {
    const plan = await makePlan(context, options, input);
    if (options.dryRun) return await printPlan(context, plan);
    return await sendPlan(context, plan, rejects, onBadRow, totals);
  } finally {
    rejects.close();
    await input.close();
  }
}

async function makePlan(context: CommandContext, options: ProduceOptions, input: RowInput): Promise<ProducePlan> {
  const { logger } = context;
  for (const file of input.empty) logger.warn(`${file.name} holds no rows`);
  if (input.samples.length === 0)
    throw new AnomalyError('ANM_FILE', `cannot produce as ${options.inputs.join(', ')} holds no rows`);
  const key = chooseKey(options, input.columns, context);
  if (!input.hasTime) {
    if (options.recordTime === 'event' || options.speed !== Number.POSITIVE_INFINITY) {
      throw new AnomalyError('ANM_USAGE', 'cannot go by event time as a file has no column of times', {
        hint: 'name one by --time',
      });
    }
    logger.warn('no column of event times in every file: rows go in file order');
  }
  return { options, input, key, ...(await planEncoding(context, options, input, key)) };
}

async function sendPlan(
  context: CommandContext,
  plan: ProducePlan,
  rejects: RejectsFile,
  onBadRow: (row: BadRow) => void,
  shared: { rows: number },
): Promise<number> {
  const { options, input } = plan;
  const { connectClient } = await import('./connections.ts');
  const client = await connectClient(context);
  try {
    const { partitions, configs } = await ensureTopic(context, client, options);
    const { encoder, schemaId } = await makeEncoder(context, plan);
    if (options.recordTime === 'event') warnOfRetention(context, options.topic, configs, input);
    const totals = new SendTotals(partitions);
    const startedMs = context.now();
    const failure = await send(context, client, plan, encoder, totals, onBadRow, shared);
    context.progress.clear();
    const stopped = context.signal.aborted ? String(context.signal.reason) : null;
    const seconds = (context.now() - startedMs) / 1000;
    const summary: Summary = {
      plan,
      totals,
      seconds,
      rejected: rejects.count,
      rejectsPath: rejects.path,
      schemaId,
      stopped,
    };
    await printSummary(context, summary);
    if (failure !== null) throw failure;
    if (rejects.count > 0 && (totals.rows === 0 || exceedsBudget(options.budget, rejects.count, totals.rows, true))) {
      throw tooManyErrors(options, rejects);
    }
    return stopped === 'SIGINT' ? 130 : stopped === 'SIGTERM' ? 143 : 0;
  } finally {
    await client.close();
  }
}

/** Sends and flushes. The result is what ended it early because of bad rows; rows before it are sent all the same. */
async function send(
  context: CommandContext,
  client: KafkaClient,
  plan: ProducePlan,
  encoder: RowEncoder,
  totals: SendTotals,
  onBadRow: (row: BadRow) => void,
  shared: { rows: number },
): Promise<AnomalyError | null> {
  const { options, input } = plan;
  const { signal, now, progress, settings } = context;
  const producer = await client.createProducer({ compression: options.compression });
  const startedMs = now();
  let failure: AnomalyError | null = null;
  try {
    await sendRows(
      {
        ...{ input, encoder, producer, signal, now, onBadRow },
        ...{ topic: options.topic, partitions: totals.perPartition.length, key: plan.key },
        ...{ recordTime: options.recordTime, loop: options.loop, limit: options.limit },
        pacer: new Pacer(options.rate, options.speed),
        outOfOrdernessMs: settings.durationMs('time.out_of_orderness'),
        sleep: (ms) => delay(ms, undefined, { signal }).catch(ignoreAbort),
        onProgress: () => {
          shared.rows = totals.rows;
          progress.update(() => progressText(plan, totals, (now() - startedMs) / 1000));
        },
      },
      totals,
    );
  } catch (error) {
    // What was read before is good, whatever is wrong with the rest of a file.
    if (!(error instanceof AnomalyError) || !ENDS_INPUT.has(error.code)) throw error;
    failure = error;
  }
  await producer.flush();
  await producer.close();
  return failure;
}

/** What ends the input and not the sending. */
const ENDS_INPUT: ReadonlySet<string> = new Set(['ANM_BAD_DATA', 'ANM_FILE']);

function tooManyErrors({ budget }: ProduceOptions, rejects: RejectsFile): AnomalyError {
  const { count, path } = rejects;
  return new AnomalyError('ANM_BAD_DATA', `cannot go on as ${count} rows are bad, and --max-errors is ${budget.text}`, {
    hint: `${path} has them with line and reason`,
    details: { rejected: count, rejects: path },
  });
}

function ignoreAbort(error: unknown): void {
  if ((error as { name?: string }).name !== 'AbortError') throw error;
}
