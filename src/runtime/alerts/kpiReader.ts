import { KpiWindows } from '../../alerts/stage/kpi.ts';
import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { AlertsConfig } from '../../config/alertsConfig.ts';
import type { ObjectDecoder } from '../input/objectDecoder.ts';
import { stableEnds } from '../input/topicSource.ts';
import type { WindowObject } from '../output/rowObjects.ts';

/** Batches a turn, so that alerts do not wait for windows. */
const BATCHES = 8;
/** Before the first window is known its length is not either. */
const HISTORY_MS = 24 * 3_600_000;

/** Reads the topics of windows that KPIs are looked for in, from a day ago on. */
export class KpiReader {
  readonly windows: KpiWindows;
  readonly #consumer: Consumer;
  readonly #decoder: ObjectDecoder;
  readonly #ends: readonly TopicPartitionOffset[];

  private constructor(
    windows: KpiWindows,
    consumer: Consumer,
    decoder: ObjectDecoder,
    ends: readonly TopicPartitionOffset[],
  ) {
    this.windows = windows;
    this.#ends = ends;
    this.#consumer = consumer;
    this.#decoder = decoder;
  }

  /** Undefined where no KPI is configured; topics that are not there are passed over. */
  static async open(
    client: KafkaClient,
    decoder: ObjectDecoder,
    { kpis, kpiTopics, kpiWindows, kpiCorrelation }: AlertsConfig,
    windowsTopic: string,
    nowMs: number,
  ): Promise<KpiReader | undefined> {
    if (kpis.length + kpiTopics.length === 0) return undefined;
    const rules = { patterns: kpis, topics: kpiTopics, windows: kpiWindows, correlation: kpiCorrelation };
    const infos = await client.admin.topics([...new Set([windowsTopic, ...kpiTopics])]);
    const places = infos.flatMap(({ name, partitions }) =>
      partitions.map(({ partition }) => ({ topic: name, partition })),
    );
    const consumer = await client.createConsumer({ isolation: 'read_committed', maxWaitMs: 500 });
    let latest: readonly TopicPartitionOffset[] = [];
    if (places.length > 0) {
      const since = await client.admin.listOffsets(places, nowMs - HISTORY_MS);
      latest = await stableEnds(client, places);
      // -1: nothing is as late.
      await consumer.assign(since.map((each, i) => (each.offset >= 0 ? each : latest[i]!)));
    }
    return new KpiReader(new KpiWindows(rules), consumer, decoder, latest);
  }

  /** Whether the windows that were there at the start are taken. */
  get isCurrent(): boolean {
    return this.#ends.every(({ topic, partition, offset }) => this.#consumer.position(topic, partition) >= offset);
  }

  /** Takes what has come, without waiting. */
  async turn(): Promise<void> {
    for (let taken = 0; taken < BATCHES; taken++) {
      const batch = await this.#consumer.poll(0);
      this.#consumer.takeCorrupt();
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
    await this.#consumer.close();
  }
}
