import type { BrokerContext, Handlers } from '../context.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import { alterScramCredentials, describeScramCredentials } from '../security/scramCredentials.ts';

const NO_AUTHORIZER = { errorCode: KafkaError.SECURITY_DISABLED, errorMessage: 'no authorizer is configured' };
const NO_SASL = 'SASL is not enabled on this listener';

/**
 * Logging in, the users, and what Redpanda advertises and this broker has switched off: access control answers as a
 * broker without it does, changes to quotas are refused. What can be answered with the truth is: there are no quotas and
 * no reassignments under way.
 */
export function securityHandlers(
  broker: BrokerContext,
): Pick<
  Handlers,
  | 'SaslHandshake'
  | 'SaslAuthenticate'
  | 'DescribeAcls'
  | 'CreateAcls'
  | 'DeleteAcls'
  | 'DescribeClientQuotas'
  | 'AlterClientQuotas'
  | 'DescribeUserScramCredentials'
  | 'AlterUserScramCredentials'
  | 'AlterPartitionReassignments'
  | 'ListPartitionReassignments'
> {
  const refused = (what: string) => ({
    errorCode: KafkaError.UNSUPPORTED_VERSION,
    errorMessage: `the development broker keeps no ${what}`,
  });
  return {
    SaslHandshake: ({ mechanism }, call) =>
      call.sasl?.handshake(mechanism, call.version) ?? { errorCode: KafkaError.ILLEGAL_SASL_STATE },
    SaslAuthenticate: ({ authBytes }, call) =>
      call.sasl?.authenticate(authBytes) ?? { errorCode: KafkaError.ILLEGAL_SASL_STATE, errorMessage: NO_SASL },
    DescribeAcls: () => NO_AUTHORIZER,
    CreateAcls: (request) => ({ results: request.creations.map(() => NO_AUTHORIZER) }),
    DeleteAcls: (request) => ({ filterResults: request.filters.map(() => NO_AUTHORIZER) }),
    DescribeClientQuotas: () => ({ errorCode: KafkaError.NONE, entries: [] }),
    AlterClientQuotas: (request) => ({
      entries: request.entries.map(({ entity }) => ({ ...refused('quotas'), entity })),
    }),
    DescribeUserScramCredentials: (request) => describeScramCredentials(broker.credentials, request),
    AlterUserScramCredentials: (request) => alterScramCredentials(broker.credentials, request),
    AlterPartitionReassignments: (request) => ({
      responses: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => ({
          partitionIndex,
          errorCode: reassignmentError(broker, name, partitionIndex, replicas),
        })),
      })),
    }),
    ListPartitionReassignments: () => ({ errorCode: KafkaError.NONE }),
  };
}

/** One broker has every replica: to move one there changes nothing, elsewhere it cannot go. Null cancels a move. */
function reassignmentError(broker: BrokerContext, topic: string, partition: number, replicas: number[] | null): number {
  if (broker.topics.partition(topic, partition) === undefined) return KafkaError.UNKNOWN_TOPIC_OR_PARTITION;
  if (replicas === null) return KafkaError.NO_REASSIGNMENT_IN_PROGRESS;
  const isHere = replicas.length === 1 && replicas[0] === broker.nodeId;
  return isHere ? KafkaError.NONE : KafkaError.INVALID_REPLICA_ASSIGNMENT;
}
