import type { AnomalyError } from '../../errors.ts';
import { KafkaCode } from '../kafkaErrors.ts';
import type { OutgoingBatch, PartitionQueue } from './partitionQueue.ts';

/** What a transaction adds to sending: which batches may go, and what becomes of it when one is refused. */
export interface TransactionGate {
  readonly transactionalId: string;
  /** Number of the transaction to which a batch that is opened now belongs. */
  readonly opening: number;
  /** Whether the batch is of the transaction that is being sent, and sending goes on. */
  isOpen(batch: OutgoingBatch): boolean;
  /** Whether the partition is in the transaction. If not, it is asked for, and the sender is drained when it is. */
  admits(queue: PartitionQueue): boolean;
  /** The brokers know the transaction as another than it is here: its end, and a new epoch, must come first. */
  broke(error: AnomalyError): void;
}

const BREAKING = new Set<number>([
  KafkaCode.invalidProducerEpoch,
  KafkaCode.invalidTxnState,
  KafkaCode.invalidProducerIdMapping,
  KafkaCode.unknownProducerId,
  KafkaCode.producerFenced,
  KafkaCode.transactionAbortable,
]);

/** Whether a refusal means that the transaction, or the producer's epoch, is over. */
export function breaksTransaction(errorCode: number, isHead = true): boolean {
  return BREAKING.has(errorCode) || (isHead && errorCode === KafkaCode.outOfOrderSequenceNumber);
}
