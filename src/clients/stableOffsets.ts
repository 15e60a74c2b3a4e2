import { AnomalyError, isAnomalyError } from '../errors.ts';
import type { ConsumerOptions } from './client.ts';
import { KafkaCode } from './kafkaErrors.ts';
import type { TopicPartitionOffset } from './topicPartition.ts';

const TRANSACTION_TIMEOUT_MS = 60_000;
/** An open transaction is most often about to be committed. */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;
/** A wait that somebody would wonder about. */
const SAID_AFTER_MS = 2000;

/**
 * Repeats `read` while the broker answers that a transaction may still change an offset (KIP-447). That lasts as long as
 * the transaction, whatever else is retried. `waits` is called once, when that takes long.
 *
 * @throws ANM_TIMEOUT naming transaction_timeout, when that and the retry timeout are over
 */
export async function untilStable(
  groupId: string,
  options: ConsumerOptions,
  retryTimeoutMs: number,
  read: (requireStable: boolean) => Promise<TopicPartitionOffset[]>,
  pause: (milliseconds: number) => Promise<void>,
  waits: (message: string) => void,
): Promise<TopicPartitionOffset[]> {
  const limitMs = (options.transactionTimeoutMs ?? TRANSACTION_TIMEOUT_MS) + retryTimeoutMs;
  const startedMs = performance.now();
  const endMs = startedMs + limitMs;
  let isSaid = false;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await read(options.requireStable ?? true);
    } catch (error) {
      if (!isUnstable(error)) throw error;
      if (performance.now() + pauseMs > endMs) throw stillUnstable(groupId, limitMs);
      if (!isSaid && performance.now() - startedMs > SAID_AFTER_MS) {
        isSaid = true;
        waits(
          `the offsets of group ${groupId} wait for a transaction that is open: one that a dead member left is ended by the broker after transaction_timeout`,
        );
      }
    }
    await pause(pauseMs);
  }
}

export function isUnstable(error: unknown): boolean {
  return isAnomalyError(error) && error.details['kafkaErrorCode'] === KafkaCode.unstableOffsetCommit;
}

function stillUnstable(groupId: string, timeoutMs: number): AnomalyError {
  return new AnomalyError(
    'ANM_TIMEOUT',
    `cannot read the offsets of group ${groupId} as a transaction on them is still open after ${timeoutMs} ms ` +
      '(settings transaction_timeout and retry_timeout)',
    {
      hint: 'find the process that holds it open; rpk cluster txn list shows its id',
      details: { groupId, timeoutMs, setting: 'transaction_timeout' },
    },
  );
}
