import type { AnswerBudget } from './answerBudget.ts';
import type { BrokerSettings } from './brokerSettings.ts';
import type { Clock } from './clock.ts';
import type { ClusterConfig } from './clusterConfig.ts';
import type { GroupCoordinator } from './groups/coordinator.ts';
import type { StorageError } from './log/segmentBytes.ts';
import type { BrokerMetrics } from './metrics.ts';
import type { Profile } from './profiles.ts';
import type { ApiName, Request, Response } from './protocol/apis.ts';
import type { CredentialStore } from './security/credentials.ts';
import type { SaslPolicy, SaslSession } from './security/saslSession.ts';
import type { DataDir } from './storage/dataDir.ts';
import type { TopicStore } from './topics.ts';
import type { TransactionCoordinator } from './transactions/coordinator.ts';

/** What the handlers work on: the state of the one node. */
export interface BrokerContext {
  readonly nodeId: number;
  readonly clusterId: string;
  readonly profile: Profile;
  readonly clock: Clock;
  readonly topics: TopicStore;
  readonly groups: GroupCoordinator;
  readonly transactions: TransactionCoordinator;
  readonly settings: BrokerSettings;
  readonly credentials: CredentialStore;
  /** Null: nobody has to log in. */
  readonly sasl: SaslPolicy | null;
  readonly config: ClusterConfig;
  readonly metrics: BrokerMetrics;
  readonly answers: AnswerBudget;
  /** Null in memory. */
  readonly data: DataDir | null;
  /** Whether groups and transactions cannot answer yet, as after a real broker's start or change of leader. */
  isCoordinatorLoading(): boolean;
  /** The next producer id; ids are never given twice. */
  nextProducerId(): number;
  /** The disk, or the bound on memory, refused something: to be logged. */
  storageFailed(error: StorageError): void;
}

/** One request on its connection. */
export interface Call {
  readonly version: number;
  readonly clientId: string;
  readonly clientHost: string;
  /** The login of this connection; null where the listener asks for none. */
  readonly sasl: SaslSession | null;
  /** Where this client reaches the broker. */
  readonly host: string;
  readonly port: number;
  /** Set when the connection is gone: nobody reads the answer. */
  readonly closed: boolean;
  /** Calls back when the connection goes; returns how to take that back. */
  onClose(action: () => void): () => void;
  /** The answer has so many bytes of records: they count against the budget until the socket took them. */
  holds(bytes: number): void;
}

/** The answer, or null where the protocol has none (Produce with acks 0). */
export type Handler<N extends ApiName> = (
  request: Request<N>,
  call: Call,
) => Response<N> | null | Promise<Response<N> | null>;

export type Handlers = { readonly [N in ApiName]: Handler<N> };
