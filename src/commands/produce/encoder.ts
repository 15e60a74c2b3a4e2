import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import { type AvroPlan, columnsLeftOut, inferSchema, planAvro, seriesField } from '../../inputs/encode/avroPlan.ts';
import { avroEncoder, jsonEncoder } from '../../inputs/encode/encoders.ts';
import type { RowEncoder } from '../../inputs/encode/rowEncoder.ts';
import { AvroPassEncoder } from '../../inputs/encode/valueEncoder.ts';
import { recordOf, valuesLeftOut } from '../../inputs/encode/valuePlan.ts';
import type { RowInput } from '../../inputs/rowInput.ts';
import type { KeyChoice } from '../../inputs/sendRows.ts';
import type { CommandContext } from '../command.ts';
import type { ProduceOptions } from './options.ts';
import type { ProducePlan } from './plan.ts';
import { settleSchema } from './target.ts';

/** What the records of a plan are written with. */
export type EncodingPlan = Pick<ProducePlan, 'avro' | 'inferred' | 'verbatim'>;

/** The schema of the records, matched with the columns. @throws ANM_SCHEMA_UNSUPPORTED, ANM_SCHEMA_INVALID, ANM_FILE */
export async function planEncoding(
  context: CommandContext,
  options: ProduceOptions,
  input: RowInput,
  key: KeyChoice,
): Promise<EncodingPlan> {
  if (options.format === 'json') return { avro: null, inferred: false, verbatim: false };
  const inferred = options.schemaFile === undefined;
  // Moving the event time of later rounds changes the record.
  if (input.avroSchema !== null && inferred && !options.loop) {
    return { avro: { schema: input.avroSchema, fields: null }, inferred: false, verbatim: true };
  }
  const withSeries = key.by === 'file';
  const schema = inferred
    ? inferSchema(input.columns, options.topic, withSeries)
    : await readSchemaFile(context, options.schemaFile!);
  const isTyped = input.samples.every((sample) => sample.typed !== null);
  const avro = isTyped ? { schema, fields: null } : planAvro(schema, input.columns, withSeries);
  const left = isTyped
    ? valuesLeftOut(recordOf(schema), input.columns, withSeries)
    : columnsLeftOut(avro, input.columns);
  if (left.length > 0)
    context.logger.warn(`the schema has no field for the columns ${left.join(', ')}: they are not sent`);
  if (!isTyped && avro.fields === null) refuseShape(options, input);
  return { avro, inferred, verbatim: false };
}

/** Shapes beyond columns are written from JSON objects alone. */
function refuseShape(options: ProduceOptions, { samples }: RowInput): void {
  if (samples.every(({ shape }) => shape?.dialect === 'jsonl')) return;
  throw new AnomalyError(
    'ANM_SCHEMA_UNSUPPORTED',
    `cannot write CSV with ${options.schemaFile} as it has fields that no column can fill`,
    {
      hint: 'use fields of plain types and nullable ones, or JSON Lines',
    },
  );
}

/** Registers the schema, and gives the encoder of the records with it. */
export async function makeEncoder(
  context: CommandContext,
  plan: ProducePlan,
): Promise<{ encoder: RowEncoder; schemaId: number | null }> {
  const { input, avro, key, verbatim } = plan;
  const series = key.by === 'file' && !verbatim ? seriesField(input.columns) : null;
  if (avro === null) return { encoder: jsonEncoder(input, series), schemaId: null };
  const settled = await settleSchema(context, plan, avro);
  const { WIRE_HEADER_BYTES, writeWireHeader } = await import('../../clients/wireFormat.ts');
  const header = new Uint8Array(WIRE_HEADER_BYTES);
  writeWireHeader(header, 0, settled.id);
  const schemaId = settled.id;
  if (verbatim) return { encoder: new AvroPassEncoder(header), schemaId };
  if (settled.plan.fields !== null || input.samples.every((sample) => sample.typed !== null)) {
    return { encoder: avroEncoder(input, settled.plan, series !== null, header), schemaId };
  }
  return { encoder: await objectEncoder(input, settled.plan, series, header), schemaId };
}

/** JSON Lines into shapes that no column fills. */
async function objectEncoder(
  input: RowInput,
  { schema }: AvroPlan,
  series: string | null,
  header: Uint8Array,
): Promise<RowEncoder> {
  const { AvscEncoder } = await import('../../inputs/encode/avscEncoder.ts');
  const hasSeries = recordOf(schema).fields.some((field) => field.name === series);
  return await AvscEncoder.create(schema, header, hasSeries ? series : null, (file) => {
    const sample = input.samples[input.files.indexOf(file)];
    return sample?.shape?.paths[sample.timeColumn] ?? null;
  });
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
