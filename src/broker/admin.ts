import type { Logger } from '../output/logger.ts';
import { clusterMetrics } from './adminMetrics.ts';
import { type HttpReply, type HttpRequest, type HttpServer, startHttpServer } from './httpServer.ts';

/** What the Admin API needs to know of a broker; read anew at each request. */
export interface AdminSource {
  readonly nodeId: number;
  readonly clusterId: string;
  /** The release whose behaviour is shown: 'v26.2'. */
  readonly version: string;
  /** Kafka's port. */
  readonly port: number;
  topics(): readonly AdminTopic[];
  groups(): readonly AdminGroup[];
  /** Every transactional id that is known. */
  transactions(): readonly AdminTransaction[];
  /** Cluster properties by Redpanda's names: auto_create_topics_enabled, group_initial_rebalance_delay, ... */
  clusterConfig(): Readonly<Record<string, unknown>>;
  /** Seconds since the start. */
  uptimeSeconds(): number;
}

export interface AdminTopic {
  readonly name: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly highWatermark: number;
    /** Records taken since the start. */
    readonly recordsProduced?: number;
  }[];
}

export interface AdminGroup {
  readonly groupId: string;
  readonly memberCount: number;
  readonly offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[];
}

/** Under the names of GET /v1/transactions. */
export interface AdminTransaction {
  readonly transactional_id: string;
  readonly pid: { readonly id: number; readonly epoch: number };
  readonly tx_seq: number;
  readonly etag: number;
  readonly status: string;
  readonly timeout_ms: number;
  readonly staleness_ms: number;
  readonly partitions: readonly {
    readonly ns: string;
    readonly topic: string;
    readonly partition_id: number;
    readonly etag: number;
  }[];
  readonly groups: readonly { readonly group_id: string; readonly etag: number }[];
}

export interface AdminOptions {
  /** 0 = any free port. Redpanda's is 9644. */
  readonly port: number;
  readonly broker: AdminSource;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly logger?: Logger;
}

const JSON_TYPE = 'application/json';
const METRICS_TYPE = 'text/plain; version=0.0.4';

/**
 * Starts the part of Redpanda's Admin API that the tool reads: readiness, health, brokers, cluster properties and
 * /public_metrics. Read only: what it lacks is a 404. @throws AnomalyError ANM_PORT_IN_USE
 */
export function startAdmin({ port, broker, host = '127.0.0.1', logger }: AdminOptions): Promise<HttpServer> {
  return startHttpServer({
    port,
    host,
    purpose: 'Admin API',
    maxBodyBytes: 1 << 16,
    tooLarge: notFound('a request with such a body'),
    handle: (request) => answer(broker, request, logger),
  });
}

function answer(broker: AdminSource, request: HttpRequest, logger: Logger | undefined): HttpReply {
  const path = `/${request.segments.join('/')}`;
  const find = request.method === 'GET' ? (PATHS[path] ?? coordinatorPath(request)) : undefined;
  if (find === undefined) return notFound(`${request.method} ${path}`);
  try {
    return find(broker, request);
  } catch (error) {
    logger?.error('the admin API failed', { path, error: String(error) });
    return json({ message: error instanceof Error ? error.message : String(error), code: 500 }, 500);
  }
}

type View = (broker: AdminSource, request: HttpRequest) => HttpReply;

const PATHS: Readonly<Record<string, View>> = {
  '/v1/status/ready': () => json({ status: 'ready' }),
  '/v1/brokers': (broker) => json([brokerView(broker)]),
  '/v1/cluster/health_overview': (broker) => json(health(broker)),
  '/v1/cluster/uuid': (broker) => json({ cluster_uuid: broker.clusterId }),
  '/v1/cluster_config': (broker) => json(broker.clusterConfig()),
  '/v1/transactions': transactions,
  '/public_metrics': (broker) => ({ status: 200, contentType: METRICS_TYPE, body: clusterMetrics(broker) }),
};

/** Where transactional ids are kept; one partition coordinates them all. */
const COORDINATOR_PARTITION = { ns: 'kafka_internal', topic: 'tx', partition: 0 };

function transactions(broker: AdminSource, { query }: HttpRequest): HttpReply {
  const wanted = query.get('coordinator_partition_id');
  if (wanted !== null && !/^\d+$/.test(wanted)) {
    return json({ message: `coordinator_partition_id ${wanted} is not a partition`, code: 400 }, 400);
  }
  const isHere = wanted === null || Number(wanted) === COORDINATOR_PARTITION.partition;
  return json(isHere ? broker.transactions() : []);
}

/** /v1/transaction/{id}/find_coordinator; any id has one, known or not. */
function coordinatorPath({ segments }: HttpRequest): View | undefined {
  const [version, noun, transactionalId, verb] = segments;
  const isIt = version === 'v1' && noun === 'transaction' && verb === 'find_coordinator' && segments.length === 4;
  if (!isIt || transactionalId === undefined) return undefined;
  return ({ nodeId }) => json({ coordinator: nodeId, ntp: COORDINATOR_PARTITION, ec: 0 });
}

/** One broker that leads every partition can be unhealthy in no way but by being gone. */
function health({ nodeId }: AdminSource) {
  return {
    is_healthy: true,
    unhealthy_reasons: [],
    controller_id: nodeId,
    all_nodes: [nodeId],
    nodes_down: [],
    high_disk_usage_nodes: [],
    nodes_in_recovery_mode: [],
    leaderless_partitions: [],
    leaderless_count: 0,
    under_replicated_partitions: [],
    under_replicated_count: 0,
    bytes_in_cloud_storage: 0,
  };
}

function brokerView({ nodeId, version }: AdminSource) {
  return { node_id: nodeId, num_cores: 1, membership_status: 'active', is_alive: true, version, disk_space: [] };
}

function json(body: unknown, status = 200): HttpReply {
  return { status, contentType: JSON_TYPE, body: JSON.stringify(body) };
}

function notFound(what: string): HttpReply {
  return json({ message: `the embedded broker has no ${what}`, code: 404 }, 404);
}
