import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaClient } from '../../clients/client.ts';
import type { Producer } from '../../clients/producer.ts';
import { AnomalyError } from '../../errors.ts';
import type { RowEncoder } from '../../inputs/encode/rowEncoder.ts';
import { Pacer } from '../../inputs/pacer.ts';
import { exceedsBudget, RejectsFile } from '../../inputs/rejects.ts';
import type { BadRow } from '../../inputs/rowChunk.ts';
import { openRows, type RowInput } from '../../inputs/rowInput.ts';
import { checkRows, SendTotals, sendRows } from '../../inputs/sendRows.ts';
import type { CommandContext } from '../command.ts';
import { stoppedCode } from '../lifecycle.ts';
import { makeEncoder, planEncoding } from './encoder.ts';
import { chooseKey, type ProduceOptions, readOptions } from './options.ts';
import { type ProducePlan, printPlan } from './plan.ts';
import { checkOnce, findResumption, type Resumption } from './resume.ts';
import { printSummary, progressText, type Summary } from './summary.ts';
import { ensureTopic, type TopicConfigs, warnOfRetention } from './target.ts';

/** @returns the exit code: 0, or that of the signal that ended it */
export async function runProduce(context: CommandContext): Promise<number> {
  const options = readOptions(context);
  const bad = new BadRows(options, new RejectsFile(resolve(context.cwd, options.rejects), options.resume));
  const input = await openRows(options.inputs, {
    ...options.reading,
    signal: context.signal,
    onBadRow: bad.add,
    onNote: (text) => context.logger.warn(text),
  });
  try {
    // Stopped before a row came in: there is nothing to send, and nothing wrong.
    if (context.signal.aborted && input.samples.length === 0) return stoppedCode(context.signal);
    const plan = await makePlan(context, options, input);
    if (options.dryRun) return await printPlan(context, plan);
    return await sendPlan(context, plan, bad);
  } finally {
    bad.rejects.close();
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

async function sendPlan(context: CommandContext, plan: ProducePlan, bad: BadRows): Promise<number> {
  const { options, input } = plan;
  const { rejects } = bad;
  const { connectClient } = await import('../connections.ts');
  const client = await connectClient(context);
  try {
    // First what the registry may refuse: a topic that is made is there.
    const { encoder, schemaId } = await makeEncoder(context, plan);
    const { partitions, configs } = await ensureTopic(context, client, options);
    if (options.recordTime === 'event') warnOfRetention(context, options.topic, configs, input);
    const totals = new SendTotals(partitions);
    const resumption = options.marked
      ? await findResumption(context, client, plan, schemaId, partitions, configs)
      : null;
    const startedMs = context.now();
    const maxRecordBytes = recordLimit(options, configs);
    const failure = await send(context, client, plan, { encoder, totals, bad, resumption, maxRecordBytes });
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
    bad.judge(totals.rows + totals.found);
    return stopped === 'SIGINT' ? 130 : stopped === 'SIGTERM' ? 143 : 0;
  } finally {
    await client.close();
  }
}

interface Sending {
  readonly encoder: RowEncoder;
  readonly totals: SendTotals;
  readonly bad: BadRows;
  readonly resumption: Resumption | null;
  readonly maxRecordBytes: number;
}

/** Sends and flushes. The result is what ended it early because of bad rows; rows before it are sent all the same. */
async function send(
  context: CommandContext,
  client: KafkaClient,
  plan: ProducePlan,
  { encoder, totals, bad, resumption, maxRecordBytes }: Sending,
): Promise<AnomalyError | null> {
  const { options, input } = plan;
  const { signal, now, progress, settings } = context;
  const producer = await client.createProducer({ compression: options.compression });
  const startedMs = now();
  const sending = {
    ...{ input, encoder, producer, now, maxRecordBytes, onBadRow: bad.add },
    // The signal has ended stdin: what was read of it is sent.
    signal: options.inputs.every((name) => name === '-') ? NEVER : signal,
    ...{ topic: options.topic, partitions: totals.perPartition.length, key: plan.key },
    ...{ recordTime: options.recordTime, loop: options.loop, limit: options.limit },
    pacer: new Pacer(options.rate, options.speed),
    outOfOrdernessMs: settings.durationMs('time.out_of_orderness'),
    sleep: (ms: number) => delay(ms, undefined, { signal }).catch(ignoreAbort),
    onProgress: () => {
      bad.goodRows = totals.rows + totals.found;
      progress.update(() => progressText(plan, totals, (now() - startedMs) / 1000));
    },
  };
  let failure: AnomalyError | null = null;
  try {
    // Standard input is there only once: it is checked as it is sent.
    if (resumption?.marks().isCatchingUp === true && !options.inputs.includes('-')) {
      await bad.unheard(() => checkRows({ ...sending, marks: resumption.marks() }, totals));
    }
    await sendRows({ ...sending, marks: resumption?.marks() ?? null }, totals);
  } catch (error) {
    // What was read before is good, whatever is wrong with the rest of a file.
    if (!(error instanceof AnomalyError) || !ENDS_INPUT.has(error.code)) throw told(context, producer, error);
    failure = error;
  }
  try {
    await producer.flush();
    await producer.close();
  } catch (error) {
    throw told(context, producer, error);
  }
  if (resumption !== null) await checkOnce(context, client, resumption, totals.perPartition);
  return failure;
}

/** Says how much is in the topic when sending ends by a failure. */
function told({ logger, progress }: CommandContext, producer: Producer, error: unknown): unknown {
  progress.clear();
  const { recordsAcknowledged, recordsAppended } = producer.stats;
  const [done, all] = [recordsAcknowledged, recordsAppended].map((n) => n.toLocaleString('en-US'));
  logger.warn(`the broker has acknowledged ${done} of the ${all} records that were sent`);
  return error;
}

const NEVER = new AbortController().signal;
/** What ends the input and not the sending. */
const ENDS_INPUT: ReadonlySet<string> = new Set(['ANM_BAD_DATA', 'ANM_FILE']);
/** Room in a batch for its header, and the head and mark of a record. */
const BATCH_OVERHEAD_BYTES = 1024;

/** What a record may have, so that the broker takes a batch of it alone; compressed ones are not foreseen. */
function recordLimit({ compression }: ProduceOptions, configs: TopicConfigs | null): number {
  const most = Number(configs?.get('max.message.bytes') ?? Number.NaN);
  return compression === 'none' && most > 0 ? most - BATCH_OVERHEAD_BYTES : Number.POSITIVE_INFINITY;
}

/** The bad rows of a run: to the rejects file, and counted against the budget. */
class BadRows {
  readonly rejects: RejectsFile;
  /** Good rows so far. */
  goodRows = 0;
  readonly #options: ProduceOptions;
  #isHeard = true;

  constructor(options: ProduceOptions, rejects: RejectsFile) {
    this.#options = options;
    this.rejects = rejects;
  }

  /** @throws ANM_BAD_DATA above the budget */
  readonly add = (row: BadRow): void => {
    // A dry run reads rows twice and writes nothing.
    if (this.#options.dryRun || !this.#isHeard) return;
    this.rejects.add(row);
    if (exceedsBudget(this.#options.budget, this.rejects.count, this.goodRows, false)) throw this.#tooMany();
  };

  /** Rows that are read once more afterwards. */
  async unheard(pass: () => Promise<void>): Promise<void> {
    this.#isHeard = false;
    await pass().finally(() => {
      this.#isHeard = true;
    });
  }

  /** At the end, beside that many good rows. @throws ANM_BAD_DATA */
  judge(rows: number): void {
    const { count } = this.rejects;
    if (count > 0 && (rows === 0 || exceedsBudget(this.#options.budget, count, rows, true))) throw this.#tooMany();
  }

  #tooMany(): AnomalyError {
    const { count, path } = this.rejects;
    const { text } = this.#options.budget;
    return new AnomalyError('ANM_BAD_DATA', `cannot go on as ${count} rows are bad, and --max-errors is ${text}`, {
      hint: `${path} has them with line and reason`,
      details: { rejected: count, rejects: path },
    });
  }
}

function ignoreAbort(error: unknown): void {
  if ((error as { name?: string }).name !== 'AbortError') throw error;
}
