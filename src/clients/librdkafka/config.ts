import { AnomalyError } from '../../errors.ts';
import type { ClientOptions, ConsumerOptions } from '../client.ts';
import type { Conf } from './binding.ts';

/** Smallest value that librdkafka takes for the set-up of a connection. */
const LEAST_SETUP_MS = 1000;
/** Of a token that does not say how long it counts. */
const TOKEN_LIFETIME_MS = 3600 * 1000;

/**
 * librdkafka keeps a connection of every instance open and opens a lost one again in a second, so that the statistics of
 * the admin client, which are small, tell at once whether a broker is there. Those of consumers and producers name every
 * partition, and are read by the main thread: they only find a broker that keeps its connections and does not answer.
 */
const ADMIN_STATISTICS_MS = 1000;
const STATISTICS_MS = 10_000;

export function adminConf(options: ClientOptions): Conf {
  const conf = commonConf(options);
  return options.contact === undefined ? conf : { ...conf, 'statistics.interval.ms': ADMIN_STATISTICS_MS };
}

/** What consumers, producers and admin clients have in common. Names: librdkafka's CONFIGURATION.md. */
export function commonConf(options: ClientOptions): Conf {
  const { tls, sasl } = options;
  const conf: Conf = {
    'bootstrap.servers': options.brokers.join(','),
    'client.id': options.clientId ?? 'anomaly',
    'socket.connection.setup.timeout.ms': Math.max(LEAST_SETUP_MS, options.dialTimeoutMs ?? 3000),
    'socket.timeout.ms': options.requestTimeoutMs ?? 10_000,
    'socket.nagle.disable': true,
    'reconnect.backoff.ms': 50,
    'reconnect.backoff.max.ms': 1000,
    // The tool makes its topics itself and never asks a broker to.
    'allow.auto.create.topics': false,
    'topic.metadata.refresh.interval.ms': 30_000,
    // Without it librdkafka prints to stderr.
    log_level: 3,
    'security.protocol': `${sasl === undefined ? '' : 'sasl_'}${tls === undefined ? 'plaintext' : 'ssl'}`,
  };
  // The only word of librdkafka on what its requests come to.
  if (options.contact !== undefined) conf['statistics.interval.ms'] = STATISTICS_MS;
  if (tls !== undefined) {
    if (tls.ca !== undefined) conf['ssl.ca.pem'] = tls.ca;
    if (tls.cert !== undefined) conf['ssl.certificate.pem'] = tls.cert;
    if (tls.key !== undefined) conf['ssl.key.pem'] = tls.key;
    if (tls.insecureSkipVerify === true) conf['enable.ssl.certificate.verification'] = false;
    if (tls.serverName !== undefined) {
      throw new AnomalyError(
        'ANM_UNSUPPORTED',
        'cannot check the certificate for another server name with librdkafka',
        {
          hint: 'give the name in --brokers, or use --client platformatic',
        },
      );
    }
  }
  if (sasl !== undefined) {
    conf['sasl.mechanisms'] = sasl.mechanism;
    if (sasl.username !== undefined) conf['sasl.username'] = sasl.username;
    if (sasl.password !== undefined) conf['sasl.password'] = sasl.password;
    const { token } = sasl;
    if (sasl.mechanism === 'OAUTHBEARER' && token !== undefined) {
      // Called at the start, and again at 80 % of the lifetime.
      conf['oauthbearer_token_refresh_cb'] = async () => tokenWithLifetime(token());
    }
  }
  return conf;
}

/** librdkafka asks for lifetime (epoch milliseconds) and principal, which a JWT has in its claims. */
function tokenWithLifetime(tokenValue: string): { tokenValue: string; principal: string; lifetime: number } {
  let claims: { exp?: unknown; sub?: unknown } = {};
  try {
    const parsed: unknown = JSON.parse(Buffer.from(tokenValue.split('.')[1] ?? '', 'base64url').toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null) claims = parsed;
  } catch {
    // An opaque token: the broker knows what it means.
  }
  const { exp, sub } = claims;
  return {
    tokenValue,
    principal: typeof sub === 'string' ? sub : 'anomaly',
    // An expired token is sent too, so that the broker's answer is the one that is reported.
    lifetime: Math.max(typeof exp === 'number' ? exp * 1000 : Date.now() + TOKEN_LIFETIME_MS, Date.now() + 60_000),
  };
}

/** librdkafka wants a group even where none is used. */
const NO_GROUP = 'anomaly-without-group';

export function consumerConf(client: ClientOptions, options: ConsumerOptions): Conf {
  const maxBytes = options.maxBytes ?? 8 * 1024 * 1024;
  const partitionBytes = options.maxPartitionBytes ?? 1024 * 1024;
  const sessionTimeoutMs = options.sessionTimeoutMs ?? 10_000;
  const conf: Conf = {
    ...commonConf(client),
    'group.id': options.groupId ?? NO_GROUP,
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'enable.partition.eof': true,
    'isolation.level': options.isolation ?? 'read_committed',
    'check.crcs': true,
    'fetch.wait.max.ms': options.maxWaitMs ?? 500,
    'fetch.min.bytes': options.minBytes ?? 1,
    'fetch.message.max.bytes': partitionBytes,
    'fetch.max.bytes': Math.max(maxBytes, partitionBytes),
    'receive.message.max.bytes': Math.max(maxBytes, partitionBytes) * 2 + 1024,
    // Bounds what librdkafka holds ahead, in place of its 64 MiB a partition.
    'queued.max.messages.kbytes': Math.ceil((Math.max(maxBytes, partitionBytes) * 2) / 1024),
    'fetch.error.backoff.ms': 50,
    // Eager, also where cooperative is preferred: cooperative-sticky cannot be listed beside these, and measured here it
    // reads what it keeps no sooner than a second after the rebalance, and has commits refused meanwhile.
    'partition.assignment.strategy': 'range,roundrobin',
    'session.timeout.ms': sessionTimeoutMs,
    'heartbeat.interval.ms': options.heartbeatIntervalMs ?? Math.floor(sessionTimeoutMs / 3),
    'max.poll.interval.ms': Math.max(options.rebalanceTimeoutMs ?? 60_000, sessionTimeoutMs),
  };
  if (options.instanceId !== undefined) conf['group.instance.id'] = options.instanceId;
  return conf;
}
