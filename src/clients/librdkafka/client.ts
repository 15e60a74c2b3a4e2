import { parseAddress } from '../address.ts';
import type { ClientOptions, Consumer, ConsumerOptions, KafkaClient } from '../client.ts';
import { explainFailure } from '../explainFailure.ts';
import type { Producer, ProducerOptions } from '../producer.ts';
import type { TransactionalProducer, TransactionalProducerOptions } from '../transactions.ts';
import { LibrdkafkaAdmin } from './admin.ts';
import { type Binding, call, loadBinding, type NativeAdmin, type NativeError } from './binding.ts';
import { adminConf } from './config.ts';
import { LibrdkafkaConsumer } from './consumer.ts';
import { ErrorLog, isUnanswered } from './errors.ts';
import { LibrdkafkaProducer } from './producer.ts';
import { LibrdkafkaTransactionalProducer } from './transactionalProducer.ts';

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
    const errors = new ErrorLog(options.contact);
    const native = binding.AdminClient.create(adminConf(options), errors.handlers);
    const dialTimeoutMs = options.dialTimeoutMs ?? 3000;
    const settled = new AbortController();
    const answered = firstAnswer(native, dialTimeoutMs, settled.signal);
    try {
      await Promise.race([answered, explained(errors, options, dialTimeoutMs, settled.signal)]);
    } catch (error) {
      settled.abort();
      // To disconnect while a call is under way blocks the whole process until that is over.
      answered.catch(() => {}).then(() => native.disconnect());
      throw errors.connectFailure(error as NativeError, options, dialTimeoutMs);
    } finally {
      settled.abort();
    }
    return new LibrdkafkaClient(binding, native, errors, options);
  }

  async createProducer(options: ProducerOptions = {}): Promise<Producer> {
    const producer = await LibrdkafkaProducer.open(this.#binding, this.admin, this.#errors, this.#options, options);
    this.#producers.add(producer);
    return producer;
  }

  async createTransactionalProducer(options: TransactionalProducerOptions): Promise<TransactionalProducer> {
    const producer = await LibrdkafkaTransactionalProducer.open(
      this.#binding,
      this.admin,
      this.#errors,
      this.#options,
      options,
    );
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

/** First wait for metadata: short, as nothing can end it before its time; each one after it takes twice as long. */
const FIRST_SLICE_MS = 200;

/** Resolves when a broker answers; rejects with the last failure at the end of the dial timeout, or when settled. */
async function firstAnswer(native: NativeAdmin, dialTimeoutMs: number, settled: AbortSignal): Promise<void> {
  const endMs = performance.now() + dialTimeoutMs;
  for (let sliceMs = FIRST_SLICE_MS; ; sliceMs *= 2) {
    const leftMs = Math.max(1, Math.ceil(endMs - performance.now()));
    const begunMs = performance.now();
    try {
      await call((done) => native.getMetadata({ timeout: Math.min(sliceMs, leftMs), allTopics: true }, done));
      return;
    } catch (error) {
      const isOver = settled.aborted || performance.now() >= endMs - 1;
      if (isOver || !isUnanswered(error as NativeError)) throw error;
    }
    // It also fails at once, where a connection was just lost.
    const restMs = Math.min(FIRST_SLICE_MS, leftMs) - (performance.now() - begunMs);
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
}

/**
 * librdkafka tries for the whole of the dial timeout and then says 'transport failure'. Each time that it has lost all
 * brokers, they are asked for the reason: rejects with it, or never settles where none is found.
 */
async function explained(
  errors: ErrorLog,
  options: ClientOptions,
  dialTimeoutMs: number,
  settled: AbortSignal,
): Promise<never> {
  const endMs = performance.now() + dialTimeoutMs;
  const addresses = options.brokers.map(parseAddress);
  for (;;) {
    await errors.allDown();
    const leftMs = endMs - performance.now();
    if (settled.aborted || leftMs <= 0) return new Promise(() => {});
    const reasons = await Promise.all(addresses.map(({ host, port }) => explainFailure(host, port, options, leftMs)));
    const reason = reasons.find((each) => each !== null) ?? errors.refusal(options);
    if (reason !== null) throw reason;
  }
}
