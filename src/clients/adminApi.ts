import { AnomalyError, isAnomalyError } from '../errors.ts';
import { type HttpFailure, type HttpService, httpAddress, httpFailure, httpRequest } from './http.ts';

/** Addresses are tried in order. */
export type AdminConnection = HttpService;

/** GET /v1/cluster/health_overview, what the tool reads of it. */
export interface ClusterHealth {
  readonly isHealthy: boolean;
  readonly reasons: readonly string[];
  readonly nodesDown: readonly number[];
  readonly leaderlessPartitions: number;
  readonly underReplicatedPartitions: number;
  /** The address that answered. */
  readonly url: string;
}

/**
 * Redpanda's Admin API, read only. Every call may throw ANM_BROKER_UNREACHABLE, ANM_TIMEOUT, ANM_TLS, ANM_AUTHENTICATION
 * or ANM_PROTOCOL.
 */
export interface AdminApi {
  health(): Promise<ClusterHealth>;
  /** The parsed JSON of any path, as '/v1/brokers'. */
  get(path: string): Promise<unknown>;
  /**
   * Whether the brokers whose metadata tells `clusterId` are of another cluster than this Admin API; false where either
   * does not tell. (/v1/cluster/uuid is of no use here: Kafka's id is made from the property cluster_id.)
   */
  isOfAnother(clusterId: string): Promise<boolean>;
  /** The text of /public_metrics. */
  metrics(): Promise<string>;
}

/** Nothing is sent until the first call. */
export function createAdminApi(connection: AdminConnection): AdminApi {
  const answer = (path: string) => request(connection, path);
  return {
    health: async () => {
      const { text, url } = await answer('/v1/cluster/health_overview');
      return healthOf(jsonOf(text, url), url);
    },
    get: async (path) => {
      const { text, url } = await answer(path);
      return jsonOf(text, url);
    },
    isOfAnother: async (clusterId) => {
      if (clusterId === '' || clusterId === UNNAMED) return false;
      const { text, url } = await answer('/v1/cluster_config');
      const own = (jsonOf(text, url) as { cluster_id?: unknown } | null)?.cluster_id;
      return typeof own === 'string' && own !== '' && clusterId !== own && clusterId !== `redpanda.${own}`;
    },
    metrics: async () => (await answer('/public_metrics')).text,
  };
}

/** What Redpanda tells before it has made its cluster_id. */
const UNNAMED = 'redpanda.initializing';

interface Answer {
  readonly text: string;
  readonly url: string;
}

async function request(connection: AdminConnection, path: string): Promise<Answer> {
  const { urls, tls, timeoutMs = 10_000, username } = connection;
  if (urls.length === 0) throw new AnomalyError('ANM_CONFIG', 'admin.urls is empty: it needs at least one address');
  const failed: (HttpFailure & { url: string; cause: unknown })[] = [];
  for (const given of urls) {
    const { url, authorization: authorize } = addressOf(given, connection);
    const authorization = authorize();
    try {
      const headers = authorization === null ? {} : { authorization };
      const { status, statusText, text } = await httpRequest('GET', url + path, headers, undefined, timeoutMs, tls);
      if (status >= 200 && status < 300) return { text, url };
      if (status === 401 || status === 403) {
        const who =
          authorization === null
            ? 'a request without credentials'
            : `the credentials${username ? ` of ${username}` : ''}`;
        throw new AnomalyError('ANM_AUTHENTICATION', `${url} refused ${who}: ${statusText}`, {
          hint: 'check admin.user and admin.password, or sasl.user and sasl.password where the Admin API has none of its own',
          details: { url, status },
        });
      }
      throw new AnomalyError('ANM_PROTOCOL', `${url}${path} answered ${status} ${statusText}`, {
        details: { url, status },
      });
    } catch (cause) {
      if (isAnomalyError(cause)) throw cause;
      failed.push({ url, cause, ...(await httpFailure(cause, url, connection, 'admin')) });
    }
  }
  const places = failed.map(({ url, reason }) => `${url}: ${reason}`).join('; ');
  const tlsHint = failed.find((each) => each.tlsHint !== null)?.tlsHint;
  const code = failed.every(({ timedOut }) => timedOut) ? 'ANM_TIMEOUT' : 'ANM_BROKER_UNREACHABLE';
  throw new AnomalyError(tlsHint ? 'ANM_TLS' : code, `cannot reach the Admin API: ${places}`, {
    hint: tlsHint ?? 'check admin.urls (-X admin.hosts)',
    cause: failed.at(-1)?.cause,
  });
}

function addressOf(given: string, connection: AdminConnection): ReturnType<typeof httpAddress> {
  try {
    return httpAddress(given, connection);
  } catch (cause) {
    throw new AnomalyError('ANM_CONFIG', 'admin.urls has an entry that is neither a URL nor host:port', { cause });
  }
}

function jsonOf(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AnomalyError('ANM_PROTOCOL', `${url} is no Admin API: its answer is not JSON`, { cause });
  }
}

function healthOf(body: unknown, url: string): ClusterHealth {
  const found = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  if (typeof found['is_healthy'] !== 'boolean') {
    throw new AnomalyError('ANM_PROTOCOL', `${url} gave a health overview without is_healthy`);
  }
  const list = <T>(key: string): readonly T[] => (Array.isArray(found[key]) ? (found[key] as T[]) : []);
  const count = (key: string, items: string): number =>
    typeof found[key] === 'number' ? found[key] : list(items).length;
  return {
    isHealthy: found['is_healthy'],
    reasons: list<string>('unhealthy_reasons'),
    nodesDown: list<number>('nodes_down'),
    leaderlessPartitions: count('leaderless_count', 'leaderless_partitions'),
    underReplicatedPartitions: count('under_replicated_count', 'under_replicated_partitions'),
    url,
  };
}
