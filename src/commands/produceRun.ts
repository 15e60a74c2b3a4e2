import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaClient } from '../clients/client.ts';
import { AnomalyError } from '../errors.ts';
import { AvroEncoder } from '../inputs/avroEncoder.ts';
import { type AvroPlan, columnsLeftOut, inferSchema, planAvro, seriesField } from '../inputs/avroPlan.ts';
import { JsonEncoder } from '../inputs/jsonEncoder.ts';
import { Pacer } from '../inputs/pacer.ts';
import { exceedsBudget, RejectsFile } from '../inputs/rejects.ts';
import type { BadRow } from '../inputs/rowChunk.ts';
import type { RowEncoder } from '../inputs/rowEncoder.ts';
import { openRows, type RowInput } from '../inputs/rowInput.ts';
import { type KeyChoice, SendTotals, sendRows } from '../inputs/sendRows.ts';
import type { CommandContext } from './command.ts';
import { chooseKey, type ProduceOptions, readOptions } from './produceOptions.ts';
import { printPlan } from './producePlan.ts';
import { printSummary, progressText, type Summary } from './produceSummary.ts';
import { ensureTopic, settleSchema, warnOfRetention } from './produceTarget.ts';

/** What the files and flags come to, before anything is connected to. */
export interface ProducePlan {
  readonly options: ProduceOptions;
  readonly input: RowInput;
  readonly key: KeyChoice;
  /** Null with --format json. */
  readonly avro: AvroPlan | null;
  readonly inferred: boolean;
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
  const input = await openRows(options.inputs, { ...options.reading, onBadRow });
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
  if (options.format === 'json') return { options, input, key, avro: null, inferred: false };
  const withSeries = key.by === 'file';
  const inferred = options.schemaFile === undefined;
  const schema = inferred
    ? inferSchema(input.columns, options.topic, withSeries)
    : await readSchemaFile(context, options.schemaFile!);
  const avro = planAvro(schema, input.columns, withSeries);
  const left = columnsLeftOut(avro, input.columns);
  if (left.length > 0) logger.warn(`the schema has no field for the columns ${left.join(', ')}: they are not sent`);
  if (avro.fields === null && input.samples.some((sample) => sample.shape.dialect === 'csv')) {
    throw new AnomalyError(
      'ANM_SCHEMA_UNSUPPORTED',
      `cannot write CSV with ${options.schemaFile} as it has fields that no column can fill`,
      {
        hint: 'use fields of plain types and nullable ones, or JSON Lines',
      },
    );
  }
  return { options, input, key, avro, inferred };
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
    const partitions = await ensureTopic(context, client, options);
    const { encoder, schemaId } = await makeEncoder(context, plan);
    if (options.recordTime === 'event') await warnOfRetention(context, client, options.topic, input);
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
    if (!(error instanceof AnomalyError) || error.code !== 'ANM_BAD_DATA') throw error;
    failure = error;
  }
  await producer.flush();
  await producer.close();
  return failure;
}

async function makeEncoder(
  context: CommandContext,
  plan: ProducePlan,
): Promise<{ encoder: RowEncoder; schemaId: number | null }> {
  const { input, avro, key } = plan;
  const series = key.by === 'file' ? seriesField(input.columns) : null;
  if (avro === null) return { encoder: new JsonEncoder(input.columns, series), schemaId: null };
  const settled = await settleSchema(context, plan, avro);
  const { WIRE_HEADER_BYTES, writeWireHeader } = await import('../clients/wireFormat.ts');
  const header = new Uint8Array(WIRE_HEADER_BYTES);
  writeWireHeader(header, 0, settled.id);
  if (settled.plan.fields !== null)
    return { encoder: new AvroEncoder(settled.plan.fields, header), schemaId: settled.id };
  const { AvscEncoder } = await import('../inputs/avscEncoder.ts');
  const hasSeries = JSON.parse(avro.schema).fields.some((field: { name: string }) => field.name === series);
  const timePath = (file: number): readonly string[] | null => {
    const sample = input.samples[file];
    return sample?.shape.paths[sample.timeColumn] ?? null;
  };
  const encoder = await AvscEncoder.create(settled.plan.schema, header, hasSeries ? series : null, (file) =>
    timePath(input.files.indexOf(file)),
  );
  return { encoder, schemaId: settled.id };
}

async function readSchemaFile(context: CommandContext, file: string): Promise<string> {
  try {
    return await readFile(resolve(context.cwd, file), 'utf8');
  } catch (error) {
    throw new AnomalyError('ANM_FILE', `cannot read the schema ${file} as ${(error as Error).message}`, {
      cause: error,
    });
  }
}

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
