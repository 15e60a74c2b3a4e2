import type { Logger } from '../output/logger.ts';
import {
  type AdminReply,
  brokerView,
  changeConfig,
  configSchema,
  configStatus,
  health,
  partitions,
} from './adminCluster.ts';
import { clusterMetrics } from './adminMetrics.ts';
import type { AdminSource } from './adminSource.ts';
import { type HttpReply, type HttpRequest, type HttpServer, startHttpServer } from './httpServer.ts';
import type { CredentialStore } from './security/credentials.ts';
import { isAuthorized } from './security/httpAuthorization.ts';
import type { ListenerTls } from './security/listener.ts';

export interface AdminOptions {
  /** 0 = any free port. Redpanda's is 9644. */
  readonly port: number;
  readonly broker: AdminSource;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly logger?: Logger;
  readonly tls?: ListenerTls;
  /** Each request needs a user of these, by HTTP basic authentication (admin_api_require_auth). */
  readonly credentials?: CredentialStore;
}

const JSON_TYPE = 'application/json';
/** For probes and Prometheus, which have no credentials. */
const OPEN_PATHS = ['/v1/status/ready', '/public_metrics'];
const METRICS_TYPE = 'text/plain; version=0.0.4';

/**
 * Starts the part of Redpanda's Admin API that the tool reads: readiness, health, brokers, partitions, transactions,
 * cluster properties (which may be set) and /public_metrics. What it lacks is a 404. @throws AnomalyError ANM_PORT_IN_USE
 */
export function startAdmin(options: AdminOptions): Promise<HttpServer> {
  const { port, broker, host = '127.0.0.1', logger, credentials } = options;
  return startHttpServer({
    port,
    host,
    purpose: 'Admin API',
    maxBodyBytes: 1 << 16,
    tooLarge: notFound('a request with such a body'),
    handle: (request) => answer(broker, request, logger),
    tls: options.tls,
    refuse: (path, authorization) =>
      credentials === undefined || OPEN_PATHS.includes(path) || isAuthorized(credentials, authorization)
        ? null
        : json({ message: 'Unauthorized', code: 401 }, 401),
  });
}

function answer(broker: AdminSource, request: HttpRequest, logger: Logger | undefined): HttpReply {
  const path = `/${request.segments.join('/')}`;
  const find = request.method === 'GET' ? (PATHS[path] ?? namedPath(request)) : CHANGES[`${request.method} ${path}`];
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
  '/v1/cluster/partitions': (broker) => reply(partitions(broker)),
  '/v1/cluster/partition_balancer/status': () =>
    json({ status: 'off', violations: {}, seconds_since_last_tick: 0, current_reassignments_count: 0 }),
  '/v1/cluster_config': (broker) => json(broker.clusterConfig()),
  '/v1/cluster_config/schema': () => json(configSchema()),
  '/v1/cluster_config/status': (broker) => json(configStatus(broker)),
  '/v1/transactions': transactions,
  '/public_metrics': (broker) => ({ status: 200, contentType: METRICS_TYPE, body: clusterMetrics(broker) }),
};

const CHANGES: Readonly<Record<string, View>> = {
  'PUT /v1/cluster_config': (broker, { body }) => reply(changeConfig(broker, body)),
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

/** Paths with a name in them. */
function namedPath(request: HttpRequest): View | undefined {
  const [version, noun, kind, namespace, topic, ...more] = request.segments;
  if (version !== 'v1') return undefined;
  if (noun === 'brokers' && kind !== undefined && namespace === undefined) {
    return (broker) => (kind === String(broker.nodeId) ? json(brokerView(broker)) : notFound(`broker ${kind}`));
  }
  if (noun === 'cluster' && kind === 'partitions' && topic !== undefined && more.length === 0) {
    return (broker) => reply(partitions(broker, namespace, topic));
  }
  return coordinatorPath(request);
}

/** /v1/transaction/{id}/find_coordinator; any id has one, known or not. */
function coordinatorPath({ segments }: HttpRequest): View | undefined {
  const [version, noun, transactionalId, verb] = segments;
  const isIt = version === 'v1' && noun === 'transaction' && verb === 'find_coordinator' && segments.length === 4;
  if (!isIt || transactionalId === undefined) return undefined;
  return ({ nodeId }) => json({ coordinator: nodeId, ntp: COORDINATOR_PARTITION, ec: 0 });
}

function reply({ status, body }: AdminReply): HttpReply {
  return json(body, status);
}

function json(body: unknown, status = 200): HttpReply {
  return { status, contentType: JSON_TYPE, body: JSON.stringify(body) };
}

function notFound(what: string): HttpReply {
  return json({ message: `the embedded broker has no ${what}`, code: 404 }, 404);
}
