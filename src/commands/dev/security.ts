import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BrokerSasl } from '../../broker/brokerOptions.ts';
import type { ListenerTls } from '../../broker/security/listener.ts';
import type { SaslMechanism } from '../../broker/security/saslSession.ts';
import { AnomalyError } from '../../errors.ts';
import type { CommandContext, OptionSpec } from '../command.ts';

const MECHANISMS: readonly SaslMechanism[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'];

/** Options of `dev` for TLS and SASL. */
export const DEV_SECURITY_OPTIONS: readonly OptionSpec[] = [
  { flags: '--tls-cert <file>', summary: 'certificate, PEM: Kafka, registry and Admin API speak TLS', type: 'string' },
  { flags: '--tls-key <file>', summary: 'key of the certificate, PEM', type: 'string' },
  { flags: '--tls-ca <file>', summary: 'authority that signs the certificates of clients, PEM', type: 'string' },
  { flags: '--tls-client-auth', summary: 'refuse clients without a certificate of --tls-ca', type: 'boolean' },
  { flags: '--sasl-users <file>', summary: 'clients log in; the file has a user:password a line', type: 'string' },
  {
    flags: '--sasl-mechanisms <list>',
    summary: `of ${MECHANISMS.join(', ')} (unsecured tokens)`,
    type: 'list',
    default: 'SCRAM-SHA-256,SCRAM-SHA-512',
  },
  { flags: '--sasl-reauth <duration>', summary: 'how long a login counts before it is repeated', type: 'duration' },
];

export interface DevSecurity {
  readonly tls?: ListenerTls;
  readonly sasl?: BrokerSasl;
}

/** @throws AnomalyError ANM_USAGE for flags that need another one, ANM_CONFIG for files that cannot be used */
export function devSecurity({ flags, cwd }: CommandContext): DevSecurity {
  const file = (flag: string): string | undefined => {
    const path = flags[flag] as string | undefined;
    return path === undefined ? undefined : readText(resolve(cwd, path));
  };
  const [cert, key, ca, users] = ['tlsCert', 'tlsKey', 'tlsCa', 'saslUsers'].map(file);
  const clientAuth = flags['tlsClientAuth'] === true;
  if ((cert === undefined) !== (key === undefined)) throw needs('--tls-cert', '--tls-key, and the reverse');
  if (cert === undefined && (ca !== undefined || clientAuth))
    throw needs('--tls-ca and --tls-client-auth', '--tls-cert');
  if (clientAuth && ca === undefined) throw needs('--tls-client-auth', '--tls-ca');
  const mechanisms = flags['saslMechanisms'] as readonly string[] | undefined;
  const maxReauthMs = flags['saslReauth'] as number | undefined;
  if (users === undefined && (mechanisms ?? maxReauthMs) !== undefined) {
    throw needs('--sasl-mechanisms and --sasl-reauth', '--sasl-users');
  }
  return {
    ...(cert !== undefined && key !== undefined && { tls: { cert, key, clientAuth, ...(ca !== undefined && { ca }) } }),
    ...(users !== undefined && {
      sasl: {
        users: parseUsers(users, String(flags['saslUsers'])),
        ...(mechanisms !== undefined && { mechanisms: mechanisms.map(parseMechanism) }),
        ...(maxReauthMs !== undefined && { maxReauthMs }),
      },
    }),
  };
}

/** One line for people: what clients have to do. */
export function securityNote({ tls, sasl }: DevSecurity): string {
  if (tls === undefined && sasl === undefined) return 'plain text, nobody has to log in';
  const encryption =
    tls === undefined ? 'plain text' : tls.clientAuth === true ? 'TLS with client certificates' : 'TLS';
  const mechanisms = sasl?.mechanisms ?? ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
  return sasl === undefined ? encryption : `${encryption}, clients log in by ${mechanisms.join(', ')}`;
}

function parseUsers(text: string, path: string): Record<string, string> {
  const users: Record<string, string> = {};
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const colon = line.indexOf(':');
    // The line may be a password alone, so it is not shown.
    if (colon < 1 || colon === line.length - 1) {
      throw new AnomalyError('ANM_CONFIG', `${path}:${index + 1} is not user:password`);
    }
    users[line.slice(0, colon)] = line.slice(colon + 1);
  });
  if (Object.keys(users).length === 0)
    throw new AnomalyError('ANM_CONFIG', `${path} has no user: one user:password a line`);
  return users;
}

function parseMechanism(name: string): SaslMechanism {
  const found = MECHANISMS.find((each) => each === name.toUpperCase());
  if (found !== undefined) return found;
  throw new AnomalyError('ANM_USAGE', `--sasl-mechanisms wants some of ${MECHANISMS.join(', ')}, got "${name}"`);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AnomalyError('ANM_CONFIG', `cannot read ${path}`, { cause });
  }
}

function needs(flag: string, other: string): AnomalyError {
  return new AnomalyError('ANM_USAGE', `${flag} needs ${other}`);
}
