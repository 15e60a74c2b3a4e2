import type { AdminConnection } from '../clients/adminApi.ts';
import type { ClientOptions, KafkaClient } from '../clients/client.ts';
import type { ConnectOptions } from '../clients/connect.ts';
import type { Contact } from '../clients/contact.ts';
import { createRegistry } from '../clients/createRegistry.ts';
import type { HttpService } from '../clients/http.ts';
import type { SchemaRegistry } from '../clients/registry.ts';
import type { RegistryConnection } from '../clients/registryHttp.ts';
import type { Settings } from '../config/settings.ts';
import type { Logger } from '../output/logger.ts';
import { ClusterContact } from '../runtime/status/clusterContact.ts';
import { OutageNotice } from '../runtime/status/outageNotice.ts';
import type { CommandContext } from './command.ts';
import { readTls, saslOptions, tlsOptions } from './options/securitySettings.ts';
import { every } from './timers.ts';

/** The connection part of the settings as what `connect` takes. @throws ANM_CONFIG for a file that cannot be read */
export function clientOptions(settings: Settings, cwd = '.'): ConnectOptions {
  const tls = tlsOptions(settings, 'tls', cwd);
  const sasl = saslOptions(settings);
  return {
    client: settings.string('client') as NonNullable<ConnectOptions['client']>,
    brokers: settings.list('brokers'),
    clientId: settings.string('client_id'),
    dialTimeoutMs: settings.durationMs('dial_timeout'),
    requestTimeoutMs: settings.durationMs('request_timeout'),
    retryTimeoutMs: settings.durationMs('retry_timeout'),
    ...(tls !== undefined && { tls }),
    ...(sasl !== undefined && { sasl }),
  };
}

/** One SASL user does for brokers and registry, unless the registry has its own. */
export function registryOptions(settings: Settings, cwd = '.'): RegistryConnection {
  return serviceOptions(settings, 'registry', cwd);
}

/** Redpanda's Admin API; a user as for the registry. */
export function adminOptions(settings: Settings, cwd = '.'): AdminConnection {
  return serviceOptions(settings, 'admin', cwd);
}

/** A client for a command, which the caller closes; an outage of the cluster is said while it is open. */
export async function connectClient({ settings, cwd, logger, now }: CommandContext): Promise<KafkaClient> {
  const contact = new ClusterContact({ now, ticks: () => performance.now() });
  const client = await connectWith(settings, cwd, logger, contact);
  const notice = new OutageNotice({ outage: () => contact.outage(), promise: () => 'trying again', now, logger });
  const stop = every(OutageNotice.everyMs, () => notice.look());
  const close = client.close.bind(client);
  client.close = async () => {
    stop();
    await close();
  };
  return client;
}

/** The same where somebody else says it, or there is no command, as in a worker. */
export async function connectWith(
  settings: Settings,
  cwd: string,
  logger: Logger,
  contact?: Contact,
): Promise<KafkaClient> {
  const { connect } = await import('../clients/connect.ts');
  const log: ClientOptions['logger'] = (level, message, fields) => logger[level](message, fields);
  return await connect({ ...clientOptions(settings, cwd), logger: log, ...(contact !== undefined && { contact }) });
}

/** Nothing is sent before the first call. */
export function connectRegistry(context: CommandContext): SchemaRegistry {
  return createRegistry(registryOptions(context.settings, context.cwd));
}

function serviceOptions(settings: Settings, service: 'registry' | 'admin', cwd: string): HttpService {
  const own = settings.optionalString(`${service}.user`);
  const section = `${service}.tls` as const;
  const asked = tlsOptions(settings, section, cwd);
  const urls = settings
    .list(`${service}.urls`)
    .map((url) => (url.includes('://') ? url : `${asked === undefined ? 'http' : 'https'}://${url}`));
  const tls = asked ?? (urls.some((url) => url.startsWith('https:')) ? readTls(settings, section, cwd) : undefined);
  const base = { urls, timeoutMs: settings.durationMs('request_timeout'), ...(tls !== undefined && { tls }) };
  if (own === undefined && settings.optionalString('sasl.mechanism') === 'OAUTHBEARER') {
    const token = saslOptions(settings)?.token;
    return { ...base, ...(token !== undefined && { token }) };
  }
  const username = own ?? settings.optionalString('sasl.user');
  const password = settings.secret(own === undefined ? 'sasl.password' : `${service}.password`);
  return { ...base, ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
}
