import type { KafkaClient } from '../../clients/client.ts';
import type { SchemaRegistry } from '../../clients/registry.ts';
import type { MemberStatus } from '../../observe/status.ts';
import type { LogView } from '../../observe/watch/snapshot.ts';
import type { Logger } from '../../output/logger.ts';

export interface WatchedCluster {
  readonly client: KafkaClient;
  readonly registry: Pick<SchemaRegistry, 'schemaById'> | undefined;
}

export interface WatcherOptions {
  /** Each call makes a new client; it should give up within seconds, as the watch itself tries again. */
  readonly connect: () => Promise<WatchedCluster>;
  /** Name of the rpk profile, for the header. */
  readonly profile: string | null;
  /** The brokers as they were given, for the header. */
  readonly address: string;
  /** The only pipeline to show; null for all. */
  readonly pipeline: string | null;
  /** The only group whose lag is shown; null for all. */
  readonly group: string | null;
  /** Least time between two looks at the lag. */
  readonly lagEveryMs: number;
  /** Members of this process, which need no topic to be seen. */
  readonly local?: () => readonly MemberStatus[];
  /** Lines of the process' own log, oldest first. */
  readonly log: () => readonly LogView[];
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Ends early with the signal. */
  readonly pause: (timeMs: number, signal: AbortSignal) => Promise<void>;
}
