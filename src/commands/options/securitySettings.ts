import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { SaslOptions, TlsOptions } from '../../clients/client.ts';
import type { Settings } from '../../config/settings.ts';
import { AnomalyError } from '../../errors.ts';

/** The keys of one service: `tls` for the brokers, `registry.tls`, `admin.tls`. */
export type TlsSection = 'tls' | 'registry.tls' | 'admin.tls';

/**
 * TLS of a service, files read and checked; undefined where it is not asked for. Authority and client certificate of the
 * brokers do for the other services, unless they have their own.
 *
 * @throws ANM_CONFIG for a file that cannot be read or is no PEM, and for a certificate without its key
 */
export function tlsOptions(settings: Settings, section: TlsSection, cwd: string): TlsOptions | undefined {
  const own = ['ca', 'cert', 'key'].some((name) => settings.optionalString(`${section}.${name}`) !== undefined);
  // Files without tls.enabled mean TLS; an explicit false wins over them.
  const asked = settings.origin(`${section}.enabled`).origin !== 'default';
  if (asked ? !settings.boolean(`${section}.enabled`) : !own) return undefined;
  return readTls(settings, section, cwd);
}

/** What holds for an address that says https by itself, whatever tls.enabled says. */
export function readTls(settings: Settings, section: TlsSection, cwd: string): TlsOptions {
  const file = (name: string): PemFile | undefined =>
    pemFile(settings, `${section}.${name}`, cwd) ?? pemFile(settings, `tls.${name}`, cwd);
  const [ca, cert, key] = [file('ca'), file('cert'), file('key')];
  checkPem(ca, cert, key);
  const serverName = settings.optionalString(`${section}.server_name`);
  return {
    ...(ca !== undefined && { ca: ca.text }),
    ...(cert !== undefined && { cert: cert.text }),
    ...(key !== undefined && { key: key.text }),
    ...(serverName !== undefined && { serverName }),
    insecureSkipVerify: settings.boolean(`${section}.insecure_skip_verify`),
  };
}

/** @throws ANM_CONFIG where a user or a password is missing */
export function saslOptions(settings: Settings): SaslOptions | undefined {
  const username = settings.optionalString('sasl.user');
  const mechanism = settings.optionalString('sasl.mechanism') as SaslOptions['mechanism'] | undefined;
  if (username === undefined && mechanism === undefined) return undefined;
  const password = settings.secret('sasl.password');
  if (mechanism === 'OAUTHBEARER') {
    if (password === undefined) {
      throw new AnomalyError('ANM_CONFIG', 'sasl.password is not set, and OAUTHBEARER needs a token there', {
        hint: 'use RPK_PASS=token:..., or --password-file with a file that holds the token',
      });
    }
    return { mechanism, token: () => tokenOf(settings.secret('sasl.password') ?? password) };
  }
  if (username === undefined || password === undefined) {
    const missing = username === undefined ? 'sasl.user' : 'sasl.password';
    throw new AnomalyError('ANM_CONFIG', `${missing} is not set, and SASL needs it`, {
      hint: 'use RPK_USER and RPK_PASS, or -X sasl.user=NAME --password-file PATH',
    });
  }
  return { mechanism: mechanism ?? 'SCRAM-SHA-256', username, password };
}

/** rpk's notation is token:...; a file may hold the token alone. */
function tokenOf(text: string): string {
  return text.trim().replace(/^token:/, '');
}

interface PemFile {
  readonly key: string;
  readonly path: string;
  readonly text: string;
}

function pemFile(settings: Settings, key: string, cwd: string): PemFile | undefined {
  const path = settings.optionalString(key);
  if (path === undefined) return undefined;
  try {
    return { key, path, text: readFileSync(isAbsolute(path) ? path : join(cwd, path), 'utf8') };
  } catch (cause) {
    throw new AnomalyError('ANM_CONFIG', `cannot read ${path}, which ${key} names (${settings.origin(key).place})`, {
      cause,
    });
  }
}

/** Here it can be said which file is wrong; a handshake says no more than that it failed. */
function checkPem(ca: PemFile | undefined, cert: PemFile | undefined, key: PemFile | undefined): void {
  for (const file of [ca, cert]) if (file !== undefined) checkCertificate(file);
  const alone = cert ?? key;
  if (alone !== undefined && (cert === undefined || key === undefined)) {
    const missing = alone.key.replace(/(cert|key)$/, (name) => (name === 'cert' ? 'key' : 'cert'));
    throw new AnomalyError('ANM_CONFIG', `${alone.key} is set without ${missing}, and one needs the other`);
  }
  if (cert === undefined || key === undefined) return;
  try {
    createSecureContext({ cert: cert.text, key: key.text });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = /MISMATCH/.test(code ?? '')
      ? `it is not the key of ${cert.path} (${cert.key})`
      : /PASSWORD|PASSPHRASE/.test(`${code} ${message.toUpperCase()}`)
        ? 'it is encrypted, and passphrases are not supported'
        : 'it is no private key in PEM';
    throw new AnomalyError('ANM_CONFIG', `cannot use ${key.path} (${key.key}) as ${reason}`, { cause });
  }
}

function checkCertificate({ key, path, text }: PemFile): void {
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw new AnomalyError('ANM_CONFIG', `cannot use ${path} (${key}) as it is no certificate in PEM`, { cause });
  }
}
