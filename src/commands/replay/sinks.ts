import type { KafkaClient } from '../../clients/client.ts';
import type { Producer } from '../../clients/producer.ts';
import { readSchemaId, type SchemaRegistry } from '../../clients/registry.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { isAnomalyError } from '../../errors.ts';
import type { RecordedSchema } from '../../inputs/recording/recordingFormat.ts';
import type { RecordingWriter } from '../../inputs/recording/recordingWriter.ts';
import type { TextOutput } from '../../output/textOutput.ts';
import type { Line } from '../../runtime/input/lines.ts';
import { LineWriter } from '../../runtime/output/lineWriter.ts';
import { readHeaders } from '../../wire/headers.ts';
import type { ReplaySink, ReplaySource } from './source.ts';

/** Records as they are into a topic, each into its own partition. */
export class TopicCopy implements ReplaySink {
  records = 0;
  readonly #producer: Producer;
  readonly #topic: string;

  private constructor(producer: Producer, topic: string) {
    this.#producer = producer;
    this.#topic = topic;
  }

  static async open(client: KafkaClient, topic: string): Promise<TopicCopy> {
    return new TopicCopy(await client.createProducer(), topic);
  }

  async write(batch: ColumnBatch, first: number, end: number): Promise<void> {
    for (let i = first; i < end; i++) this.#copy(batch, i);
    this.records += end - first;
    await this.#producer.ready();
  }

  /** Resolves when all of it is acknowledged. */
  async finish(): Promise<void> {
    await this.#producer.flush();
  }

  async close(): Promise<void> {
    await this.#producer.close();
  }

  #copy(batch: ColumnBatch, i: number): void {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd, partition, recordTimes } = batch;
    const key = keyStart[i]! < 0 ? null : bytes;
    const value = valueStart[i]! < 0 ? null : bytes;
    const [from, end] = [valueStart[i]!, valueEnd[i]!];
    const headers = readHeaders(batch, i);
    this.#producer.append(
      this.#topic,
      partition,
      recordTimes[i]!,
      key,
      keyStart[i]!,
      keyEnd[i]!,
      value,
      from,
      end,
      headers,
    );
  }
}

/** Records as lines of a pipe. */
export class LineSink implements ReplaySink {
  readonly #write: (lines: readonly Line[]) => Promise<void>;
  readonly #writer: LineWriter;

  private constructor(write: (lines: readonly Line[]) => Promise<void>, writer: LineWriter) {
    this.#write = write;
    this.#writer = writer;
  }

  static async open(output: TextOutput, source: ReplaySource, slackMs: number): Promise<LineSink> {
    const write = lineOutput(output, slackMs);
    await write([{ type: 'source', topic: source.topic, partitions: source.partitions }]);
    return new LineSink(write, new LineWriter(source.schemas));
  }

  async write(batch: ColumnBatch, first: number, end: number): Promise<void> {
    await this.#write(await this.#writer.lines(batch, first, end));
  }
}

/** Records into a recording, with the schemas that they name. */
export class RecordingSink implements ReplaySink {
  readonly #writer: RecordingWriter;
  readonly #schemas: Pick<SchemaRegistry, 'schemaById'>;
  /** Ids that were looked up. */
  readonly #known = new Set<number>();

  constructor(writer: RecordingWriter, schemas: Pick<SchemaRegistry, 'schemaById'>) {
    this.#writer = writer;
    this.#schemas = schemas;
  }

  async write(batch: ColumnBatch, first: number, end: number): Promise<void> {
    const fresh = new Map<number, RecordedSchema>();
    const { bytes, keyStart, keyEnd, valueStart, valueEnd } = batch;
    for (let i = first; i < end; i++) {
      await this.#learn(readSchemaId(bytes, valueStart[i]!, valueEnd[i]!), i, fresh);
      // A record has room for one schema: that of a key goes with the next one where the value has brought its own.
      const keyId = readSchemaId(bytes, keyStart[i]!, keyEnd[i]!);
      if (!fresh.has(i)) await this.#learn(keyId, i, fresh);
    }
    await this.#writer.add(batch, first, end, (i) => fresh.get(i) ?? null);
  }

  async #learn(id: number, i: number, fresh: Map<number, RecordedSchema>): Promise<void> {
    if (id < 0 || this.#known.has(id)) return;
    this.#known.add(id);
    try {
      const { schema, type } = await this.#schemas.schemaById(id);
      fresh.set(i, { id, type, text: schema });
    } catch (error) {
      // What only looks like a schema id, or is none that the registry has.
      if (!isAnomalyError(error) || error.code !== 'ANM_SCHEMA_UNKNOWN') throw error;
    }
  }
}

/** Record lines get the watermark after them, so that the next stage may see how far event time has come. */
export function lineOutput(output: TextOutput, slackMs: number): (lines: readonly Line[]) => Promise<void> {
  const watermarks = new Map<string, number>();
  return async (lines) => {
    let text = '';
    for (const line of lines) {
      if (line['type'] === 'record') {
        const partition = `${line['topic']}/${line['partition']}`;
        const watermark = Math.max(watermarks.get(partition) ?? -Infinity, (line['record_time'] as number) - slackMs);
        watermarks.set(partition, watermark);
        line['watermark'] = watermark;
      }
      text += `${JSON.stringify(line)}\n`;
    }
    output.write(text);
    await output.ready();
  };
}
