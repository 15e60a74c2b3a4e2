import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { kafkaError } from '../kafkaErrors.ts';

/** Whether the same call may succeed in a moment: a lost connection, a leader or coordinator on the move. */
export function isPassing(error: unknown): boolean {
  if (!isAnomalyError(error)) return true;
  const code = error.details['kafkaErrorCode'];
  if (typeof code === 'number' && error.details['final'] !== true) return kafkaError(code).retry !== 'no';
  return false;
}

export function clientClosed(): AnomalyError {
  return new AnomalyError('ANM_INTERNAL', 'cannot go on as the Kafka client is closed');
}
