import { setTimeout as delay } from 'node:timers/promises';
import { createAdminApi } from '../../clients/adminApi.ts';
import { sampleDates } from '../../clients/clockSkew.ts';
import { createRegistry } from '../../clients/createRegistry.ts';
import { isAnomalyError } from '../../errors.ts';
import { type ClockSkew, SkewEstimate, skewText } from '../../observe/clockSkew.ts';
import { adminOptions, registryOptions } from '../connections.ts';
import { fail, failed, ok, type Seen, skip, warn } from './check.ts';
import type { Doctor } from './doctor.ts';
import { dial, serviceCertificate } from './network.ts';

/** Which Kafka client is used, and why. */
export async function checkClient(doctor: Doctor): Promise<readonly Seen[]> {
  try {
    const { client, reason, missing } = (await doctor.connected()).choice;
    const detail = `${client}: ${reason}`;
    const lacks = client === 'platformatic' && missing.length > 0;
    return [
      lacks ? fail(`${detail}; the broker lacks ${missing.join(', ')}`, 'use --client librdkafka or auto') : ok(detail),
    ];
  } catch (error) {
    if (isAnomalyError(error) && error.code === 'ANM_AUTHENTICATION')
      return [skip('cannot be asked as the login failed')];
    return [failed(error)];
  }
}

/** The cluster's answer, and whether the addresses that it gives to clients can be reached from here. */
export async function checkMetadata(doctor: Doctor): Promise<readonly Seen[]> {
  const { admin } = await doctor.client();
  const { brokers, clusterId, apis } = await admin.cluster();
  const version = (name: string) => apis.get(name)?.join('-') ?? 'none';
  const count = `${brokers.length} broker${brokers.length === 1 ? '' : 's'}`;
  const rows = [
    ok(
      `cluster ${clusterId || 'without id'}, ${count}; ${apis.size} APIs, Fetch ${version('Fetch')}, Produce ${version('Produce')}`,
    ),
  ];
  const problems = await Promise.all(
    brokers.map(async ({ nodeId, host, port }) => {
      const problem = await dial(`${host.includes(':') ? `[${host}]` : host}:${port}`, doctor.dialTimeoutMs);
      return problem === null ? null : `broker ${nodeId} tells clients to come to ${host}:${port}, and ${problem}`;
    }),
  );
  const fix =
    'set advertised_kafka_api (advertised.listeners) of the broker to an address that can be reached from here';
  for (const problem of problems) if (problem !== null) rows.push(fail(problem, fix));
  return rows;
}

/** Redpanda's Admin API, which other brokers do not have: its absence at the default address is nothing wrong. */
export async function checkAdminApi(doctor: Doctor): Promise<readonly Seen[]> {
  const { settings, cwd } = doctor.context;
  const connection = adminOptions(settings, cwd);
  try {
    const [health, isOfAnother] = await Promise.all([createAdminApi(connection).health(), doctor.isAdminOfAnother()]);
    if (isOfAnother) return [adminOfAnother(health.url, settings.origin('admin.urls').origin === 'default')];
    const { nodesDown, leaderlessPartitions, underReplicatedPartitions } = health;
    const certificates = await serviceCertificate(health.url, connection.tls, doctor);
    if (health.isHealthy) return [ok(`${health.url}: the cluster is healthy`), ...certificates];
    const counts = `${counted(nodesDown.length, 'broker')} down, ${counted(leaderlessPartitions, 'partition')} without a leader, ${underReplicatedPartitions} under-replicated`;
    const detail = `${health.url}: the cluster is not healthy (${health.reasons.join(', ') || 'no reason given'}): ${counts}`;
    return [warn(detail, 'rpk cluster health shows which brokers and partitions'), ...certificates];
  } catch (error) {
    const isAbsent = isAnomalyError(error) && (error.code === 'ANM_BROKER_UNREACHABLE' || error.code === 'ANM_TIMEOUT');
    if (!isAbsent || settings.origin('admin.urls').origin !== 'default') throw error;
    return [skip(`none at ${settings.list('admin.urls').join(', ')}, which is the default (only Redpanda has one)`)];
  }
}

/** What happens to listen at the default address is nobody's mistake; an address that was given is. */
export function adminOfAnother(url: string, isDefault: boolean): Seen {
  const detail = `${url} is the Admin API of another cluster than the brokers are of`;
  const fix = 'set admin.urls (-X admin.hosts) to the Admin API of this cluster';
  return isDefault ? skip(`${detail}, and only the default: ${fix}`) : fail(detail, fix);
}

function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

const LAG_COMMAND = `rpk cluster config set enable_consumer_group_metrics '["group","partition","consumer_lag"]'`;

/** Whether Redpanda computes the lag of groups for /public_metrics. */
export async function checkLagGauges(doctor: Doctor): Promise<readonly Seen[]> {
  const config = await clusterConfig(doctor);
  const on = config['enable_consumer_group_metrics'];
  if (!Array.isArray(on)) return [skip('this broker does not tell enable_consumer_group_metrics')];
  if (on.includes('consumer_lag')) return [ok('consumer lag is in /public_metrics')];
  const detail = `consumer lag is not in /public_metrics (enable_consumer_group_metrics is ${on.join(', ') || 'empty'})`;
  return [warn(detail, LAG_COMMAND)];
}

/** Settings that make a broker fast and forgetful, as those of rpk container and of dev-container mode. */
export async function checkMode(doctor: Doctor): Promise<readonly Seen[]> {
  const { settings, cwd } = doctor.context;
  const config = await clusterConfig(doctor);
  const node = await createAdminApi(adminOptions(settings, cwd))
    .get('/v1/node_config')
    .catch(() => ({}));
  const signs: string[] = [];
  if ((node as Record<string, unknown>)['developer_mode'] === true) signs.push('developer_mode=true');
  if (['true', 'on', true].includes(config['write_caching_default'] as string))
    signs.push('write_caching_default=true');
  if (config['group_initial_rebalance_delay'] === 0) signs.push('group_initial_rebalance_delay=0');
  if (config['auto_create_topics_enabled'] === true) signs.push('auto_create_topics_enabled=true');
  if (signs.length < 2 && signs[0] !== 'developer_mode=true') {
    return [
      ok(
        signs.length === 0
          ? 'no setting of a development broker'
          : `${signs[0]}, else no setting of a development broker`,
      ),
    ];
  }
  const detail = `${signs.join(', ')}: as in rpk container, dev-container mode and anomaly dev; latencies are better than in production, and a power cut loses what was acknowledged`;
  return [
    warn(
      detail,
      'leave it for development; in production run rpk redpanda mode production, and set write_caching_default=false',
    ),
  ];
}

async function clusterConfig({ context }: Doctor): Promise<Readonly<Record<string, unknown>>> {
  return (await createAdminApi(adminOptions(context.settings, context.cwd)).get('/v1/cluster_config')) as Record<
    string,
    unknown
  >;
}

const SKEW_SAMPLES = 4;
const SKEW_WARNING_MS = 2000;
const SKEW_FAILURE_MS = 60_000;
const ADMIN_READY = '/v1/status/ready';

/** The cluster's clock against this one, by the Date header of its HTTP services: their clock minus ours. */
export async function checkClock(doctor: Doctor): Promise<readonly Seen[]> {
  const { context, dialTimeoutMs } = doctor;
  const { settings, cwd, now } = context;
  const places = [
    [adminOptions(settings, cwd), ADMIN_READY],
    [registryOptions(settings, cwd), '/subjects'],
  ] as const;
  const options = { samples: SKEW_SAMPLES, now, pause: (timeMs: number) => delay(timeMs) };
  for (const [service, path] of places) {
    const estimate = new SkewEstimate();
    const asked = { ...service, timeoutMs: dialTimeoutMs };
    await sampleDates(asked, path, (sample) => estimate.add(sample), options).catch(() => 0);
    if (estimate.skew === null || (path === ADMIN_READY && (await doctor.isAdminOfAnother()))) continue;
    return [clockRow(new URL(service.urls[0]!).host, estimate.skew)];
  }
  return [
    skip(
      'the protocol of Kafka does not tell the time, and no Admin API or registry of this cluster answers with a Date',
    ),
  ];
}

function clockRow(host: string, skew: ClockSkew): Seen {
  const leastMs = Math.max(0, Math.abs(skew.skewMs) - skew.errorMs);
  const detail = `the clock of ${host} is ${skewText(skew)} off this one`;
  const fix =
    'set both by NTP (timedatectl set-ntp true): latencies, lag in seconds and max_ahead compare the two clocks';
  if (leastMs >= SKEW_FAILURE_MS) return fail(detail, fix);
  return leastMs >= SKEW_WARNING_MS ? warn(detail, fix) : ok(detail);
}

export async function checkRegistry(doctor: Doctor): Promise<readonly Seen[]> {
  const { settings, cwd } = doctor.context;
  const connection = registryOptions(settings, cwd);
  try {
    const url = await createRegistry(connection).ready();
    return [ok(`${url} is ready`), ...(await serviceCertificate(url, connection.tls, doctor))];
  } catch (error) {
    if (settings.origin('registry.urls').origin !== 'default' || doctor.config?.sinks.format === 'avro') throw error;
    return [
      warn(
        `none at ${settings.list('registry.urls').join(', ')}, which is the default`,
        'give --registry URL where values are Avro; JSON and CSV need none',
      ),
    ];
  }
}
