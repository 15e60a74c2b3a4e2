import { type Clock, systemClock } from './clock.ts';
import { PartitionLog } from './log/partitionLog.ts';
import { MemorySegments, type SegmentStore } from './log/segmentStore.ts';
import { ProducerIds } from './producerIds.ts';
import { TopicConfigs } from './topicConfigs.ts';

/** As long as a file name may be, less what a directory of a partition adds. */
const MAX_NAME_LENGTH = 249;

export interface Topic {
  readonly name: string;
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly partitions: PartitionLog[];
  readonly configs: TopicConfigs;
}

/** Where topics live. Each is told before the change takes effect. */
export interface TopicHome {
  segments(topic: Topic, partition: number): SegmentStore;
  /** It is new, has other configurations or more partitions. @throws StorageError */
  changed(topic: Topic, partitionCount: number): void;
  /** @throws StorageError */
  deleting(topic: Topic): void;
  /** Its logs are closed and gone. */
  deleted(topic: Topic): void;
}

/** In memory: nothing outlives the process. */
export const NO_HOME: TopicHome = { segments: () => new MemorySegments(), changed() {}, deleting() {}, deleted() {} };

export interface TopicStoreOptions {
  /** Gives 32 hexadecimal digits. */
  readonly newId: () => string;
  readonly clock?: Clock;
  readonly home?: TopicHome;
  readonly producerIds?: ProducerIds;
}

/** Whether Kafka takes a name for a topic. */
export function isValidTopicName(name: string): boolean {
  return /^[a-zA-Z0-9._-]+$/.test(name) && name.length <= MAX_NAME_LENGTH && name !== '.' && name !== '..';
}

/** The topics of the broker, by name and by id. */
export class TopicStore {
  /** Partitions of all topics. */
  partitionCount = 0;
  private readonly byName = new Map<string, Topic>();
  private readonly byId = new Map<string, Topic>();
  private readonly newId: () => string;
  private readonly clock: Clock;
  private readonly home: TopicHome;
  private readonly producerIds: ProducerIds;

  constructor({ newId, clock = systemClock, home = NO_HOME, producerIds = new ProducerIds() }: TopicStoreOptions) {
    this.newId = newId;
    this.clock = clock;
    this.home = home;
    this.producerIds = producerIds;
  }

  all(): IterableIterator<Topic> {
    return this.byName.values();
  }

  get(name: string): Topic | undefined {
    return this.byName.get(name);
  }

  getById(id: string): Topic | undefined {
    return this.byId.get(id);
  }

  partition(name: string, partition: number): PartitionLog | undefined {
    return this.byName.get(name)?.partitions[partition];
  }

  /** The caller has checked that the name is valid and free. @throws StorageError */
  create(name: string, partitionCount: number, configs: Iterable<readonly [string, string | null]> = []): Topic {
    let id = this.newId();
    while (this.byId.has(id)) id = this.newId();
    const topic: Topic = { name, id, partitions: [], configs: new TopicConfigs(configs) };
    this.home.changed(topic, partitionCount);
    this.restore(topic, partitionCount);
    return topic;
  }

  /** Takes in a topic of an earlier life. */
  restore(topic: Topic, partitionCount: number): void {
    this.addPartitions(topic, partitionCount);
    this.byName.set(topic.name, topic);
    this.byId.set(topic.id, topic);
  }

  /** @throws StorageError */
  grow(topic: Topic, partitionCount: number): void {
    this.home.changed(topic, partitionCount);
    this.addPartitions(topic, partitionCount);
  }

  /** Changes configurations by `change`. @throws StorageError, and then they are as they were */
  configure(topic: Topic, change: (configs: TopicConfigs) => void): void {
    const before = [...topic.configs.set];
    change(topic.configs);
    try {
      this.home.changed(topic, topic.partitions.length);
    } catch (error) {
      topic.configs.replace(before);
      throw error;
    }
  }

  /** @throws StorageError */
  delete(topic: Topic): void {
    this.home.deleting(topic);
    this.producerIds.topicDeleted(topic.name);
    this.byName.delete(topic.name);
    this.byId.delete(topic.id);
    this.partitionCount -= topic.partitions.length;
    // A fetch that waits at one of them looks again, and finds that the topic is gone.
    for (const partition of topic.partitions) partition.remove();
    this.home.deleted(topic);
  }

  close(): void {
    for (const { partitions } of this.byName.values()) for (const partition of partitions) partition.close();
  }

  private addPartitions(topic: Topic, partitionCount: number): void {
    const { clock } = this;
    const { name, configs } = topic;
    const isKnownProducer = this.producerIds.knownIn(name);
    for (let partition = topic.partitions.length; partition < partitionCount; partition++) {
      const store = this.home.segments(topic, partition);
      topic.partitions.push(new PartitionLog(name, partition, { clock, configs, store, isKnownProducer }));
      this.partitionCount++;
    }
  }
}
