import { AnomalyError } from '../../errors.ts';
import { KafkaCode, kafkaError, protocolFailure } from '../kafkaErrors.ts';
import { type Identity, NO_IDENTITY, type TransactionRequests } from './transactionRequests.ts';

const FENCED = new Set<number>([
  KafkaCode.invalidProducerEpoch,
  KafkaCode.producerFenced,
  KafkaCode.invalidProducerIdMapping,
]);

/** In which the coordinator leaves an id whose transaction was open for longer than its timeout. */
const ABORTED = new Set(['PrepareAbort', 'PrepareEpochFence', 'CompleteAbort']);

/** The identity of a transactional id: who has the newest epoch is its producer, and everybody else is fenced. */
export class ProducerEpochs {
  readonly #requests: TransactionRequests;
  identity: Identity = NO_IDENTITY;

  constructor(requests: TransactionRequests) {
    this.#requests = requests;
  }

  /** Takes the id over. */
  async begin(): Promise<void> {
    const { errorCode, producerId, producerEpoch } = await this.#requests.init(NO_IDENTITY);
    if (errorCode !== KafkaCode.none) throw this.#refused(errorCode);
    this.identity = { producerId, producerEpoch };
  }

  /**
   * Goes on under a new epoch. @throws ANM_PRODUCER_FENCED another producer took the id over
   *
   * A timeout fences as another producer does: the coordinator has raised the epoch by one and aborted. Only then, and
   * only from that very epoch, the id is taken again; another producer that comes in between has raised it further.
   */
  async renew(): Promise<void> {
    let answer = await this.#requests.init(this.identity);
    if (FENCED.has(answer.errorCode)) {
      const found = await this.#requests.describe();
      const { producerId, producerEpoch } = this.identity;
      const isOwn = found.producerId === producerId && found.producerEpoch === producerEpoch + 1;
      if (found.errorCode !== KafkaCode.none || !isOwn || !ABORTED.has(found.state))
        throw this.#fenced(answer.errorCode);
      answer = await this.#requests.init(found);
      if (FENCED.has(answer.errorCode)) throw this.#fenced(answer.errorCode);
    }
    if (answer.errorCode !== KafkaCode.none) throw this.#refused(answer.errorCode);
    this.identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch };
  }

  #fenced(errorCode: number): AnomalyError {
    const { transactionalId } = this.#requests;
    const { name } = kafkaError(errorCode);
    return new AnomalyError(
      'ANM_PRODUCER_FENCED',
      `cannot write with the transactional id ${transactionalId} as another process has taken it over (${name})`,
      { details: { transactionalId, kafkaError: name } },
    );
  }

  #refused(errorCode: number): AnomalyError {
    const { transactionalId, timeoutMs } = this.#requests;
    if (errorCode === KafkaCode.invalidTransactionTimeout) {
      return new AnomalyError(
        'ANM_CONFIG',
        `cannot begin transactions of ${timeoutMs} ms (setting transaction_timeout) as the broker allows no such time`,
        {
          hint: 'lower transaction_timeout, or raise transaction_max_timeout_ms of the cluster (transaction.max.timeout.ms)',
          details: { setting: 'transaction_timeout', timeoutMs, transactionalId },
        },
      );
    }
    return protocolFailure(errorCode, `take over the transactional id ${transactionalId}`, {
      hint: `grant WRITE on the transactional id ${transactionalId}`,
      details: { transactionalId },
    });
  }
}
