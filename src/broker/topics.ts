import { PartitionLog } from './log/partitionLog.ts';
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

/** Whether Kafka takes a name for a topic. */
export function isValidTopicName(name: string): boolean {
  return /^[a-zA-Z0-9._-]+$/.test(name) && name.length <= MAX_NAME_LENGTH && name !== '.' && name !== '..';
}

/** The topics of the broker, by name and by id. */
export class TopicStore {
  private readonly byName = new Map<string, Topic>();
  private readonly byId = new Map<string, Topic>();
  private readonly newId: () => string;

  /** `newId` gives 32 hexadecimal digits, never the same twice. */
  constructor(newId: () => string) {
    this.newId = newId;
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

  /** The caller has checked that the name is valid and free. */
  create(name: string, partitionCount: number, configs: Iterable<readonly [string, string | null]> = []): Topic {
    const topic: Topic = { name, id: this.newId(), partitions: [], configs: new TopicConfigs(configs) };
    this.grow(topic, partitionCount);
    this.byName.set(name, topic);
    this.byId.set(topic.id, topic);
    return topic;
  }

  grow(topic: Topic, partitionCount: number): void {
    for (let partition = topic.partitions.length; partition < partitionCount; partition++) {
      topic.partitions.push(new PartitionLog(topic.name, partition));
    }
  }

  delete(topic: Topic): void {
    this.byName.delete(topic.name);
    this.byId.delete(topic.id);
    // A fetch that waits here looks again, and finds that the topic is gone.
    for (const partition of topic.partitions) partition.notify(Number.POSITIVE_INFINITY);
  }
}
