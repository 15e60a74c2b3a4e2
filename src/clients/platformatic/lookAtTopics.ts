import { isAnomalyError } from '../../errors.ts';
import type { TopicLook } from '../client.ts';
import { inTurns, pieces } from '../inTurns.ts';
import { KafkaCode, kafkaError, protocolFailure } from '../kafkaErrors.ts';
import type { TopicPartition } from '../topicPartition.ts';
import type { BrokerSocket } from './brokerSocket.ts';
import type { Cluster } from './cluster.ts';
import { EARLIEST, LATEST } from './offsets.ts';
import { groupByTopic } from './partitions.ts';

const TOPICS_A_REQUEST = 2000;
const PARTITIONS_A_REQUEST = 2500;
/** Requests under way at one broker, which answers a connection in order. */
const IN_FLIGHT = 2;
/** How often leaders are searched for, where they were on the move. */
const ROUNDS = 3;
const PAUSE_MS = 50;
const READ_UNCOMMITTED = 0;

interface Log extends TopicPartition {
  start: number | null;
  end: number | null;
  problem: string | null;
  isPassing: boolean;
}

interface Topic {
  problem: string | null;
  logs: Log[];
}

/** Where the logs of many topics begin and end: leaders in a request or two, then a few requests to each. */
export async function lookAtTopics(cluster: Cluster, names: readonly string[]): Promise<TopicLook[]> {
  const found = new Map<string, Topic>();
  let open: readonly string[] = [...new Set(names)];
  for (let round = 0; round < ROUNDS && open.length > 0; round++) {
    if (round > 0) await cluster.pause(PAUSE_MS);
    const byLeader = new Map<number, Log[]>();
    for (const piece of pieces(open, TOPICS_A_REQUEST)) await leaders(cluster, piece, found, byLeader);
    await Promise.all([...byLeader].map(([nodeId, logs]) => askLeader(cluster, nodeId, logs)));
    open = open.filter((name) => found.get(name)!.logs.some((log) => log.isPassing));
  }
  return names.map((topic) => {
    const { problem, logs } = found.get(topic)!;
    return {
      topic,
      problem,
      partitions: logs.map(({ partition, start, end, problem: own }) => ({ partition, start, end, problem: own })),
    };
  });
}

async function leaders(
  cluster: Cluster,
  names: readonly string[],
  found: Map<string, Topic>,
  byLeader: Map<number, Log[]>,
): Promise<void> {
  const answer = await cluster.metadata(names);
  for (const name of names) found.set(name, { problem: 'the broker gave no answer for the topic', logs: [] });
  for (const { name, errorCode, partitions } of answer.topics) {
    const topic = found.get(name ?? '');
    if (topic === undefined) continue;
    if (errorCode === KafkaCode.unknownTopicOrPartition) topic.problem = 'the topic does not exist any more';
    else if (errorCode !== 0 && partitions.length === 0)
      topic.problem = protocolFailure(errorCode, `describe topic ${name}`).message;
    else topic.problem = null;
    for (const { partitionIndex, leaderId } of [...partitions].sort((a, b) => a.partitionIndex - b.partitionIndex)) {
      const hasLeader = leaderId >= 0;
      const problem = hasLeader ? null : 'the partition has no leader';
      const log = { topic: name!, partition: partitionIndex, start: null, end: null, problem, isPassing: !hasLeader };
      topic.logs.push(log);
      if (!hasLeader) continue;
      if (byLeader.has(leaderId)) byLeader.get(leaderId)!.push(log);
      else byLeader.set(leaderId, [log]);
    }
  }
}

async function askLeader(cluster: Cluster, nodeId: number, logs: readonly Log[]): Promise<void> {
  await inTurns(pieces(logs, PARTITIONS_A_REQUEST), IN_FLIGHT, async (piece) => {
    try {
      const socket = await cluster.connection(nodeId, 'control');
      // A partition may stand in one request once. The start first: it never passes the end that is asked for after it.
      await Promise.all([list(cluster, socket, piece, EARLIEST, 'start'), list(cluster, socket, piece, LATEST, 'end')]);
    } catch (error) {
      // One broker that is away must not hide what the others say.
      const problem = isAnomalyError(error) ? error.message : `broker ${nodeId}: ${(error as Error).message}`;
      for (const log of piece) log.problem = problem;
    }
  });
}

async function list(
  cluster: Cluster,
  socket: BrokerSocket,
  logs: readonly Log[],
  timestamp: bigint,
  field: 'start' | 'end',
): Promise<void> {
  const byTopic = groupByTopic(logs);
  const answer = await cluster.call(
    socket,
    cluster.apis.listOffsets,
    -1,
    READ_UNCOMMITTED,
    [...byTopic].map(([name, own]) => ({
      name,
      partitions: own.map(({ partition }) => ({ partitionIndex: partition, currentLeaderEpoch: -1, timestamp })),
    })),
  );
  for (const { name, partitions } of answer.topics) {
    const own = new Map(byTopic.get(name)?.map((log) => [log.partition, log]));
    for (const { partitionIndex, errorCode, offset } of partitions) {
      const log = own.get(partitionIndex);
      if (log === undefined) continue;
      if (errorCode === 0) {
        log[field] = Number(offset);
        continue;
      }
      log.problem = protocolFailure(errorCode, `list the offsets of ${name} partition ${partitionIndex}`).message;
      log.isPassing = kafkaError(errorCode).retry !== 'no';
    }
  }
}
