import type { Admin, Consumer, KafkaClient } from '../../clients/client.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { AnomalyError } from '../../errors.ts';
import type { Committer } from '../commit/committer.ts';
import { type JournalPart, readJournal } from '../journal/journalReader.ts';
import type { JournalRecord } from '../journal/journalRecord.ts';
import type { ModelDispatch } from '../model/modelDispatch.ts';
import type { PartitionAtWork } from '../partitionAtWork.ts';
import { type RecoveryRule, recover } from './recover.ts';
import type { Recovered } from './recovered.ts';
import type { SourceLog } from './sourceGap.ts';

export interface RestorerOptions {
  readonly client: Pick<KafkaClient, 'createConsumer'> & { readonly admin: Pick<Admin, 'listOffsets'> };
  /** Of the group. */
  readonly consumer: Pick<Consumer, 'committed'>;
  readonly rule: RecoveryRule;
  readonly journalTopic: string;
  readonly committer: Pick<Committer, 'claim'>;
  /** Of the group now; -1 where it is not known. */
  readonly generation: () => number;
  readonly member: string;
  /** Absent where no model is asked. */
  readonly model: Pick<ModelDispatch, 'recover'> | undefined;
  readonly transactionTimeoutMs: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly ticks: () => number;
}

/** Partitions that are restored at a time: each reads a journal and a snapshot. */
const AT_ONCE = 4;
const FIRST_TIME_MS = 5000;

/** A partition whose state is back: the loop moves the consumer and lets its batches count. */
export interface Restored {
  readonly partition: PartitionAtWork;
  readonly recovered: Recovered;
}

/** Brings the states of assigned partitions back, beside the partitions that are at work. */
export class Restorer {
  readonly #options: RestorerOptions;
  readonly #waiting: { partition: PartitionAtWork; log: { start: number; end: number } }[] = [];
  #running = 0;
  #done: Restored[] = [];
  #failure: unknown;

  constructor(options: RestorerOptions) {
    this.#options = options;
  }

  /** First and next offset of the partitions' logs. */
  async logs(places: readonly TopicPartition[]): Promise<{ start: number; end: number }[]> {
    const { admin } = this.#options.client;
    const [starts, ends] = await Promise.all([
      admin.listOffsets(places, 'earliest'),
      admin.listOffsets(places, 'latest'),
    ]);
    const of = (list: readonly TopicPartitionOffset[], { topic, partition }: TopicPartition) =>
      list.find((each) => each.topic === topic && each.partition === partition)?.offset ?? 0;
    return places.map((place) => ({ start: of(starts, place), end: of(ends, place) }));
  }

  add(partition: PartitionAtWork, log: { start: number; end: number }): void {
    this.#waiting.push({ partition, log });
    this.#pump();
  }

  /** Those that came back since the last call. @throws why one cannot come back */
  take(): Restored[] {
    if (this.#failure !== undefined) throw this.#failure;
    const done = this.#done;
    this.#done = [];
    return done.filter(({ partition }) => !partition.isGone);
  }

  #pump(): void {
    while (this.#running < AT_ONCE && this.#waiting.length > 0) {
      const { partition, log } = this.#waiting.shift()!;
      if (partition.isGone) continue;
      this.#running++;
      this.#restore(partition, log)
        .then((recovered) => this.#done.push({ partition, recovered }))
        .catch((error: unknown) => {
          // Another member meets the same trouble, or has solved it.
          if (!partition.isGone) this.#failure ??= error;
        })
        .finally(() => {
          this.#running--;
          this.#pump();
        });
    }
  }

  async #restore(partition: PartitionAtWork, log: { start: number; end: number }): Promise<Recovered> {
    const { committer, consumer, generation, member, rule } = this.#options;
    const { topic, partition: number } = partition;
    // A transaction that a killed member left open is waited for here, and not where the other partitions would wait too.
    const [found] = await consumer.committed([{ topic, partition: number }]);
    // Whoever has it by now must not find it claimed by this member.
    requireHere(partition);
    const committed = found?.offset ?? -1;
    partition.committed = committed;
    const current = generation();
    const claim: JournalRecord = {
      type: 'owner',
      topic,
      partition: number,
      offset: Math.max(committed, 0),
      generation: current,
      member,
      definition: rule.definition,
      version: rule.version,
    };
    await committer.claim([claim]);
    const journal = await this.#journal(number);
    const source: SourceLog = { ...log, firstTimeMs: () => this.#firstTime(partition, log) };
    const recovered = await recover(partition, committed, current, journal, source, {
      ...rule,
      // Where it came back meanwhile, a task of its new life is at work on the same files.
      createTask: (place) => {
        requireHere(partition);
        return rule.createTask(place);
      },
    });
    await this.#options.model?.recover(recovered.model);
    return recovered;
  }

  #journal(partition: number): Promise<JournalPart> {
    const { client, journalTopic, rule, ticks, transactionTimeoutMs } = this.#options;
    return readJournal({ client, topic: journalTopic, logger: rule.logger, ticks, transactionTimeoutMs }, partition);
  }

  async #firstTime({ topic, partition }: TopicPartition, log: { start: number; end: number }) {
    if (log.start >= log.end) return undefined;
    const consumer: Consumer = await this.#options.client.createConsumer({});
    try {
      await consumer.assign([{ topic, partition, offset: log.start }]);
      const batch = await consumer.poll(FIRST_TIME_MS);
      return batch === null || batch.count === 0 ? undefined : batch.recordTimes[0]!;
    } finally {
      await consumer.close();
    }
  }
}

function requireHere({ name, isGone }: PartitionAtWork): void {
  if (isGone) throw new AnomalyError('ANM_GROUP_REBALANCED', `cannot go on with ${name} as it was given to another`);
}
