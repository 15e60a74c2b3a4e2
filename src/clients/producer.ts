export interface Producer {
  /**
   * Adds one record to the open batch of a partition; copies the bytes, allocates nothing per record on the fast
   * client. `partition` is explicit: see `partitionForKey` in src/wire/murmur2.ts for placement by key.
   * A failure is reported by the next `ready` or `flush`.
   */
  append(
    topic: string,
    partition: number,
    timestampMs: number,
    key: Uint8Array | null,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array | null,
    valueStart: number,
    valueEnd: number,
    headers?: readonly RecordHeader[],
  ): void;
  /** Null while there is room; else a promise of room: back-pressure. */
  ready(): Promise<void> | null;
  /** Sends what is open, and resolves when everything appended before this call is acknowledged. */
  flush(): Promise<void>;
  /**
   * Resolves when everything appended before this call is acknowledged. Sends nothing any earlier, and reports no failure:
   * then it rejects, or never settles. Absent where the client cannot tell.
   */
  delivered?(): Promise<void>;
  readonly stats: ProducerStats;
  close(): Promise<void>;
}

export interface ProducerOptions {
  /** Idempotent by default: no duplicate and no reordering by retries. */
  readonly idempotent?: boolean;
  readonly compression?: Compression;
  /** How long a batch may wait for more records. Default 0: as soon as the loop is free. */
  readonly lingerMs?: number;
  /** Target size of one record batch, uncompressed. Default 262144. */
  readonly batchBytes?: number;
  /**
   * Requests in flight per broker. Default 5, the most that idempotence allows; 1 with librdkafka, which may double batches
   * with more when a broker fails.
   */
  readonly maxInFlight?: number;
  /** Bytes accumulated or in flight above which `ready` waits. Default 32 MiB. */
  readonly bufferBytes?: number;
}

export interface ProducerStats {
  readonly recordsAppended: number;
  readonly recordsAcknowledged: number;
  readonly bytesSent: number;
  readonly requestsInFlight: number;
  /** Of a transactional producer: transactions that were aborted, whoever asked for it. */
  readonly transactionsAborted?: number;
  /**
   * The last answer to records of a topic with LogAppendTime, epoch milliseconds: when they were sent and answered by the
   * clock here, and when the broker appended them by its own. Absent before one, and where the client does not tell.
   */
  readonly lastAppend?: { readonly sentMs: number; readonly theirsMs: number; readonly answeredMs: number };
}

/** `null` is Kafka's null value, which is not the same as no bytes. */
export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
