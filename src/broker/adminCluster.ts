import { isLow } from './adminMetrics.ts';
import type { AdminSource } from './adminSource.ts';
import { CLUSTER_PROPERTIES } from './clusterConfig.ts';

/** What an admin request gets: a body and a status. */
export interface AdminReply {
  readonly status: number;
  readonly body: unknown;
}

const ok = (body: unknown): AdminReply => ({ status: 200, body });
const failed = (status: number, message: string): AdminReply => ({ status, body: { message, code: status } });

/** One broker that leads every partition is unhealthy by being gone, or by a disk that is full. */
export function health(broker: AdminSource) {
  const { nodeId } = broker;
  const disk = broker.disk();
  return {
    is_healthy: true,
    unhealthy_reasons: [],
    controller_id: nodeId,
    all_nodes: [nodeId],
    nodes_down: [],
    high_disk_usage_nodes: disk !== null && isLow(disk) ? [nodeId] : [],
    nodes_in_recovery_mode: [],
    leaderless_partitions: [],
    leaderless_count: 0,
    under_replicated_partitions: [],
    under_replicated_count: 0,
    bytes_in_cloud_storage: 0,
  };
}

export function brokerView(broker: AdminSource) {
  const disk = broker.disk();
  return {
    node_id: broker.nodeId,
    num_cores: 1,
    membership_status: 'active',
    is_alive: true,
    version: broker.version,
    disk_space: disk === null ? [] : [{ path: disk.path, free: disk.freeBytes, total: disk.totalBytes }],
    internal_rpc_address: '127.0.0.1',
    internal_rpc_port: 33145,
  };
}

/** /v1/cluster/partitions, of one topic or of all. */
export function partitions(broker: AdminSource, namespace?: string, topic?: string): AdminReply {
  const topics = broker.topics().filter(({ name }) => topic === undefined || (namespace === 'kafka' && name === topic));
  if (topic !== undefined && topics.length === 0) return failed(404, `Could not find topic: ${namespace}/${topic}`);
  return ok(
    topics.flatMap(({ name, partitions: all }) =>
      all.map(({ partition }) => ({
        ns: 'kafka',
        topic: name,
        partition_id: partition,
        leader_id: broker.nodeId,
        replicas: [{ node_id: broker.nodeId, core: 0 }],
        disabled: false,
      })),
    ),
  );
}

/** PUT /v1/cluster_config: {"upsert": {name: value}, "remove": [name]}. */
export function changeConfig(broker: AdminSource, text: string): AdminReply {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    return failed(400, `the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { upsert = {}, remove = [] } = (body ?? {}) as { upsert?: unknown; remove?: unknown };
  if (typeof upsert !== 'object' || upsert === null || Array.isArray(upsert)) {
    return failed(400, 'upsert is an object of property names and values');
  }
  if (!Array.isArray(remove) || !remove.every((name) => typeof name === 'string')) {
    return failed(400, 'remove is a list of property names');
  }
  const problems = broker.changeConfig(upsert as Record<string, unknown>, remove);
  return problems === null ? ok({ config_version: broker.configVersion() }) : { status: 400, body: problems };
}

/** GET /v1/cluster_config/schema, which rpk reads before it sets anything. */
export function configSchema() {
  const properties = Object.entries(CLUSTER_PROPERTIES).map(([name, { type, description }]) => [
    name,
    {
      type,
      description,
      nullable: false,
      needs_restart: false,
      visibility: 'user',
      is_secret: false,
      ...(type === 'array' ? { items: { type: 'string' } } : {}),
    },
  ]);
  return { properties: Object.fromEntries(properties) };
}

export function configStatus(broker: AdminSource) {
  const config_version = broker.configVersion();
  return [{ node_id: broker.nodeId, restart: false, config_version, invalid: [], unknown: [] }];
}
