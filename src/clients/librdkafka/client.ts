import type { ClientOptions, Consumer, ConsumerOptions, KafkaClient, Producer, ProducerOptions } from '../client.ts';
import { LibrdkafkaAdmin } from './admin.ts';
import { type Binding, call, loadBinding, type NativeAdmin, type NativeError } from './binding.ts';
import { commonConf } from './config.ts';
import { LibrdkafkaConsumer } from './consumer.ts';
import { ErrorLog } from './errors.ts';
import { LibrdkafkaProducer } from './producer.ts';

/** librdkafka behind the same interface: whole but slower, for older brokers and other ways to log in. */
export class LibrdkafkaClient implements KafkaClient {
  readonly kind = 'librdkafka';
  readonly admin: LibrdkafkaAdmin;
  readonly #binding: Binding;
  readonly #native: NativeAdmin;
  readonly #errors: ErrorLog;
  readonly #options: ClientOptions;
  readonly #consumers = new Set<Consumer>();
  readonly #producers = new Set<Producer>();

  private constructor(binding: Binding, native: NativeAdmin, errors: ErrorLog, options: ClientOptions) {
    this.#binding = binding;
    this.#native = native;
    this.#errors = errors;
    this.#options = options;
    this.admin = new LibrdkafkaAdmin(native, errors, options);
  }

  /** Rejects with ANM_CLIENT_MISSING, ANM_BROKER_UNREACHABLE or ANM_AUTHENTICATION in the dial timeout. */
  static async connect(options: ClientOptions): Promise<LibrdkafkaClient> {
    const binding = await loadBinding();
    const errors = new ErrorLog();
    const native = binding.AdminClient.create(commonConf(options), {
      'event.error': errors.onError as never,
      'event.log': errors.onLog as never,
    });
    const dialTimeoutMs = options.dialTimeoutMs ?? 3000;
    try {
      await call((done) => native.getMetadata({ timeout: dialTimeoutMs, allTopics: true }, done));
    } catch (error) {
      native.disconnect();
      throw errors.connectFailure(error as NativeError, options, dialTimeoutMs);
    }
    return new LibrdkafkaClient(binding, native, errors, options);
  }

  async createProducer(options: ProducerOptions = {}): Promise<Producer> {
    const producer = await LibrdkafkaProducer.open(this.#binding, this.admin, this.#errors, this.#options, options);
    this.#producers.add(producer);
    return producer;
  }

  async createConsumer(options: ConsumerOptions = {}): Promise<Consumer> {
    const consumer = await LibrdkafkaConsumer.open(this.#binding, this.admin, this.#errors, this.#options, options);
    this.#consumers.add(consumer);
    return consumer;
  }

  async close(): Promise<void> {
    // Consumers first: their listeners flush into the producers.
    const consumers = await Promise.allSettled([...this.#consumers].map((each) => each.close()));
    const producers = await Promise.allSettled([...this.#producers].map((each) => each.close()));
    this.#native.disconnect();
    const failed = [...consumers, ...producers].find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
