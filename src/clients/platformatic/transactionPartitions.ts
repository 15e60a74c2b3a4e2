import type { AnomalyError } from '../../errors.ts';
import { KafkaCode, protocolFailure } from '../kafkaErrors.ts';
import type { OutgoingBatch, PartitionQueue } from './partitionQueue.ts';
import type { ProducerEpochs } from './producerEpochs.ts';
import { breaksTransaction, type TransactionGate } from './transactionGate.ts';
import type { TransactionRequests } from './transactionRequests.ts';

interface PartitionEvents {
  /** Partitions were added: their batches may go. */
  added(): void;
  failed(error: unknown): void;
  /** It can only be ended, and sent again. */
  broke(): void;
}

/** The transaction under way: its number, which partitions it has, and whether it still is what the broker thinks. */
export class TransactionPartitions implements TransactionGate {
  readonly transactionalId: string;
  /** Number of the transaction that is sent now. */
  current = 1;
  opening = 1;
  /** Whether the coordinator may have heard of it. */
  isBegun = false;
  /** Why it cannot be committed as it is. */
  broken: AnomalyError | null = null;
  readonly #requests: TransactionRequests;
  readonly #epochs: ProducerEpochs;
  readonly #events: PartitionEvents;
  readonly #wanted = new Set<PartitionQueue>();
  #adding: Promise<void> | null = null;
  #isHeld = false;
  #onBroken: (() => void)[] = [];

  constructor(requests: TransactionRequests, epochs: ProducerEpochs, events: PartitionEvents) {
    this.transactionalId = requests.transactionalId;
    this.#requests = requests;
    this.#epochs = epochs;
    this.#events = events;
  }

  isOpen(batch: OutgoingBatch): boolean {
    return batch.transaction === this.current && !this.#isHeld && this.broken === null;
  }

  admits(queue: PartitionQueue): boolean {
    if (queue.addedTo === this.current) return true;
    this.#wanted.add(queue);
    this.#adding ??= this.#add().finally(() => {
      this.#adding = null;
      if (this.#wanted.size === 0 || this.#isHeld || this.broken !== null) return;
      // Wanted while the last answer was on its way: asked for by the next drain.
      this.#wanted.clear();
      this.#events.added();
    });
    return false;
  }

  broke(error: AnomalyError): void {
    if (this.broken !== null) return;
    this.broken = error;
    this.#events.broke();
    for (const resolve of this.#onBroken.splice(0)) resolve();
  }

  /** Resolves when the transaction breaks. */
  breakage(): Promise<void> {
    if (this.broken !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onBroken = [resolve];
    });
  }

  /** What is appended from now on belongs to the next one. */
  beginCommit(): void {
    this.opening = this.current + 1;
  }

  committed(): void {
    this.current = this.opening;
    this.isBegun = false;
    this.#isHeld = false;
  }

  /** What is appended from now on belongs to this one again. */
  uncommitted(): void {
    this.opening = this.current;
  }

  /** Sends no more, and resolves when no partition is being added. */
  async hold(): Promise<void> {
    this.#isHeld = true;
    this.#wanted.clear();
    await this.#adding;
  }

  resume(): void {
    this.#isHeld = false;
  }

  /** A new epoch: nothing of it is known to the brokers. Sending goes on with `resume`. */
  renewed(): void {
    this.isBegun = false;
    this.broken = null;
    this.#wanted.clear();
  }

  async #add(): Promise<void> {
    // The queues of one drain share a request.
    await Promise.resolve();
    try {
      while (this.#wanted.size > 0 && !this.#isHeld && this.broken === null) {
        const queues = [...this.#wanted];
        this.#wanted.clear();
        const number = this.current;
        this.isBegun = true;
        const code = await this.#requests.addPartitions(this.#epochs.identity, queues);
        const action = `add ${queues[0]!.topic} partition ${queues[0]!.partition} to transaction ${this.transactionalId}`;
        if (code === KafkaCode.none) {
          for (const queue of queues) queue.addedTo = number;
          this.#events.added();
        } else if (breaksTransaction(code)) this.broke(protocolFailure(code, action));
        else throw protocolFailure(code, action);
      }
    } catch (error) {
      this.#events.failed(error);
    }
  }
}
