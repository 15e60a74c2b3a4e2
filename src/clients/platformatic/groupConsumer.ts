import { AnomalyError } from '../../errors.ts';
import type { ConsumerOptions, RebalanceListener, TopicPartition, TopicPartitionOffset } from '../client.ts';
import { protocolFailure } from '../kafkaErrors.ts';
import type { Cluster } from './cluster.ts';
import { commitOffsets, fetchOffsets } from './offsets.ts';

interface GroupHost {
  assign(offsets: readonly TopicPartitionOffset[]): Promise<void>;
  signal(): void;
}

export class GroupConsumer {
  readonly #cluster: Cluster;
  readonly #options: ConsumerOptions;
  hasWork = false;

  constructor(cluster: Cluster, options: ConsumerOptions, _host: GroupHost) {
    this.#cluster = cluster;
    this.#options = options;
  }

  async subscribe(
    _topics: readonly string[],
    _start: 'earliest' | 'latest',
    _listener: RebalanceListener,
  ): Promise<void> {
    throw new AnomalyError('ANM_UNSUPPORTED', 'cannot join a group yet');
  }

  async work(): Promise<void> {}

  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const groupId = this.#groupId();
    if (offsets.length === 0) return;
    await this.#cluster.retry(`commit offsets of group ${groupId}`, async () => {
      const socket = await this.#cluster.connection(await this.#cluster.coordinator(groupId), 'control');
      const code = await commitOffsets(
        this.#cluster,
        socket,
        groupId,
        { generation: -1, memberId: '', instanceId: null },
        offsets,
      );
      if (code !== 0) throw protocolFailure(code, `commit offsets of group ${groupId}`);
    });
  }

  async committed(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    const groupId = this.#groupId();
    return this.#cluster.retry(`read the offsets of group ${groupId}`, async () => {
      const socket = await this.#cluster.connection(await this.#cluster.coordinator(groupId), 'control');
      return fetchOffsets(this.#cluster, socket, groupId, partitions);
    });
  }

  async close(): Promise<void> {}

  #groupId(): string {
    const groupId = this.#options.groupId;
    if (groupId === undefined) throw new AnomalyError('ANM_INTERNAL', 'cannot commit as the consumer has no group');
    return groupId;
  }
}
