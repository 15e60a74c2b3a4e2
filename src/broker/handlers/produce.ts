import { BatchHeader } from '../../wire/batchHeader.ts';
import type { BrokerContext, Call, Handler } from '../context.ts';
import { checkBatch } from '../log/checkBatch.ts';
import type { PartitionLog } from '../log/partitionLog.ts';
import { StorageError } from '../log/segmentBytes.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import type { Topic } from '../topics.ts';

interface PartitionAnswer {
  index: number;
  errorCode: number;
  baseOffset: number;
  logAppendTimeMs: number;
  logStartOffset: number;
}

/** Kafka closes the connection when a request with acks 0 fails, as it has no other way to say so. */
export class CloseConnection extends Error {}

/** Produce: every batch is checked, given its offset and appended; then the waiting fetches are woken. */
export function produceHandler(broker: BrokerContext): Handler<'Produce'> {
  const header = new BatchHeader();
  return (request, call) => {
    const { acks } = request;
    const acksAllowed = acks === -1 || acks === 0 || acks === 1;
    const appended: { readonly log: PartitionLog; readonly bytes: number }[] = [];
    let failed = false;
    const responses = request.topicData.map(({ name, partitionData }) => {
      const topic = broker.topics.get(name);
      const partitionResponses = partitionData.map(({ index, records }) => {
        const answer: PartitionAnswer = {
          index,
          errorCode: 0,
          baseOffset: -1,
          logAppendTimeMs: -1,
          logStartOffset: -1,
        };
        const log = topic?.partitions[index];
        if (!acksAllowed) answer.errorCode = KafkaError.INVALID_REQUIRED_ACKS;
        else if (topic === undefined || log === undefined) answer.errorCode = KafkaError.UNKNOWN_TOPIC_OR_PARTITION;
        else if (
          appendTo(broker, { call, topic, log, transactionalId: request.transactionalId }, records, header, answer)
        ) {
          appended.push({ log, bytes: records!.length });
        }
        failed ||= answer.errorCode !== KafkaError.NONE;
        return answer;
      });
      return { name, partitionResponses };
    });
    for (const { log, bytes } of appended) log.notify(bytes);
    if (acks !== 0) return { responses };
    if (failed) throw new CloseConnection('a produce request with acks 0 failed');
    return null;
  };
}

interface Target {
  readonly call: Call;
  readonly topic: Topic;
  readonly log: PartitionLog;
  readonly transactionalId: string | null;
}

/** Fills `answer`; true when something was appended. */
function appendTo(
  broker: BrokerContext,
  { call, topic, log, transactionalId }: Target,
  records: Buffer | null,
  header: BatchHeader,
  answer: PartitionAnswer,
): boolean {
  const nowMs = broker.clock.now();
  const { configs } = topic;
  answer.errorCode = checkBatch(records, header, {
    maxBytes: configs.maxMessageBytes,
    latestTimestampMs: configs.isLogAppendTime ? Number.POSITIVE_INFINITY : nowMs + configs.timestampAfterMaxMs,
    earliestTimestampMs: configs.isLogAppendTime ? Number.NEGATIVE_INFINITY : nowMs - configs.timestampBeforeMaxMs,
    produceVersion: call.version,
    isTransactional: transactionalId !== null,
  });
  if (answer.errorCode === KafkaError.NONE) answer.errorCode = transactionError(broker, transactionalId, log, header);
  if (answer.errorCode !== KafkaError.NONE) return false;
  const verdict = log.producers.check(header);
  if (verdict.kind === 'refused') {
    answer.errorCode = verdict.errorCode;
    return false;
  }
  answer.logStartOffset = log.logStartOffset;
  if (verdict.kind === 'duplicate') {
    answer.baseOffset = verdict.baseOffset;
    answer.logAppendTimeMs = verdict.appendTimeMs;
    return false;
  }
  const logAppendTimeMs = configs.isLogAppendTime ? nowMs : -1;
  try {
    answer.baseOffset = log.append(records!, header, logAppendTimeMs);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    broker.storageFailed(error);
    answer.errorCode = KafkaError.KAFKA_STORAGE_ERROR;
    return false;
  }
  answer.logAppendTimeMs = logAppendTimeMs;
  log.producers.record(header, answer.baseOffset, answer.logAppendTimeMs);
  log.recordsProduced += header.recordCount;
  log.bytesProduced += records!.length;
  if (header.isTransactional) log.transactions.appended(header.producerId, header.producerEpoch, answer.baseOffset);
  return true;
}

/** Transactional batches need their partition in an open transaction; while it is, its producer may send no others. */
function transactionError(
  broker: BrokerContext,
  transactionalId: string | null,
  log: PartitionLog,
  header: BatchHeader,
): number {
  if (header.producerId < 0 && !header.isTransactional) return KafkaError.NONE;
  if (!header.isTransactional) {
    const isOpen = log.transactions.openOf(header.producerId) !== undefined;
    return isOpen ? KafkaError.INVALID_TXN_STATE : KafkaError.NONE;
  }
  const errorCode = broker.transactions.produceError(transactionalId ?? '', header, log);
  // Produce knows no other word for a fenced producer.
  return errorCode === KafkaError.PRODUCER_FENCED ? KafkaError.INVALID_PRODUCER_EPOCH : errorCode;
}
