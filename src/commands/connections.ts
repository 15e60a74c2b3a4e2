import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { ClientOptions, KafkaClient, SaslOptions, TlsOptions } from '../clients/client.ts';
import type { ConnectOptions } from '../clients/connect.ts';
import { createRegistry, type SchemaRegistry } from '../clients/registry.ts';
import type { RegistryConnection } from '../clients/registryHttp.ts';
import type { Settings } from '../config/settings.ts';
import { AnomalyError } from '../errors.ts';
import type { CommandContext } from './command.ts';

/** The connection part of the settings as what `connect` takes. @throws ANM_CONFIG for a file that cannot be read */
export function clientOptions(settings: Settings, cwd = '.'): ConnectOptions {
  const tls = tlsOptions(settings, cwd);
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
export function registryOptions(settings: Settings): RegistryConnection {
  const own = settings.optionalString('registry.user');
  const username = own ?? settings.optionalString('sasl.user');
  const scheme = settings.boolean('registry.tls.enabled') ? 'https' : 'http';
  const password = settings.secret(own === undefined ? 'sasl.password' : 'registry.password');
  return {
    urls: settings.list('registry.urls').map((url) => (url.includes('://') ? url : `${scheme}://${url}`)),
    timeoutMs: settings.durationMs('request_timeout'),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

/** A client for a command; the caller closes it. */
export async function connectClient(context: CommandContext): Promise<KafkaClient> {
  const { connect } = await import('../clients/connect.ts');
  const { logger } = context;
  const log: ClientOptions['logger'] = (level, message, fields) => logger[level](message, fields);
  return await connect({ ...clientOptions(context.settings, context.cwd), logger: log });
}

/** Nothing is sent before the first call. */
export function connectRegistry(context: CommandContext): SchemaRegistry {
  return createRegistry(registryOptions(context.settings));
}

function tlsOptions(settings: Settings, cwd: string): TlsOptions | undefined {
  const ca = pemFile(settings, 'tls.ca', cwd);
  const cert = pemFile(settings, 'tls.cert', cwd);
  const key = pemFile(settings, 'tls.key', cwd);
  const serverName = settings.optionalString('tls.server_name');
  const hasFile = ca !== undefined || cert !== undefined || key !== undefined;
  // Files without tls.enabled mean TLS; an explicit false wins over them.
  const asked = settings.origin('tls.enabled').origin !== 'default';
  if (asked ? !settings.boolean('tls.enabled') : !hasFile) return undefined;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { serverName }),
    insecureSkipVerify: settings.boolean('tls.insecure_skip_verify'),
  };
}

function pemFile(settings: Settings, key: string, cwd: string): string | undefined {
  const path = settings.optionalString(key);
  if (path === undefined) return undefined;
  try {
    return readFileSync(isAbsolute(path) ? path : join(cwd, path), 'utf8');
  } catch (cause) {
    throw new AnomalyError('ANM_CONFIG', `cannot read ${path}, which ${key} names (${settings.origin(key).place})`, {
      cause,
    });
  }
}

function saslOptions(settings: Settings): SaslOptions | undefined {
  const username = settings.optionalString('sasl.user');
  const password = settings.secret('sasl.password');
  const mechanism = settings.optionalString('sasl.mechanism') as SaslOptions['mechanism'] | undefined;
  if (username === undefined && mechanism === undefined) return undefined;
  if (mechanism === 'OAUTHBEARER') {
    // rpk's notation: the password is token:... then.
    return { mechanism, ...(password !== undefined && { token: password.replace(/^token:/, '') }) };
  }
  if (username === undefined || password === undefined) {
    const missing = username === undefined ? 'sasl.user' : 'sasl.password';
    throw new AnomalyError('ANM_CONFIG', `${missing} is not set, and SASL needs it`, {
      hint: 'use RPK_USER and RPK_PASS, or -X sasl.user=NAME -X sasl.password=file:PATH',
    });
  }
  return { mechanism: mechanism ?? 'SCRAM-SHA-256', username, password };
}
