import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Broker } from '../../../src/broker/broker.ts';
import { FrameReader } from '../../../src/broker/frameReader.ts';
import {
  type ApiName,
  type DecodedResponse,
  type EncodableRequest,
  readResponse,
  requestFrame,
} from '../../../src/broker/protocol/apis.ts';
import { ZERO_UUID } from '../../../src/broker/protocol/schema.ts';
import { BatchWriter, type FinishOptions } from '../../../src/wire/batchWriter.ts';

/** A connection that sends one request after the other in any version, and reads the answer with our own tables. */
export class RawClient {
  readonly socket: Socket;
  private readonly frames = new FrameReader();
  private readonly waiting: ((frame: Buffer | null) => void)[] = [];
  private correlationId = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece: Buffer) => {
      this.frames.push(piece);
      while (this.waiting.length > 0 && this.frames.waiting > 0) this.waiting.shift()!(this.frames.take()!);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const settle of this.waiting.splice(0)) settle(null);
    });
  }

  static async to(broker: Pick<Broker, 'host' | 'port'>): Promise<RawClient> {
    const socket = connect(broker.port, broker.host);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** The decoded answer; fails when the broker drops the connection or when bytes are left unread. */
  async send<N extends ApiName>(
    name: N,
    version: number,
    request: EncodableRequest<N>,
    clientId: string | null = 'raw',
  ): Promise<DecodedResponse<N>> {
    const correlationId = ++this.correlationId;
    const frame = await this.exchange(requestFrame(name, version, correlationId, clientId, request));
    if (frame === null) throw new Error(`the broker closed the connection at ${name} ${version}`);
    const answer = readResponse(name, version, frame);
    if (answer.correlationId !== correlationId) throw new Error(`answer ${answer.correlationId} to ${correlationId}`);
    if (answer.unread !== 0) throw new Error(`${answer.unread} bytes unread of ${name} ${version}`);
    return answer.response;
  }

  /** The raw answer without its length, or null when the broker closed the connection. */
  exchange(pieces: readonly Buffer[]): Promise<Buffer | null> {
    if (this.socket.destroyed) return Promise.resolve(null);
    const answer = new Promise<Buffer | null>((resolve) => this.waiting.push(resolve));
    this.socket.write(Buffer.concat(pieces));
    return answer;
  }

  /** Writes a request and waits for no answer. */
  post<N extends ApiName>(name: N, version: number, request: EncodableRequest<N>): void {
    this.socket.write(Buffer.concat(requestFrame(name, version, ++this.correlationId, 'raw', request)));
  }

  /** A batch to one partition; resolves with the partition's answer. */
  async produce(
    topic: string,
    partition: number,
    batch: Buffer,
    acks = -1,
    version = 7,
    transactionalId: string | null = null,
  ) {
    const { responses } = await this.send('Produce', version, {
      transactionalId,
      acks,
      timeoutMs: 1000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }],
    });
    return responses[0]!.partitionResponses[0]!;
  }

  /** What one partition answers to a fetch. */
  async fetch(topic: string, partition: number, fetchOffset: number, options: FetchOptions = {}) {
    const { responses } = await this.send('Fetch', options.version ?? 12, {
      maxWaitMs: options.maxWaitMs ?? 0,
      minBytes: options.minBytes ?? 1,
      maxBytes: options.maxBytes ?? 1 << 20,
      isolationLevel: options.isCommitted === true ? 1 : 0,
      topics: [
        {
          topic,
          topicId: options.topicId ?? ZERO_UUID,
          partitions: [{ partition, fetchOffset, partitionMaxBytes: options.partitionMaxBytes ?? 1 << 20 }],
        },
      ],
    });
    return responses[0]!.partitions[0]!;
  }

  async createTopic(name: string, numPartitions = 1, configs: Record<string, string> = {}): Promise<void> {
    const { topics } = await this.send('CreateTopics', 5, {
      topics: [
        {
          name,
          numPartitions,
          replicationFactor: 1,
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
    });
    if (topics[0]!.errorCode !== 0) throw new Error(`cannot create ${name}: ${topics[0]!.errorMessage}`);
  }

  close(): void {
    this.socket.destroy();
  }
}

export interface FetchOptions {
  readonly version?: number;
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  /** isolation_level read_committed. */
  readonly isCommitted?: boolean;
  /** From version 13 on the topic goes by its id. */
  readonly topicId?: string;
}

/** A batch of records with these values, stamped `timestampMs`, `timestampMs + 1`, ... */
export function batchOf(values: readonly string[], timestampMs: number, options: FinishOptions = {}): Buffer {
  const writer = new BatchWriter();
  values.forEach((value, i) => {
    const bytes = Buffer.from(value);
    writer.append(timestampMs + i, null, 0, 0, bytes, 0, bytes.length);
  });
  return Buffer.from(writer.finish(options));
}
