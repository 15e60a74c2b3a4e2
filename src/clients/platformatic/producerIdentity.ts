import { protocolFailure } from '../kafkaErrors.ts';
import type { Cluster } from './cluster.ts';

const TRANSACTION_TIMEOUT_MS = 60_000;

/** The id and epoch by which a broker knows the batches of one producer (KIP-98); -1 without idempotence. */
export class ProducerIdentity {
  readonly #cluster: Cluster;
  readonly #idempotent: boolean;
  #producerId = -1;
  #producerEpoch = -1;
  isRenewing = true;

  constructor(cluster: Cluster, idempotent: boolean) {
    this.#cluster = cluster;
    this.#idempotent = idempotent;
  }

  async renew(): Promise<void> {
    this.isRenewing = true;
    if (this.#idempotent) {
      const cluster = this.#cluster;
      await cluster.retry('get a producer id', async () => {
        const socket = await cluster.control();
        const answer = await cluster.call(socket, cluster.apis.initProducerId, null, TRANSACTION_TIMEOUT_MS, -1n, -1);
        if (answer.errorCode !== 0) {
          throw protocolFailure(answer.errorCode, 'get a producer id', {
            hint: 'grant IdempotentWrite on the cluster, or WRITE on the topics',
          });
        }
        this.#producerId = Number(answer.producerId);
        this.#producerEpoch = answer.producerEpoch;
      });
    }
    this.isRenewing = false;
  }

  /** What the coordinator of a transactional id has given. */
  set(producerId: number, producerEpoch: number): void {
    this.#producerId = producerId;
    this.#producerEpoch = producerEpoch;
    this.isRenewing = false;
  }

  forBatch(baseSequence: number): { producerId: number; producerEpoch: number; baseSequence: number } {
    return {
      producerId: this.#producerId,
      producerEpoch: this.#producerEpoch,
      baseSequence: this.#idempotent ? baseSequence : -1,
    };
  }
}
