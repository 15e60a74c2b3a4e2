import type { Reader } from '@platformatic/kafka';
import type { GroupInfo } from '../client.ts';
import type { TopicPartition } from '../topicPartition.ts';
import type { BrokerSocket } from './brokerSocket.ts';
import type { Cluster } from './cluster.ts';

const CONSUMER_GROUP_DESCRIBE = 69;
const VERSION = 0;

/**
 * Groups of the newer protocol (KIP-848), which DescribeGroups calls dead: by ConsumerGroupDescribe v0, where the broker has
 * it. Kafka 4 does, Redpanda has no such groups. What is no such group, or may not be described, is left out.
 *
 * The library's own reader of the answer takes a list of topics for one text, and passes the tags of assignments over:
 * https://kafka.apache.org/protocol.html#The_Messages_ConsumerGroupDescribe
 */
export async function consumerProtocolGroups(
  cluster: Cluster,
  socket: BrokerSocket,
  groupIds: readonly string[],
): Promise<Map<string, GroupInfo>> {
  const found = new Map<string, GroupInfo>();
  if (groupIds.length === 0 || (await cluster.ranges()).get(CONSUMER_GROUP_DESCRIBE) === undefined) return found;
  const groups = await new Promise<Described[]>((resolve, reject) => {
    socket.send(
      CONSUMER_GROUP_DESCRIBE,
      VERSION,
      () => cluster.library.consumerGroupDescribeV0.createRequest([...groupIds], false),
      (_correlationId, _key, _version, reader) => readGroups(reader as unknown as Reader),
      true,
      true,
      (error, payload) => (error === null ? resolve(payload as Described[]) : reject(error)),
      cluster.requestTimeoutMs,
    );
  });
  for (const { errorCode, info } of groups) if (errorCode === 0) found.set(info.groupId, info);
  return found;
}

interface Described {
  readonly errorCode: number;
  readonly info: GroupInfo;
}

function readGroups(reader: Reader): Described[] {
  reader.readInt32();
  const groups = reader.readArray((r) => {
    const errorCode = r.readInt16();
    r.readNullableString();
    const groupId = r.readString();
    const state = r.readString();
    // Epochs of the group and of its assignment.
    r.readInt32();
    r.readInt32();
    const protocol = r.readString();
    const members = r.readArray((m) => readMember(m));
    r.readInt32();
    return { errorCode, info: { groupId, state, protocol, members } };
  });
  reader.readTaggedFields();
  return groups;
}

function readMember(r: Reader): GroupInfo['members'][number] {
  const memberId = r.readString();
  // Instance, rack, epoch.
  r.readNullableString();
  r.readNullableString();
  r.readInt32();
  const clientId = r.readString();
  const host = r.readString();
  // What it subscribed to.
  r.readArray((each) => each.readString(), true, false);
  r.readNullableString();
  const partitions = readAssignment(r);
  // What it is to have once the others have given it up.
  readAssignment(r);
  return { memberId, clientId, host, partitions };
}

function readAssignment(r: Reader): TopicPartition[] {
  const topics = r.readArray((each) => {
    each.readUUID();
    const topic = each.readString();
    const numbers = each.readArray((one) => one.readInt32(), true, false);
    return numbers.map((partition) => ({ topic, partition }));
  });
  r.readTaggedFields();
  return topics.flat();
}
