import type { DecodedResponse } from '../../../src/broker/protocol/apis.ts';
import { batchOf, type RawClient } from './rawClient.ts';

export interface RawProducerOptions {
  readonly timeoutMs?: number;
  readonly timestampMs?: number;
}

/** A transactional producer that does exactly what it is told, one request at a time, and hands on every error code. */
export class RawProducer {
  readonly transactionalId: string;
  producerId = -1;
  producerEpoch = -1;
  private readonly client: RawClient;
  private readonly options: RawProducerOptions;
  private readonly sequences = new Map<string, number>();

  constructor(client: RawClient, transactionalId: string, options: RawProducerOptions = {}) {
    this.client = client;
    this.transactionalId = transactionalId;
    this.options = options;
  }

  private get identity() {
    const { transactionalId, producerId, producerEpoch } = this;
    return { transactionalId, producerId, producerEpoch };
  }

  /** InitProducerId, once; takes the identity over when it succeeds. */
  async init(version = 3, expected = { producerId: -1, producerEpoch: -1 }): Promise<number> {
    const answer = await this.client.send('InitProducerId', version, {
      transactionalId: this.transactionalId,
      transactionTimeoutMs: this.options.timeoutMs ?? 60_000,
      ...expected,
    });
    if (answer.errorCode === 0) {
      this.producerId = answer.producerId;
      this.producerEpoch = answer.producerEpoch;
      this.sequences.clear();
    }
    return answer.errorCode;
  }

  /** As clients do: again while the broker ends what the former self left. */
  async ready(): Promise<this> {
    for (let errorCode = await this.init(); errorCode !== 0; errorCode = await this.init()) {
      if (errorCode !== 51) throw new Error(`InitProducerId of ${this.transactionalId}: error ${errorCode}`);
    }
    return this;
  }

  /** Code of the first partition. */
  async add(topic: string, partitions: readonly number[] = [0], version = 3): Promise<number> {
    const { results } = await this.client.send('AddPartitionsToTxn', version, {
      ...this.identity,
      topics: [{ name: topic, partitions }],
    });
    return results[0]!.partitions[0]!.errorCode;
  }

  /** One batch; the sequence moves on when it is taken. */
  async send(topic: string, values: readonly string[], partition = 0, transactional = true) {
    const key = `${topic}/${partition}`;
    const baseSequence = this.sequences.get(key) ?? 0;
    const { producerId, producerEpoch } = this;
    const batch = batchOf(values, this.options.timestampMs ?? 1_700_000_000_000, {
      producerId,
      producerEpoch,
      baseSequence,
      transactional,
    });
    const answer = await this.client.produce(topic, partition, batch, -1, 7, this.transactionalId);
    if (answer.errorCode === 0) this.sequences.set(key, baseSequence + values.length);
    return answer;
  }

  async end(committed: boolean, version = 3): Promise<number> {
    return (await this.client.send('EndTxn', version, { ...this.identity, committed })).errorCode;
  }

  async addOffsets(groupId: string, version = 1): Promise<number> {
    return (await this.client.send('AddOffsetsToTxn', version, { ...this.identity, groupId })).errorCode;
  }

  /** Code of the one partition, 0 of the topic. */
  async commitOffset(groupId: string, topic: string, offset: number, options: OffsetOptions = {}): Promise<number> {
    const { version = 3, ...member } = options;
    const { topics }: DecodedResponse<'TxnOffsetCommit'> = await this.client.send('TxnOffsetCommit', version, {
      ...this.identity,
      groupId,
      ...member,
      topics: [
        { name: topic, partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: 'with it' }] },
      ],
    });
    return topics[0]!.partitions[0]!.errorCode;
  }
}

export interface OffsetOptions {
  readonly version?: number;
  readonly generationId?: number;
  readonly memberId?: string;
  readonly groupInstanceId?: string | null;
}
