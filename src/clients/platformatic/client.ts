import { loadFastCrc32c } from '../../wire/crc32c.ts';
import { prepareZstd } from '../../wire/zstd.ts';
import type { ClientOptions, Consumer, ConsumerOptions, KafkaClient } from '../client.ts';
import type { Producer, ProducerOptions } from '../producer.ts';
import type { TransactionalProducer, TransactionalProducerOptions } from '../transactions.ts';
import { PlatformaticAdmin } from './admin.ts';
import { missingApis } from './apis.ts';
import { Cluster } from './cluster.ts';
import { PlatformaticConsumer } from './consumer.ts';
import { PlatformaticProducer } from './producer.ts';
import { PlatformaticTransactionalProducer } from './transactionalProducer.ts';

/** The fast client: slow APIs by @platformatic/kafka, Fetch and Produce as columns on our own frames. */
export class PlatformaticClient implements KafkaClient {
  readonly kind = 'platformatic';
  readonly admin: PlatformaticAdmin;
  readonly #cluster: Cluster;
  readonly #consumers = new Set<Consumer>();
  readonly #producers = new Set<Producer>();

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.admin = new PlatformaticAdmin(cluster);
  }

  /** Loads the library and connects. Rejects with ANM_BROKER_UNREACHABLE or ANM_AUTHENTICATION in the dial timeout. */
  static async connect(options: ClientOptions): Promise<PlatformaticClient> {
    const [library] = await Promise.all([import('./library.ts'), loadFastCrc32c()]);
    const cluster = new Cluster(library, options);
    try {
      await cluster.start();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return new PlatformaticClient(cluster);
  }

  /** The versions that this broker lacks for the fast client, an API each; empty when it lacks none. */
  async missing(): Promise<string[]> {
    return missingApis(this.#cluster.apis, await this.#cluster.ranges());
  }

  async createProducer(options: ProducerOptions = {}): Promise<Producer> {
    if (options.compression === 'zstd') await prepareZstd();
    const producer = new PlatformaticProducer(this.#cluster, options);
    await producer.start();
    this.#producers.add(producer);
    return producer;
  }

  async createTransactionalProducer(options: TransactionalProducerOptions): Promise<TransactionalProducer> {
    if (options.compression === 'zstd') await prepareZstd();
    const producer = await PlatformaticTransactionalProducer.open(this.#cluster, options);
    this.#producers.add(producer);
    return producer;
  }

  async createConsumer(options: ConsumerOptions = {}): Promise<Consumer> {
    const consumer = new PlatformaticConsumer(this.#cluster, this.admin, options);
    this.#consumers.add(consumer);
    return consumer;
  }

  async close(): Promise<void> {
    // Consumers first: their listeners flush into the producers.
    const consumers = await Promise.allSettled([...this.#consumers].map((each) => each.close()));
    const producers = await Promise.allSettled([...this.#producers].map((each) => each.close()));
    await this.#cluster.close();
    const failed = [...consumers, ...producers].find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
