import type { Logger } from '../output/logger.ts';
import type { Clock } from './clock.ts';
import type { Fault } from './faults.ts';
import type { ListenerTls } from './security/listener.ts';
import type { SaslMechanism } from './security/saslSession.ts';
import type { FsyncPolicy } from './storage/flusher.ts';

export interface BrokerOptions {
  /** 0 (the default) takes any free one. */
  readonly port?: number;
  /** Address to listen on, and to tell clients. Default 127.0.0.1. */
  readonly host?: string;
  /** Release of Redpanda whose API versions are advertised, as v25.3. Default the newest. */
  readonly profile?: string;
  /** A topic is made on first use, where the client's request allows it. Default true, as in a dev container. */
  readonly autoCreate?: boolean;
  /** Default 1. */
  readonly defaultPartitions?: number;
  /** How long an empty group waits for more members. Default 0, as in a dev container; production has 3000. */
  readonly rebalanceDelayMs?: number;
  /** Default 6000, Redpanda's. */
  readonly minSessionTimeoutMs?: number;
  /** Default 300000, Redpanda's. */
  readonly maxSessionTimeoutMs?: number;
  /** Clients have to speak TLS. Default: plain text. */
  readonly tls?: ListenerTls;
  /** Clients have to log in. Default: nobody has to. */
  readonly sasl?: BrokerSasl;
  /** Default 900000, Redpanda's transaction_max_timeout_ms. */
  readonly maxTransactionTimeoutMs?: number;
  /**
   * Whether each transaction takes one offset of each of its partitions, as Redpanda's do, which no fetch returns.
   * Default true; false is what Apache Kafka does.
   */
  readonly transactionFences?: boolean;
  /** How long the markers of a transaction wait after its outcome is decided and told. Default 0: before the answer. */
  readonly markerDelayMs?: number;
  /** How long after the start groups and transactions answer COORDINATOR_LOAD_IN_PROGRESS. Default 0. */
  readonly coordinatorLoadMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly faults?: readonly Fault[];
  /** Ends the process at once, as kill -9 does: what faults with `crash` call. */
  readonly crash?: () => void;
  /** Gives ids of 32 hexadecimal digits for topics, members and the cluster. Default random ones. */
  readonly newId?: () => string;
  /** A directory to keep everything in. Default: memory. */
  readonly data?: string;
  /** When what is written there reaches the disk. Default interval. */
  readonly fsync?: FsyncPolicy;
  /** Bytes that all logs may take without `data`; above them produce is answered KAFKA_STORAGE_ERROR. Default: no bound. */
  readonly maxMemoryBytes?: number;
  /**
   * Bytes of records that answers to fetches may hold together until their clients took them; close to it answers get
   * smaller, down to one batch. Default 256 MiB.
   */
  readonly maxAnswerBytes?: number;
}

export interface BrokerSasl {
  /** Default SCRAM-SHA-256 and SCRAM-SHA-512, as Redpanda's. */
  readonly mechanisms?: readonly SaslMechanism[];
  /** Passwords by user; each may log in by PLAIN and both kinds of SCRAM. */
  readonly users: Readonly<Record<string, string>>;
  /** kafka_sasl_max_reauth_ms: how long a login counts. Default 0: as long as the connection. */
  readonly maxReauthMs?: number;
}
