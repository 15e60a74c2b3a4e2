import type { BrokerContext, Handlers } from '../context.ts';
import type { Group } from '../groups/group.ts';
import type { CommittedOffset } from '../groups/offsets.ts';
import type { Request } from '../protocol/apis.ts';
import { ByteReader } from '../protocol/bytes.ts';
import { KafkaError } from '../protocol/errorCodes.ts';

/** Longest text that may be committed beside an offset: offset.metadata.max.bytes. */
const MAX_METADATA_BYTES = 4096;
const OFFSET_METADATA_TOO_LARGE = 12;

interface WantedTopic {
  readonly name: string;
  readonly partitionIndexes: readonly number[];
}

/** Offsets committed by groups. */
export function groupOffsetHandlers(
  broker: BrokerContext,
): Pick<Handlers, 'OffsetCommit' | 'TxnOffsetCommit' | 'OffsetFetch' | 'OffsetDelete'> {
  return {
    OffsetCommit: (request) => {
      const { groupId, generationId, memberId, groupInstanceId } = request;
      const groupError = commitError(broker, groupId, memberId, groupInstanceId, generationId);
      const topics = committedTopics(broker, request.topics, groupError, (name, partition, committed) => {
        broker.groups.getOrCreate(groupId).offsets.put(name, partition, committed);
      });
      return { topics };
    },

    TxnOffsetCommit: (request) => {
      const { groupId, producerId } = request;
      const errorCode = txnCommitError(broker, request);
      const topics = committedTopics(broker, request.topics, errorCode, (name, partition, committed) => {
        broker.groups.getOrCreate(groupId).offsets.putPending(producerId, name, partition, committed);
      });
      return { topics };
    },

    OffsetFetch: (request, call) => {
      if (call.version < 8) {
        const topics = fetchedTopics(broker.groups.get(request.groupId), request.topics, request.requireStable);
        return { errorCode: KafkaError.NONE, topics };
      }
      const groups = request.groups.map(({ groupId, topics }) => ({
        groupId,
        topics: fetchedTopics(broker.groups.get(groupId), topics, request.requireStable),
        errorCode: KafkaError.NONE,
      }));
      return { groups };
    },

    OffsetDelete: (request) => {
      const group = broker.groups.get(request.groupId);
      if (group === undefined) return { errorCode: KafkaError.GROUP_ID_NOT_FOUND };
      const subscribed = subscribedTopics(group);
      if (subscribed === null) return { errorCode: KafkaError.NON_EMPTY_GROUP };
      const topics = request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => {
          const isSubscribed = subscribed.has(name);
          if (!isSubscribed) group.offsets.delete(name, partitionIndex);
          return { partitionIndex, errorCode: isSubscribed ? KafkaError.GROUP_SUBSCRIBED_TO_TOPIC : KafkaError.NONE };
        }),
      }));
      return { errorCode: KafkaError.NONE, topics };
    },
  };
}

/** Stores what may be stored, and says of each partition what became of it. */
function committedTopics(
  broker: BrokerContext,
  topics: Request<'OffsetCommit' | 'TxnOffsetCommit'>['topics'],
  groupError: number,
  store: (topic: string, partition: number, committed: CommittedOffset) => void,
) {
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => {
      const metadata = committedMetadata ?? '';
      let errorCode = groupError;
      if (errorCode === KafkaError.NONE && broker.topics.partition(name, partitionIndex) === undefined) {
        errorCode = KafkaError.UNKNOWN_TOPIC_OR_PARTITION;
      } else if (errorCode === KafkaError.NONE && Buffer.byteLength(metadata) > MAX_METADATA_BYTES) {
        errorCode = OFFSET_METADATA_TOO_LARGE;
      }
      if (errorCode === KafkaError.NONE) {
        store(name, partitionIndex, { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata });
      }
      return { partitionIndex, errorCode };
    }),
  }));
}

/** The producer has to be the transaction's, and the consumer it commits for a member of the group as it is now. */
function txnCommitError(broker: BrokerContext, request: Request<'TxnOffsetCommit'>): number {
  const { groupId, transactionalId, generationId, memberId, groupInstanceId } = request;
  if (groupId === '') return KafkaError.INVALID_GROUP_ID;
  const errorCode = broker.transactions.offsetsError(transactionalId, request, groupId);
  // Clients take this code here for what it is; PRODUCER_FENCED came later.
  if (errorCode === KafkaError.PRODUCER_FENCED) return KafkaError.INVALID_PRODUCER_EPOCH;
  if (errorCode !== KafkaError.NONE) return errorCode;
  const group = broker.groups.get(groupId);
  if (group !== undefined) return group.txnCommitError(memberId, groupInstanceId, generationId);
  return generationId < 0 ? KafkaError.NONE : KafkaError.ILLEGAL_GENERATION;
}

function commitError(
  broker: BrokerContext,
  groupId: string,
  memberId: string,
  instanceId: string | null,
  generationId: number,
): number {
  if (groupId === '') return KafkaError.INVALID_GROUP_ID;
  const group = broker.groups.get(groupId);
  if (group !== undefined) return group.commitError(memberId, instanceId, generationId);
  return generationId < 0 ? KafkaError.NONE : KafkaError.ILLEGAL_GENERATION;
}

/** Named partitions, or with null all that the group committed; -1 where it committed none. */
function fetchedTopics(group: Group | undefined, wanted: readonly WantedTopic[] | null, requireStable: boolean) {
  if (wanted === null) {
    return [...(group?.offsets.topics() ?? [])].map(([name, partitions]) => ({
      name,
      partitions: [...partitions.keys()].map((partition) => fetched(group, name, partition, requireStable)),
    }));
  }
  return wanted.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partition) => fetched(group, name, partition, requireStable)),
  }));
}

function fetched(group: Group | undefined, topic: string, partitionIndex: number, requireStable: boolean) {
  if (requireStable && group?.offsets.isUnstable(topic, partitionIndex)) {
    return { partitionIndex, committedOffset: -1, metadata: '', errorCode: KafkaError.UNSTABLE_OFFSET_COMMIT };
  }
  const committed = group?.offsets.get(topic, partitionIndex);
  return {
    partitionIndex,
    committedOffset: committed?.offset ?? -1,
    committedLeaderEpoch: committed?.leaderEpoch ?? -1,
    metadata: committed?.metadata ?? '',
    errorCode: KafkaError.NONE,
  };
}

/** Topics that members of a consumer group read; null where members are there whose subscription cannot be read. */
function subscribedTopics(group: Group): ReadonlySet<string> | null {
  const topics = new Set<string>();
  if (group.members.size === 0) return topics;
  if (group.protocolType !== 'consumer') return null;
  for (const member of group.members.values()) {
    for (const { metadata } of member.protocols) {
      try {
        // ConsumerProtocolSubscription: version int16, topics array of string, then what we do not need.
        const reader = new ByteReader(metadata, 2);
        for (let count = reader.int32(); count > 0; count--) topics.add(reader.utf8(reader.int16()));
      } catch (error) {
        if (error instanceof RangeError) return null;
        throw error;
      }
    }
  }
  return topics;
}
