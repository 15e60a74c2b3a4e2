import { AnomalyError } from '../../errors.ts';
import type {
  Admin,
  BrokerInfo,
  ClientOptions,
  GroupInfo,
  GroupLook,
  NewTopic,
  TopicInfo,
  TopicLook,
} from '../client.ts';
import { KafkaCode, kafkaError, protocolFailure, topicMissing } from '../kafkaErrors.ts';
import type { TopicPartition, TopicPartitionOffset } from '../topicPartition.ts';
import {
  type Callback,
  call,
  type NativeAdmin,
  type NativeError,
  type NativeGroup,
  type NativeGroupList,
  type NativeGroupOffsets,
  type NativeMetadata,
  type NativePartition,
} from './binding.ts';
import { type ErrorLog, missingOr } from './errors.ts';
import { lookAtGroups, lookAtTopics } from './lookAtMany.ts';

/** Group states by librdkafka's numbers, in the words of the protocol. */
const GROUP_STATES = ['Unknown', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead', 'Empty'];
const LEADER_PAUSE_MS = 20;

/** The slow APIs by librdkafka's admin client. */
export class LibrdkafkaAdmin implements Admin {
  readonly #native: NativeAdmin;
  readonly #errors: ErrorLog;
  readonly #options: ClientOptions;
  readonly #timeoutMs: number;

  constructor(native: NativeAdmin, errors: ErrorLog, options: ClientOptions) {
    this.#native = native;
    this.#errors = errors;
    this.#options = options;
    this.#timeoutMs = options.requestTimeoutMs ?? 10_000;
  }

  /** librdkafka tells neither cluster id nor API versions: those are empty. */
  async cluster(): Promise<BrokerInfo> {
    const metadata = await this.#metadata();
    const brokers = metadata.brokers.map(({ id, host, port }) => ({ nodeId: id, host, port }));
    return { clusterId: '', controller: -1, brokers, apis: new Map() };
  }

  async topics(names?: readonly string[]): Promise<TopicInfo[]> {
    if (names?.length === 0) return [];
    const metadata = await this.#metadata();
    return metadata.topics
      .filter((topic) => names === undefined || names.includes(topic.name))
      .map((topic) => ({
        name: topic.name,
        internal: topic.name.startsWith('__'),
        partitions: topic.partitions
          .map(({ id, leader, replicas }) => ({ partition: id, leader, replicas }))
          .sort((a, b) => a.partition - b.partition),
      }));
  }

  async createTopics(topics: readonly NewTopic[]): Promise<Map<string, boolean>> {
    const created = new Map<string, boolean>();
    for (const { name, partitions, replicationFactor, configs } of topics) {
      const topic = {
        topic: name,
        num_partitions: partitions,
        replication_factor: replicationFactor ?? -1,
        config: { ...configs },
      };
      try {
        await call((done) => this.#native.createTopic(topic, this.#timeoutMs, done));
        created.set(name, true);
      } catch (error) {
        const { code } = error as NativeError;
        if (code !== KafkaCode.topicAlreadyExists) throw this.#failure(error, `create topic ${name}`);
        created.set(name, false);
      }
    }
    await this.#awaitLeaders(topics);
    return created;
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    for (const name of names) {
      try {
        await call((done) => this.#native.deleteTopic(name, this.#timeoutMs, done));
      } catch (error) {
        throw missingOr(error as NativeError, name, `delete topic ${name}`, this.#timeoutMs);
      }
    }
  }

  async deleteRecords(before: readonly TopicPartitionOffset[]): Promise<void> {
    if (before.length === 0) return;
    await this.requirePartitions(before);
    const options = { timeout: this.#timeoutMs, operationTimeout: this.#timeoutMs };
    const wanted = before.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
    const results = await this.#call<readonly NativePartition[]>('delete records', (done) =>
      this.#native.deleteRecords(wanted, options, done),
    );
    for (const { topic, partition, error } of results) {
      if (error !== undefined && error.code !== KafkaCode.offsetOutOfRange)
        throw missingOr(error, topic, `delete records of ${topic} partition ${partition}`, this.#timeoutMs);
    }
  }

  /** Always ANM_UNSUPPORTED: the binding has no DescribeConfigs. */
  async topicConfigs(name: string): Promise<Map<string, string>> {
    throw new AnomalyError(
      'ANM_UNSUPPORTED',
      `cannot read the configuration of topic ${name} as the client librdkafka has no call for it`,
      { hint: 'use --client platformatic, or rpk topic describe' },
    );
  }

  /** Always ANM_UNSUPPORTED: the binding has no ListTransactions. */
  async openTransactions(): Promise<never> {
    throw new AnomalyError('ANM_UNSUPPORTED', 'cannot list transactions as the client librdkafka has no call for it', {
      hint: 'use --client platformatic, or rpk cluster txn list',
    });
  }

  async listOffsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | number,
  ): Promise<TopicPartitionOffset[]> {
    if (partitions.length === 0) return [];
    await this.requirePartitions(partitions);
    const timestamp = at === 'earliest' ? -2 : at === 'latest' ? -1 : Math.floor(at);
    const wanted = partitions.map(({ topic, partition }) => ({ topic, partition, offset: { timestamp } }));
    const found = await this.#call<readonly NativePartition[]>('list offsets', (done) =>
      this.#native.listOffsets(wanted, { timeout: this.#timeoutMs, isolationLevel: 0 }, done),
    );
    return partitions.map(({ topic, partition }) => {
      const result = found.find((each) => each.topic === topic && each.partition === partition);
      if (result?.error !== undefined) {
        throw missingOr(result.error, topic, `list the offsets of ${topic} partition ${partition}`, this.#timeoutMs);
      }
      return { topic, partition, offset: result?.offset ?? -1 };
    });
  }

  async groups(): Promise<{ groupId: string; state: string }[]> {
    const { groups, errors } = await this.#call<NativeGroupList>('list groups', (done) =>
      this.#native.listGroups({ timeout: this.#timeoutMs }, done),
    );
    if (errors.length > 0 && groups.length === 0) throw this.#failure(errors[0], 'list groups');
    return groups
      .map(({ groupId, state }) => ({ groupId, state: GROUP_STATES[state] ?? 'Unknown' }))
      .sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
  }

  async describeGroup(groupId: string): Promise<GroupInfo> {
    const action = `describe group ${groupId}`;
    const { groups } = await this.#call<{ groups: readonly NativeGroup[] }>(action, (done) =>
      this.#native.describeGroups([groupId], { timeout: this.#timeoutMs }, done),
    );
    const group = groups[0];
    if (group === undefined) throw new AnomalyError('ANM_PROTOCOL', `cannot ${action}: no answer for it`);
    if (group.error?.code === KafkaCode.groupIdNotFound) return { groupId, state: 'Dead', protocol: '', members: [] };
    if (group.error !== undefined) throw this.#failure(group.error, action);
    const members = group.members.map(({ memberId, clientId, clientHost, assignment }) => ({
      memberId,
      clientId,
      host: clientHost,
      partitions: assignment.topicPartitions.map(({ topic, partition }) => ({ topic, partition })),
    }));
    return { groupId, state: GROUP_STATES[group.state] ?? 'Unknown', protocol: group.partitionAssignor, members };
  }

  async groupOffsets(
    groupId: string,
    partitions?: readonly TopicPartition[],
    requireStableOffsets = false,
  ): Promise<TopicPartitionOffset[]> {
    const action = `read the offsets of group ${groupId}`;
    if (partitions?.length === 0) return [];
    const wanted = partitions?.map(({ topic, partition }) => ({ topic, partition })) ?? null;
    const [group] = await this.#call<readonly NativeGroupOffsets[]>(action, (done) =>
      this.#native.listConsumerGroupOffsets(
        [{ groupId, partitions: wanted }],
        { timeout: this.#timeoutMs, requireStableOffsets },
        done,
      ),
    );
    if (group?.error !== undefined) throw this.#failure(group.error, action);
    const found = group?.partitions ?? [];
    for (const { error } of found) if (error !== undefined) throw this.#failure(error, action);
    if (partitions === undefined) {
      return found.map(({ topic, partition, offset }) => ({ topic, partition, offset: plainOffset(offset) }));
    }
    return partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      offset: plainOffset(found.find((each) => each.topic === topic && each.partition === partition)?.offset),
    }));
  }

  async lookAtGroups(groupIds: readonly string[]): Promise<GroupLook[]> {
    return lookAtGroups(this, groupIds);
  }

  async lookAtTopics(names: readonly string[]): Promise<TopicLook[]> {
    return lookAtTopics(this, names);
  }

  /** ANM_TOPIC_MISSING, naming the first topic or partition that is not there. */
  async requirePartitions(partitions: readonly TopicPartition[]): Promise<void> {
    const topics = await this.topics([...new Set(partitions.map((each) => each.topic))]);
    const counts = new Map(topics.map((topic) => [topic.name, topic.partitions.length]));
    for (const { topic, partition } of partitions) {
      const count = counts.get(topic);
      if (count === undefined) throw topicMissing(topic);
      if (partition < count) continue;
      throw protocolFailure(KafkaCode.unknownTopicOrPartition, `use partition ${partition} of topic ${topic}`, {
        hint: `topic ${topic} has ${count} partitions, counted from 0`,
      });
    }
  }

  async #metadata(): Promise<NativeMetadata> {
    return this.#call<NativeMetadata>('read the metadata of the cluster', (done) =>
      // All topics: asking for one by name would let a broker create it.
      this.#native.getMetadata({ timeout: this.#timeoutMs, allTopics: true }, done),
    );
  }

  /** A topic is created before its leaders are elected; who produces at once would meet an error. */
  async #awaitLeaders(topics: readonly NewTopic[]): Promise<void> {
    const deadline = performance.now() + this.#timeoutMs;
    for (;;) {
      const found = await this.topics(topics.map((topic) => topic.name));
      const isReady = (name: string) =>
        found.some((topic) => topic.name === name && topic.partitions.every((partition) => partition.leader >= 0));
      const waiting = topics.find((topic) => !isReady(topic.name));
      if (waiting === undefined) return;
      if (performance.now() > deadline) throw protocolFailure(5, `use topic ${waiting.name}`);
      await new Promise((resolve) => setTimeout(resolve, LEADER_PAUSE_MS));
    }
  }

  async #call<T>(action: string, start: (done: Callback<T>) => void): Promise<T> {
    // librdkafka does not repeat what a coordinator on the move refuses: so it is repeated here.
    const deadline = performance.now() + (this.#options.retryTimeoutMs ?? 30_000);
    for (;;) {
      try {
        return await call(start);
      } catch (error) {
        const { code } = error as NativeError;
        const isPassing = typeof code === 'number' && code > 0 && kafkaError(code).retry !== 'no' && code !== 3;
        if (!isPassing || performance.now() > deadline) throw this.#failure(error, action);
        await new Promise((resolve) => setTimeout(resolve, LEADER_PAUSE_MS));
      }
    }
  }

  #failure(error: unknown, action: string): AnomalyError {
    return this.#errors.callFailure(error as NativeError, action, 'request_timeout', this.#timeoutMs, this.#options);
  }
}

/** librdkafka says -1001 where there is no offset. */
function plainOffset(offset: number | null | undefined): number {
  return typeof offset === 'number' && offset >= 0 ? offset : -1;
}
