import { AnomalyError } from '../../errors.ts';
import type { InputColumn } from '../../inputs/columns.ts';
import { jsonEncoder } from '../../inputs/encode/encoders.ts';
import { openRows } from '../../inputs/rowInput.ts';
import { sourceTopics } from '../../runtime/topics/topics.ts';
import type { CommandContext } from '../command.ts';
import { connectClient, connectRegistry } from '../connections.ts';
import { sampleTopic, valueAt } from '../topicSample.ts';

/** A record or a row as it was found. */
export interface Observation {
  /** Partition of a topic, or number of a file. */
  readonly partition: number;
  /** Epoch milliseconds; NaN for a row of a file, which is in no broker yet. */
  readonly recordTimeMs: number;
  readonly key: string | null;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface Observed {
  readonly kind: 'topic' | 'file';
  /** Name of the topic, or that under which the files are to be loaded. */
  readonly topic: string;
  /** The files as they were named. */
  readonly inputs: readonly string[];
  readonly partitions: number;
  readonly format: 'avro' | 'json';
  /** Records or rows that could not be read, and why the first one could not. */
  readonly bad: number;
  readonly badReason: string | null;
  readonly observations: readonly Observation[];
  /** Field with the event time where it is known already: of files. */
  readonly timeField: string | null;
}

/** Last records of each partition, and first rows of the files, that are looked at. */
const RECORDS = 2000;
const ROWS = 20_000;
const SHOWN = 60;

/** @throws ANM_TOPIC_MISSING, ANM_BAD_DATA where nothing can be read */
export async function observeTopic(context: CommandContext, name: string): Promise<Observed> {
  const client = await connectClient(context);
  try {
    const [topic] = await sourceTopics(client.admin, [name]);
    const records = await sampleTopic(client, connectRegistry(context), topic!, RECORDS, context.signal);
    const bad = records.filter(({ value }) => typeof value !== 'object' || value === null || value instanceof Error);
    const good = records.filter((record) => !bad.includes(record));
    if (good.length === 0) throw nothingToRead(name, bad[0]?.text, bad[0]?.value);
    return {
      ...{ kind: 'topic', topic: name, inputs: [], partitions: topic!.partitions.length, timeField: null },
      format: good.some(({ schemaId }) => schemaId >= 0) ? 'avro' : 'json',
      bad: bad.length,
      badReason: bad[0] === undefined ? null : reasonOf(bad[0].value),
      observations: good.map((record) => ({ ...record, value: record.value as Record<string, unknown> })),
    };
  } finally {
    await client.close();
  }
}

function reasonOf(value: unknown): string {
  return value instanceof Error ? value.message : 'the value is no object';
}

function nothingToRead(name: string, text: string | undefined, value: unknown): AnomalyError {
  if (text === undefined) {
    return new AnomalyError('ANM_BAD_DATA', `cannot look at topic ${name} as it is empty`, {
      hint: `load data with anomaly produce FILE --topic ${name}, or look at a file: anomaly init FILE`,
    });
  }
  const shown = JSON.stringify(text.slice(0, SHOWN));
  return new AnomalyError('ANM_BAD_DATA', `cannot look at topic ${name}: ${reasonOf(value)}; a value is ${shown}`, {
    hint: 'values are Avro of the registry (--registry) or JSON objects; for CSV write source.format: csv and source.columns by hand (anomaly config init)',
  });
}

/** The rows of files in their order, so that their disorder shows. @throws ANM_FILE, ANM_BAD_DATA */
export async function observeFiles(context: CommandContext, inputs: readonly string[]): Promise<Observed> {
  const { cwd, stdin, signal, logger } = context;
  let badReason: string | null = null;
  let bad = 0;
  const input = await openRows(inputs, {
    ...{ cwd, stdin, signal, order: 'file' },
    onNote: (text) => logger.warn(text),
    onBadRow: ({ file, line, reason }) => {
      bad++;
      badReason ??= `${file}:${line}: ${reason}`;
    },
  });
  try {
    const encoder = jsonEncoder(input, null);
    const observations: Observation[] = [];
    const share = Math.ceil(ROWS / Math.max(1, input.files.length));
    const taken = new Int32Array(input.files.length);
    for await (const rows of input.rows()) {
      for (let i = 0; i < rows.count; i++) {
        const file = rows.files[i]!;
        if (taken[file]!++ >= share) continue;
        const length = encoder.encode(rows.readers[file]!.chunk, rows.rows[i]!, input.files[file]!, 0);
        if (length < 0) continue;
        const row: unknown = JSON.parse(Buffer.from(encoder.bytes.subarray(0, length)).toString());
        const key = input.samples[file]!.file.series;
        observations.push({ partition: file, recordTimeMs: Number.NaN, key, value: flat(row, input.columns) });
      }
      if (signal.aborted || taken.every((count) => count >= share)) break;
    }
    if (observations.length === 0) {
      throw new AnomalyError('ANM_BAD_DATA', `cannot look at ${inputs.join(', ')}: ${badReason ?? 'there is no row'}`);
    }
    const [sample] = input.samples;
    const time = sample!.timeColumn < 0 ? undefined : sample!.columns[sample!.timeColumn]!.name;
    return {
      ...{ kind: 'file', inputs, partitions: 1, format: 'avro', bad, badReason, observations },
      topic: topicName(inputs),
      timeField: input.columns.find(({ name }) => name === time)?.field ?? null,
    };
  } finally {
    await input.close();
  }
}

/** Flat, under the names that `produce` gives the columns in Avro. */
function flat(row: unknown, columns: readonly InputColumn[]): Record<string, unknown> {
  const members = columns.map(({ name, field }) => [field, valueAt(row, name)] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

/** What `produce` is to load them as: the name of the first file or folder. */
function topicName(inputs: readonly string[]): string {
  const last = inputs[0]!.replace(/\/+$/, '').split('/').at(-1)!;
  const stem = last.replace(/(\.(csv|tsv|txt|json|jsonl|ndjson|parquet|avro))?(\.(gz|zst))?$/i, '');
  return stem.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^-+|-+$/g, '') || 'readings';
}
