import { AnomalyError, type ErrorCode } from '../errors.ts';

/**
 * What the tool does about each error code of the Kafka protocol, in one table for both clients. Codes, names and
 * retriability: https://kafka.apache.org/protocol.html#protocol_error_codes.
 *
 * `retry`: 'metadata' = ask for the leader again, then repeat; 'coordinator' = find the coordinator again, then
 * repeat; 'same' = repeat at the same broker after a pause; 'no' = repeating does not mend it.
 */
export interface KafkaErrorEntry {
  readonly name: string;
  readonly retry: 'metadata' | 'coordinator' | 'same' | 'no';
  readonly code: ErrorCode;
}

const entry = (
  name: string,
  retry: KafkaErrorEntry['retry'] = 'no',
  code: ErrorCode = 'ANM_PROTOCOL',
): KafkaErrorEntry => ({ name, retry, code });

const TABLE = new Map<number, KafkaErrorEntry>([
  [-1, entry('UNKNOWN_SERVER_ERROR')],
  [1, entry('OFFSET_OUT_OF_RANGE', 'no', 'ANM_OFFSET_OUT_OF_RANGE')],
  [2, entry('CORRUPT_MESSAGE', 'same', 'ANM_CORRUPT_BATCH')],
  [3, entry('UNKNOWN_TOPIC_OR_PARTITION', 'metadata', 'ANM_TOPIC_MISSING')],
  [5, entry('LEADER_NOT_AVAILABLE', 'metadata', 'ANM_TIMEOUT')],
  [6, entry('NOT_LEADER_OR_FOLLOWER', 'metadata', 'ANM_TIMEOUT')],
  [7, entry('REQUEST_TIMED_OUT', 'same', 'ANM_TIMEOUT')],
  [8, entry('BROKER_NOT_AVAILABLE', 'metadata', 'ANM_BROKER_UNREACHABLE')],
  [9, entry('REPLICA_NOT_AVAILABLE', 'metadata', 'ANM_TIMEOUT')],
  [10, entry('MESSAGE_TOO_LARGE', 'no', 'ANM_PRODUCE')],
  [13, entry('NETWORK_EXCEPTION', 'metadata', 'ANM_TIMEOUT')],
  [14, entry('COORDINATOR_LOAD_IN_PROGRESS', 'same', 'ANM_TIMEOUT')],
  [15, entry('COORDINATOR_NOT_AVAILABLE', 'coordinator', 'ANM_TIMEOUT')],
  [16, entry('NOT_COORDINATOR', 'coordinator', 'ANM_TIMEOUT')],
  [17, entry('INVALID_TOPIC_EXCEPTION', 'no', 'ANM_CONFIG')],
  [18, entry('RECORD_LIST_TOO_LARGE', 'no', 'ANM_PRODUCE')],
  [19, entry('NOT_ENOUGH_REPLICAS', 'same', 'ANM_PRODUCE')],
  [20, entry('NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'same', 'ANM_PRODUCE')],
  [21, entry('INVALID_REQUIRED_ACKS', 'no', 'ANM_PRODUCE')],
  [22, entry('ILLEGAL_GENERATION')],
  [23, entry('INCONSISTENT_GROUP_PROTOCOL', 'no', 'ANM_GROUP_PROTOCOL')],
  [24, entry('INVALID_GROUP_ID', 'no', 'ANM_CONFIG')],
  [25, entry('UNKNOWN_MEMBER_ID')],
  [26, entry('INVALID_SESSION_TIMEOUT', 'no', 'ANM_CONFIG')],
  [27, entry('REBALANCE_IN_PROGRESS')],
  [29, entry('TOPIC_AUTHORIZATION_FAILED', 'no', 'ANM_AUTHORIZATION')],
  [30, entry('GROUP_AUTHORIZATION_FAILED', 'no', 'ANM_AUTHORIZATION')],
  [31, entry('CLUSTER_AUTHORIZATION_FAILED', 'no', 'ANM_AUTHORIZATION')],
  [32, entry('INVALID_TIMESTAMP', 'no', 'ANM_PRODUCE')],
  [33, entry('UNSUPPORTED_SASL_MECHANISM', 'no', 'ANM_AUTHENTICATION')],
  [34, entry('ILLEGAL_SASL_STATE', 'no', 'ANM_AUTHENTICATION')],
  [35, entry('UNSUPPORTED_VERSION', 'no', 'ANM_UNSUPPORTED')],
  [36, entry('TOPIC_ALREADY_EXISTS', 'no', 'ANM_CONFIG')],
  [37, entry('INVALID_PARTITIONS', 'no', 'ANM_CONFIG')],
  [38, entry('INVALID_REPLICATION_FACTOR', 'no', 'ANM_CONFIG')],
  [39, entry('INVALID_REPLICA_ASSIGNMENT', 'no', 'ANM_CONFIG')],
  [40, entry('INVALID_CONFIG', 'no', 'ANM_CONFIG')],
  [41, entry('NOT_CONTROLLER', 'metadata', 'ANM_TIMEOUT')],
  [42, entry('INVALID_REQUEST')],
  [43, entry('UNSUPPORTED_FOR_MESSAGE_FORMAT', 'no', 'ANM_UNSUPPORTED')],
  [44, entry('POLICY_VIOLATION', 'no', 'ANM_CONFIG')],
  [45, entry('OUT_OF_ORDER_SEQUENCE_NUMBER', 'same', 'ANM_PRODUCE')],
  [46, entry('DUPLICATE_SEQUENCE_NUMBER', 'no', 'ANM_PRODUCE')],
  [47, entry('INVALID_PRODUCER_EPOCH', 'no', 'ANM_PRODUCE')],
  [48, entry('INVALID_TXN_STATE', 'no', 'ANM_PRODUCE')],
  [49, entry('INVALID_PRODUCER_ID_MAPPING', 'no', 'ANM_PRODUCE')],
  [50, entry('INVALID_TRANSACTION_TIMEOUT', 'no', 'ANM_CONFIG')],
  [51, entry('CONCURRENT_TRANSACTIONS', 'same', 'ANM_TIMEOUT')],
  [52, entry('TRANSACTION_COORDINATOR_FENCED', 'coordinator', 'ANM_TIMEOUT')],
  [53, entry('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'no', 'ANM_AUTHORIZATION')],
  [55, entry('OPERATION_NOT_ATTEMPTED', 'same', 'ANM_TIMEOUT')],
  [56, entry('KAFKA_STORAGE_ERROR', 'metadata', 'ANM_TIMEOUT')],
  [58, entry('SASL_AUTHENTICATION_FAILED', 'no', 'ANM_AUTHENTICATION')],
  [59, entry('UNKNOWN_PRODUCER_ID', 'no', 'ANM_PRODUCE')],
  [69, entry('GROUP_ID_NOT_FOUND', 'no', 'ANM_CONFIG')],
  [74, entry('FENCED_LEADER_EPOCH', 'metadata', 'ANM_TIMEOUT')],
  [75, entry('UNKNOWN_LEADER_EPOCH', 'metadata', 'ANM_TIMEOUT')],
  [76, entry('UNSUPPORTED_COMPRESSION_TYPE', 'no', 'ANM_UNSUPPORTED')],
  [78, entry('OFFSET_NOT_AVAILABLE', 'same', 'ANM_TIMEOUT')],
  [79, entry('MEMBER_ID_REQUIRED')],
  [81, entry('GROUP_MAX_SIZE_REACHED', 'no', 'ANM_GROUP_PROTOCOL')],
  [82, entry('FENCED_INSTANCE_ID', 'no', 'ANM_INSTANCE_FENCED')],
  [87, entry('INVALID_RECORD', 'no', 'ANM_PRODUCE')],
  [88, entry('UNSTABLE_OFFSET_COMMIT', 'same', 'ANM_TIMEOUT')],
  [89, entry('THROTTLING_QUOTA_EXCEEDED', 'same', 'ANM_TIMEOUT')],
  [90, entry('PRODUCER_FENCED', 'no', 'ANM_PRODUCER_FENCED')],
  [105, entry('TRANSACTIONAL_ID_NOT_FOUND', 'no', 'ANM_PRODUCE')],
  [120, entry('TRANSACTION_ABORTABLE', 'no', 'ANM_PRODUCE')],
]);

export const KafkaCode = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  coordinatorNotAvailable: 15,
  illegalGeneration: 22,
  inconsistentGroupProtocol: 23,
  unknownMemberId: 25,
  rebalanceInProgress: 27,
  unsupportedVersion: 35,
  topicAlreadyExists: 36,
  outOfOrderSequenceNumber: 45,
  duplicateSequenceNumber: 46,
  invalidProducerEpoch: 47,
  invalidTxnState: 48,
  invalidProducerIdMapping: 49,
  invalidTransactionTimeout: 50,
  concurrentTransactions: 51,
  unknownProducerId: 59,
  groupIdNotFound: 69,
  memberIdRequired: 79,
  fencedInstanceId: 82,
  unstableOffsetCommit: 88,
  producerFenced: 90,
  transactionAbortable: 120,
} as const;

export function kafkaError(code: number): KafkaErrorEntry {
  return TABLE.get(code) ?? entry(`error ${code}`);
}

/**
 * An answer's error code as the tool's error. `action` reads after 'cannot': 'fetch from t/0 at offset 7'. `code`
 * replaces the table's class where the place decides (anything a produce request gets is ANM_PRODUCE, say).
 */
export function protocolFailure(
  errorCode: number,
  action: string,
  options: {
    code?: ErrorCode;
    brokerMessage?: string | null;
    hint?: string;
    details?: Record<string, unknown>;
    /** Set where repeating is known not to help, whatever the code says in general. */
    final?: boolean;
  } = {},
): AnomalyError {
  const found = kafkaError(errorCode);
  const said = options.brokerMessage ? ` (${options.brokerMessage})` : '';
  return new AnomalyError(options.code ?? found.code, `cannot ${action} as the broker answered ${found.name}${said}`, {
    ...(options.hint === undefined ? {} : { hint: options.hint }),
    details: {
      kafkaError: found.name,
      kafkaErrorCode: errorCode,
      ...(options.final === true ? { final: true } : {}),
      ...options.details,
    },
  });
}

/** No broker answered within the dial timeout. `reasons` holds one line per address tried. */
export function brokersUnreachable(
  brokers: readonly string[],
  dialTimeoutMs: number,
  reasons: readonly string[],
  cause?: unknown,
): AnomalyError {
  return new AnomalyError(
    'ANM_BROKER_UNREACHABLE',
    `cannot reach ${brokers.length === 1 ? 'broker' : 'any broker of'} ${brokers.join(', ')} within ${dialTimeoutMs} ms ` +
      `(setting dial_timeout)${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`,
    {
      hint: 'check --brokers, or run anomaly doctor',
      details: { brokers: [...brokers], dialTimeoutMs, setting: 'dial_timeout' },
      cause,
    },
  );
}

/** A request was sent and no answer came in time. */
export function requestTimedOut(action: string, setting: string, timeoutMs: number, cause?: unknown): AnomalyError {
  return new AnomalyError(
    'ANM_TIMEOUT',
    `cannot ${action} as no answer came within ${timeoutMs} ms (setting ${setting})`,
    {
      hint: `raise ${setting}, or run anomaly doctor`,
      details: { setting, timeoutMs },
      cause,
    },
  );
}

export function topicMissing(topic: string): AnomalyError {
  return new AnomalyError('ANM_TOPIC_MISSING', `cannot use topic ${topic} as it does not exist`, {
    hint: `create it with rpk topic create ${topic} -p PARTITIONS, or anomaly produce FILE --topic ${topic}; topics that a pipeline writes are made by anomaly run --create-topics-only`,
    details: { topic },
  });
}

/** What to do where a broker refuses records for what they are, as it will again; undefined for any other reason. */
export function refusedHint(name: string | undefined, topic: string): string | undefined {
  if (name === 'MESSAGE_TOO_LARGE') return `raise max.message.bytes of topic ${topic}, or make batches smaller`;
  if (name !== 'INVALID_TIMESTAMP') return undefined;
  return `a record's time is further from the broker's clock than message.timestamp.after.max.ms or before.max.ms of topic ${topic} allows: raise it`;
}
