import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type {
  Admin,
  BrokerInfo,
  GroupInfo,
  GroupLook,
  NewTopic,
  OpenTransaction,
  TopicInfo,
  TopicLook,
} from '../client.ts';
import { KafkaCode, protocolFailure, topicMissing } from '../kafkaErrors.ts';
import type { TopicPartition, TopicPartitionOffset } from '../topicPartition.ts';
import type { Cluster } from './cluster.ts';
import { consumerProtocolGroups } from './consumerProtocolGroups.ts';
import { type DescribedGroup, describedGroup } from './describedGroup.ts';
import { lookAtGroups } from './lookAtGroups.ts';
import { lookAtTopics } from './lookAtTopics.ts';
import { EARLIEST, fetchOffsets, LATEST, listOffsets, requireTopics } from './offsets.ts';
import { openTransactions } from './openTransactions.ts';
import { byLeader, groupByTopic } from './partitions.ts';

const TOPIC_RESOURCE = 2;
const CREATE_TIMEOUT_MS = 10_000;
const DELETE_TIMEOUT_MS = 10_000;

/** The slow APIs of one cluster, by the library's codecs. */
export class PlatformaticAdmin implements Admin {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async cluster(): Promise<BrokerInfo> {
    const cluster = this.#cluster;
    await cluster.metadata([]);
    const names = cluster.library.protocolAPIsById as Record<number, string>;
    const apis = new Map<string, readonly [number, number]>();
    for (const [key, range] of await cluster.ranges()) apis.set(names[key] ?? `api ${key}`, range);
    const brokers = [...cluster.brokers].map(([nodeId, { host, port }]) => ({ nodeId, host, port }));
    return { clusterId: cluster.clusterId, controller: cluster.controller, brokers, apis };
  }

  async topics(names?: readonly string[]): Promise<TopicInfo[]> {
    if (names?.length === 0) return [];
    const answer = await this.#cluster.metadata(names ?? null);
    const result: TopicInfo[] = [];
    for (const topic of answer.topics) {
      if (topic.errorCode === KafkaCode.unknownTopicOrPartition) continue;
      // A topic so new that no leader is elected is there all the same.
      if (topic.errorCode !== 0 && topic.partitions.length === 0) {
        throw protocolFailure(topic.errorCode, `describe topic ${topic.name}`);
      }
      const partitions = topic.partitions
        .map((p) => ({ partition: p.partitionIndex, leader: p.leaderId, replicas: p.replicaNodes }))
        .sort((a, b) => a.partition - b.partition);
      result.push({ name: topic.name ?? '', internal: topic.isInternal, partitions });
    }
    return result;
  }

  async createTopics(topics: readonly NewTopic[]): Promise<Map<string, boolean>> {
    const cluster = this.#cluster;
    const created = new Map<string, boolean>();
    if (topics.length === 0) return created;
    await cluster.retry('create topics', async () => {
      const wanted = topics.filter((topic) => !created.has(topic.name));
      const socket = await this.#controller();
      const answer = await cluster.call(
        socket,
        cluster.apis.createTopics,
        wanted.map((topic) => ({
          name: topic.name,
          numPartitions: topic.partitions,
          replicationFactor: topic.replicationFactor ?? -1,
          assignments: [],
          configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
        })),
        CREATE_TIMEOUT_MS,
        false,
      );
      for (const topic of answer.topics) {
        if (topic.errorCode === 0) created.set(topic.name, true);
        else if (topic.errorCode === KafkaCode.topicAlreadyExists) created.set(topic.name, false);
      }
      const failed = answer.topics.find((topic) => !created.has(topic.name));
      if (failed === undefined) return;
      throw protocolFailure(failed.errorCode, `create topic ${failed.name}`, {
        brokerMessage: failed.errorMessage ?? null,
        details: { topic: failed.name },
      });
    });
    await this.#awaitLeaders(topics);
    return created;
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const cluster = this.#cluster;
    await cluster.retry('delete topics', async () => {
      const socket = await this.#controller();
      const answer = await cluster.call(
        socket,
        cluster.apis.deleteTopics,
        names.map((name) => ({ name })),
        CREATE_TIMEOUT_MS,
      );
      for (const topic of answer.responses) {
        if (topic.errorCode === 0) continue;
        if (topic.errorCode === KafkaCode.unknownTopicOrPartition) throw topicMissing(topic.name ?? '');
        throw protocolFailure(topic.errorCode, `delete topic ${topic.name}`, {
          brokerMessage: topic.errorMessage ?? null,
        });
      }
    });
  }

  async deleteRecords(before: readonly TopicPartitionOffset[]): Promise<void> {
    const cluster = this.#cluster;
    let open = before;
    await cluster.retry('delete records', async () => {
      await requireTopics(cluster, open);
      for (const [nodeId, wanted] of byLeader(cluster, open)) {
        if (nodeId < 0) {
          throw protocolFailure(5, `delete records of ${wanted[0]!.topic} partition ${wanted[0]!.partition}`);
        }
        const socket = await cluster.connection(nodeId, 'control');
        const answer = await cluster.call(
          socket,
          cluster.apis.deleteRecords,
          [...groupByTopic(wanted)].map(([name, list]) => ({
            name,
            partitions: list.map(({ partition, offset }) => ({ partitionIndex: partition, offset: BigInt(offset) })),
          })),
          DELETE_TIMEOUT_MS,
        );
        for (const topic of answer.topics) {
          for (const { partitionIndex, errorCode } of topic.partitions) {
            // Redpanda says so, too, of what is below the start of the log: that is gone already.
            if (errorCode !== 0 && errorCode !== KafkaCode.offsetOutOfRange)
              throw protocolFailure(errorCode, `delete records of ${topic.name} partition ${partitionIndex}`);
          }
        }
        open = open.filter((each) => !wanted.includes(each));
      }
    });
  }

  async topicConfigs(name: string): Promise<Map<string, string>> {
    const cluster = this.#cluster;
    return cluster.retry(`read the configuration of topic ${name}`, async () => {
      const socket = await cluster.control();
      const answer = await cluster.call(
        socket,
        cluster.apis.describeConfigs,
        [{ resourceType: TOPIC_RESOURCE, resourceName: name, configurationKeys: null as unknown as string[] }],
        false,
        false,
      );
      const found = answer.results[0];
      if (found === undefined)
        throw new AnomalyError('ANM_PROTOCOL', `cannot read the configuration of topic ${name}: no answer for it`);
      if (found.errorCode === KafkaCode.unknownTopicOrPartition) throw topicMissing(name);
      if (found.errorCode !== 0) throw protocolFailure(found.errorCode, `read the configuration of topic ${name}`);
      const configs = new Map<string, string>();
      for (const config of found.configs) if (config.value != null) configs.set(config.name, config.value);
      return configs;
    });
  }

  async listOffsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | number,
  ): Promise<TopicPartitionOffset[]> {
    const timestamp = at === 'earliest' ? EARLIEST : at === 'latest' ? LATEST : BigInt(Math.floor(at));
    return listOffsets(this.#cluster, partitions, timestamp, 'read_uncommitted');
  }

  async groups(): Promise<{ groupId: string; state: string }[]> {
    const cluster = this.#cluster;
    await cluster.metadata([]);
    const nodeIds = [...cluster.brokers.keys()];
    // One that is away hides its own groups until others coordinate them, and no more; the only one is waited for.
    const whenUnreachable = nodeIds.length > 1 ? 'report' : 'repeat';
    const answers = await Promise.allSettled(
      // Every broker lists the groups that it coordinates.
      nodeIds.map((nodeId) => cluster.retry('list groups', () => this.#groupsOf(nodeId), whenUnreachable)),
    );
    const failed = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []));
    const isAway = (error: Error) => isAnomalyError(error) && error.code === 'ANM_BROKER_UNREACHABLE';
    const worst = failed.find((error) => !isAway(error)) ?? (failed.length === answers.length ? failed[0] : undefined);
    if (worst !== undefined) throw worst;
    for (const { message } of failed) cluster.log('warn', `groups of one broker are left out: ${message}`);
    return answers
      .flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      .sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
  }

  async #groupsOf(nodeId: number): Promise<{ groupId: string; state: string }[]> {
    const cluster = this.#cluster;
    const socket = await cluster.connection(nodeId, 'control');
    const answer = await cluster.call(socket, cluster.apis.listGroups, [], []);
    if (answer.errorCode !== 0) throw protocolFailure(answer.errorCode, 'list groups');
    return answer.groups.map((group) => ({
      groupId: group.groupId ?? '',
      state: (group as { groupState?: string }).groupState ?? '',
    }));
  }

  async openTransactions(): Promise<OpenTransaction[]> {
    return await openTransactions(this.#cluster);
  }

  async describeGroup(groupId: string): Promise<GroupInfo> {
    const cluster = this.#cluster;
    return cluster.retry(`describe group ${groupId}`, async () => {
      const socket = await cluster.connection(await cluster.coordinator(groupId), 'control');
      const answer = await cluster.call(socket, cluster.apis.describeGroups, [groupId], false);
      const group = answer.groups[0];
      if (group === undefined)
        throw new AnomalyError('ANM_PROTOCOL', `cannot describe group ${groupId}: no answer for it`);
      if (group.errorCode !== 0 && group.errorCode !== KafkaCode.groupIdNotFound)
        throw protocolFailure(group.errorCode, `describe group ${groupId}`);
      const info = describedGroup(group as DescribedGroup);
      if (info.state !== 'Dead') return info;
      return (await consumerProtocolGroups(cluster, socket, [groupId])).get(groupId) ?? info;
    });
  }

  async groupOffsets(groupId: string, partitions?: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    const cluster = this.#cluster;
    return cluster.retry(`read the offsets of group ${groupId}`, async () => {
      const socket = await cluster.connection(await cluster.coordinator(groupId), 'control');
      return fetchOffsets(cluster, socket, groupId, partitions);
    });
  }

  async lookAtGroups(groupIds: readonly string[]): Promise<GroupLook[]> {
    return lookAtGroups(this.#cluster, groupIds);
  }

  async lookAtTopics(names: readonly string[]): Promise<TopicLook[]> {
    return lookAtTopics(this.#cluster, names);
  }

  async #controller() {
    const cluster = this.#cluster;
    await cluster.metadata([]);
    return cluster.brokers.has(cluster.controller)
      ? cluster.connection(cluster.controller, 'control')
      : cluster.control();
  }

  /** A topic is created before its leaders are elected; who produces at once would meet an error. */
  async #awaitLeaders(topics: readonly NewTopic[]): Promise<void> {
    const names = topics.map((topic) => topic.name);
    await this.#cluster.retry('wait for the leaders of new topics', async () => {
      await this.#cluster.metadata(names);
      for (const topic of topics) {
        for (let partition = 0; partition < topic.partitions; partition++) {
          if (partition < this.#cluster.partitionCount(topic.name) && this.#cluster.leader(topic.name, partition) >= 0)
            continue;
          if (this.#cluster.partitionCount(topic.name) > 0 && partition >= this.#cluster.partitionCount(topic.name))
            continue;
          throw protocolFailure(5, `use topic ${topic.name} partition ${partition}`);
        }
      }
    });
  }
}
