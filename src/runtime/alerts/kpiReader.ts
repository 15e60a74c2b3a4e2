import { KpiWindows } from '../../alerts/stage/kpi.ts';
import type { KafkaClient } from '../../clients/client.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { AlertsConfig } from '../../config/alertsConfig.ts';
import type { ObjectDecoder } from '../input/objectDecoder.ts';
import { stableEnds } from '../input/topicSource.ts';
import type { WindowObject } from '../output/rowObjects.ts';
import { GrowingReader } from './growingReader.ts';

/** Batches a turn, so that alerts do not wait for windows. */
const BATCHES = 8;
/** Before the first window is known its length is not either. */
const HISTORY_MS = 24 * 3_600_000;

/** Reads the topics of windows that KPIs are looked for in, from a day ago on. */
export class KpiReader {
  readonly windows: KpiWindows;
  readonly #reader: GrowingReader;
  readonly #decoder: ObjectDecoder;
  readonly #ends: readonly TopicPartitionOffset[];

  private constructor(
    windows: KpiWindows,
    reader: GrowingReader,
    decoder: ObjectDecoder,
    ends: readonly TopicPartitionOffset[],
  ) {
    this.windows = windows;
    this.#ends = ends;
    this.#reader = reader;
    this.#decoder = decoder;
  }

  /** Undefined where no KPI is configured. */
  static async open(
    client: KafkaClient,
    decoder: ObjectDecoder,
    { kpis, kpiTopics, kpiWindows, kpiCorrelation }: AlertsConfig,
    windowsTopic: string,
    nowMs: number,
  ): Promise<KpiReader | undefined> {
    if (kpis.length + kpiTopics.length === 0) return undefined;
    const rules = { patterns: kpis, topics: kpiTopics, windows: kpiWindows, correlation: kpiCorrelation };
    const ends: TopicPartitionOffset[] = [];
    const reader = await GrowingReader.open(
      client,
      {
        topics: [windowsTopic, ...kpiTopics],
        consumer: { isolation: 'read_committed', maxWaitMs: 500 },
        startsOf: async (places, atMs) => {
          const latest = await stableEnds(client, places);
          ends.push(...latest);
          const since = await client.admin.listOffsets(places, atMs - HISTORY_MS);
          // -1: nothing is as late.
          return since.map((each, i) => (each.offset >= 0 ? each : latest[i]!));
        },
      },
      nowMs,
    );
    return new KpiReader(new KpiWindows(rules), reader, decoder, ends);
  }

  /** Whether the windows that were there when their partition was met are taken. */
  get isCurrent(): boolean {
    return this.#ends.every(
      ({ topic, partition, offset }) => this.#reader.consumer.position(topic, partition) >= offset,
    );
  }

  /** Takes what has come, without waiting. */
  async turn(nowMs: number): Promise<void> {
    await this.#reader.look(nowMs);
    const { consumer } = this.#reader;
    for (let taken = 0; taken < BATCHES; taken++) {
      const batch = await consumer.poll(0);
      consumer.takeCorrupt();
      if (batch === null) return;
      for (let i = 0; i < batch.count; i++) {
        const row = (await this.#decoder.value(batch, i)) as WindowObject | null;
        if (typeof row?.series !== 'string' || typeof row.window !== 'string' || typeof row.mean !== 'number') continue;
        const { series, window, field, mean } = row;
        this.windows.take({ topic: batch.topic, series, window, field, mean, startMs: +row.start, endMs: +row.end });
      }
    }
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}
