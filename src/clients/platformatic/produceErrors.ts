import { AnomalyError } from '../../errors.ts';
import { kafkaError, protocolFailure, refusedHint } from '../kafkaErrors.ts';
import type { OutgoingBatch, PartitionQueue } from './partitionQueue.ts';

/** The broker refuses a batch for a reason that repeating does not mend. */
export function batchRefused(queue: PartitionQueue, batch: OutgoingBatch, errorCode: number): AnomalyError {
  const { topic, partition } = queue;
  const { name, code } = kafkaError(errorCode);
  const hint = refusedHint(name, topic);
  const size = `${batch.count} records of ${batch.bytes?.length ?? 0} bytes`;
  return protocolFailure(errorCode, `produce to ${topic} partition ${partition}, ${size},`, {
    code: code === 'ANM_AUTHORIZATION' || code === 'ANM_UNSUPPORTED' ? code : 'ANM_PRODUCE',
    ...(hint !== undefined && { hint, final: true }),
    details: { topic, partition, baseSequence: batch.baseSequence },
  });
}

/** A batch was repeated for as long as the setting allows. */
export function batchGivenUp(
  { topic, partition }: PartitionQueue,
  batch: OutgoingBatch,
  timeoutMs: number,
): AnomalyError {
  return new AnomalyError(
    'ANM_TIMEOUT',
    `cannot produce to ${topic} partition ${partition} within ${timeoutMs} ms (setting retry_timeout): ${batch.lastReason}`,
    { details: { topic, partition, setting: 'retry_timeout', timeoutMs } },
  );
}
