import { isAnomalyError } from '../../errors.ts';
import type { GroupInfo, GroupLook } from '../client.ts';
import { inTurns, pieces } from '../inTurns.ts';
import { KafkaCode, kafkaError, protocolFailure } from '../kafkaErrors.ts';
import type { TopicPartitionOffset } from '../topicPartition.ts';
import type { BrokerSocket } from './brokerSocket.ts';
import type { Cluster } from './cluster.ts';
import { consumerProtocolGroups } from './consumerProtocolGroups.ts';
import { type DescribedGroup, describedGroup } from './describedGroup.ts';

/** Groups of one request: an answer stays well below a megabyte, and brokers are not kept busy for long. */
const GROUPS_A_REQUEST = 250;
/** Requests under way at one broker, which answers a connection in order. */
const IN_FLIGHT = 2;
/** How often coordinators are searched for, where they were on the move. */
const ROUNDS = 3;
const PAUSE_MS = 50;

interface Found {
  info?: GroupInfo;
  offsets?: readonly TopicPartitionOffset[];
  problem?: string;
  /** The coordinator is on the move: to be asked again. */
  isPassing?: boolean;
}

/** Members and offsets of many groups: coordinators in one request, then a few requests to each. */
export async function lookAtGroups(cluster: Cluster, groupIds: readonly string[]): Promise<GroupLook[]> {
  const found = new Map<string, Found>();
  let open = [...new Set(groupIds)];
  for (let round = 0; round < ROUNDS && open.length > 0; round++) {
    if (round > 0) await cluster.pause(PAUSE_MS);
    for (const groupId of open) found.set(groupId, {});
    const byBroker = await coordinators(cluster, open, found);
    await Promise.all([...byBroker].map(([nodeId, ids]) => askBroker(cluster, nodeId, ids, found)));
    open = open.filter((groupId) => found.get(groupId)!.isPassing === true);
  }
  return groupIds.map((groupId) => {
    const { info, offsets, problem } = found.get(groupId)!;
    return {
      info: info ?? { groupId, state: 'Unknown', protocol: '', members: [] },
      offsets: offsets ?? [],
      problem: problem ?? (info === undefined || offsets === undefined ? 'the broker gave no answer for it' : null),
    };
  });
}

async function coordinators(
  cluster: Cluster,
  groupIds: readonly string[],
  found: ReadonlyMap<string, Found>,
): Promise<Map<number, string[]>> {
  const byBroker = new Map<number, string[]>();
  await cluster.metadata([]);
  for (const ids of pieces(groupIds, 4 * GROUPS_A_REQUEST)) {
    const answer = await cluster.retry('find the coordinators of groups', async () =>
      cluster.call(await cluster.control(), cluster.apis.findCoordinator, 0, ids),
    );
    for (const { key, nodeId, errorCode } of answer.coordinators) {
      if (errorCode !== 0) fail(found.get(key), errorCode, `find the coordinator of group ${key}`);
      else if (byBroker.has(nodeId)) byBroker.get(nodeId)!.push(key);
      else byBroker.set(nodeId, [key]);
    }
  }
  return byBroker;
}

async function askBroker(
  cluster: Cluster,
  nodeId: number,
  groupIds: readonly string[],
  found: ReadonlyMap<string, Found>,
): Promise<void> {
  await inTurns(pieces(groupIds, GROUPS_A_REQUEST), IN_FLIGHT, async (ids) => {
    try {
      const socket = await cluster.connection(nodeId, 'control');
      await Promise.all([describe(cluster, socket, ids, found), offsetsOf(cluster, socket, ids, found)]);
    } catch (error) {
      // One broker that is away must not hide what the others say.
      const problem = isAnomalyError(error) ? error.message : `broker ${nodeId}: ${(error as Error).message}`;
      for (const id of ids) Object.assign(found.get(id)!, { problem });
    }
  });
}

async function describe(
  cluster: Cluster,
  socket: BrokerSocket,
  groupIds: readonly string[],
  found: ReadonlyMap<string, Found>,
): Promise<void> {
  const answer = await cluster.call(socket, cluster.apis.describeGroups, [...groupIds], false);
  for (const group of answer.groups as unknown as DescribedGroup[]) {
    const place = found.get(group.groupId);
    if (place === undefined) continue;
    if (group.errorCode !== 0 && group.errorCode !== KafkaCode.groupIdNotFound)
      fail(place, group.errorCode, `describe group ${group.groupId}`);
    else place.info = describedGroup(group);
  }
  const dead = groupIds.filter((id) => found.get(id)?.info?.state === 'Dead');
  for (const [id, info] of await consumerProtocolGroups(cluster, socket, dead)) found.get(id)!.info = info;
}

async function offsetsOf(
  cluster: Cluster,
  socket: BrokerSocket,
  groupIds: readonly string[],
  found: ReadonlyMap<string, Found>,
): Promise<void> {
  const asked = groupIds.map((groupId) => ({ groupId, topics: null })) as unknown as Parameters<
    typeof cluster.library.offsetFetchV8.createRequest
  >[0];
  const answer = await cluster.call(socket, cluster.apis.offsetFetch, asked, false);
  for (const { groupId, errorCode, topics } of answer.groups) {
    const place = found.get(groupId);
    if (place === undefined) continue;
    if (errorCode !== 0) {
      fail(place, errorCode, `read the offsets of group ${groupId}`);
      continue;
    }
    const offsets: TopicPartitionOffset[] = [];
    for (const { name, partitions } of topics) {
      for (const { partitionIndex, committedOffset, errorCode: code } of partitions) {
        if (code !== 0) fail(place, code, `read the offset of group ${groupId} for ${name}/${partitionIndex}`);
        // -1 stands for none, as when only an open transaction has one.
        else if (committedOffset >= 0n)
          offsets.push({ topic: name, partition: partitionIndex, offset: Number(committedOffset) });
      }
    }
    place.offsets = offsets;
  }
}

function fail(place: Found | undefined, errorCode: number, action: string): void {
  if (place === undefined) return;
  place.problem = protocolFailure(errorCode, action).message;
  place.isPassing = kafkaError(errorCode).retry !== 'no';
}
