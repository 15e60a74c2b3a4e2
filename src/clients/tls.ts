import type { ConnectionOptions } from 'node:tls';
import type { TlsOptions } from './client.ts';

/** Options of node:tls and node:https for a connection to `host`. */
export function tlsConnectOptions(tls: TlsOptions, host: string): ConnectionOptions {
  const { ca, cert, key, insecureSkipVerify, serverName } = tls;
  // Server name indication takes names only; an address is checked against the certificate as it is.
  const name = serverName ?? (/^[\d.]+$|:/.test(host) ? undefined : host);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(name === undefined ? {} : { servername: name }),
    rejectUnauthorized: insecureSkipVerify !== true,
  };
}

/** What failed in TLS, in plain words, and the setting that mends it. */
export interface TlsProblem {
  readonly reason: string;
  readonly hint: string;
}

/**
 * The names of the settings to speak of: 'tls' for the brokers, 'registry.tls' and 'admin.tls' for the others.
 * Null where the error is none of TLS.
 */
export function tlsProblem(error: unknown, tls: TlsOptions | undefined, section: string): TlsProblem | null {
  const text = errorText(error);
  const found = PROBLEMS.find(([pattern]) => pattern.test(text));
  if (found === undefined) return null;
  const [, reason, hint] = found;
  if (hint !== CLIENT_CERTIFICATE) return { reason, hint: hint.replaceAll('tls.', `${section}.`) };
  return tls?.cert === undefined
    ? {
        reason: 'it wants a client certificate and got none',
        hint: `set ${section}.cert and ${section}.key to a certificate that it trusts`,
      }
    : {
        reason: `it refuses the client certificate (${reason})`,
        hint: `set ${section}.cert and ${section}.key to a certificate that it trusts`,
      };
}

const CLIENT_CERTIFICATE = 'client certificate';
const CA_HINT = 'set tls.ca to the file with the certificate of the authority that signed it';

/** By code (OpenSSL's names in Node and Bun) and message (rustls in Deno). The first that fits counts. */
const PROBLEMS: readonly [RegExp, string, string][] = [
  [
    /ALERT_CERTIFICATE_REQUIRED|CertificateRequired|tlsv13 alert certificate required/i,
    'none given',
    CLIENT_CERTIFICATE,
  ],
  [/ALERT_CERTIFICATE_EXPIRED|alert certificate expired/i, 'expired', CLIENT_CERTIFICATE],
  [/ALERT_UNKNOWN_CA|alert unknown ca/i, 'signed by an authority that it does not know', CLIENT_CERTIFICATE],
  [/ALERT_(BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE)/i, 'not accepted', CLIENT_CERTIFICATE],
  [/alert (bad certificate|certificate unknown)/i, 'not accepted', CLIENT_CERTIFICATE],
  [
    /CERT_HAS_EXPIRED|certificate has expired|\bExpired\b/,
    'its certificate has expired',
    'renew the certificate of the server',
  ],
  [/CERT_NOT_YET_VALID|NotValidYet/, 'its certificate is not valid yet', 'check the clock of this machine'],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|NotValidForName/,
    'its certificate is for another name',
    'use that name in the address, or set tls.server_name to it',
  ],
  [
    /DEPTH_ZERO_SELF_SIGNED_CERT|self[- ]signed certificate$/i,
    'its certificate is self-signed',
    'set tls.ca to the file with that certificate',
  ],
  [
    /SELF_SIGNED_CERT_IN_CHAIN|self[- ]signed certificate in/i,
    'its certificate is signed by an authority that is not trusted here',
    CA_HINT,
  ],
  [
    /UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)|UnknownIssuer|unable to (verify|get (local )?issuer)/i,
    'its certificate is signed by an authority that is not trusted here',
    CA_HINT,
  ],
  [/CERT_REVOKED/, 'its certificate is revoked', 'renew the certificate of the server'],
  [/INVALID_PURPOSE/, 'its certificate is not for servers', 'renew the certificate of the server'],
  [
    /ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/,
    'it has no version of TLS that this client speaks',
    'let the server take TLS 1.2 or 1.3',
  ],
  [
    /ALERT_HANDSHAKE_FAILURE|NO_SHARED_CIPHER/,
    'it has no cipher in common with this client, or wants a client certificate',
    'set tls.cert and tls.key, or check the ciphers of the server',
  ],
];

/** Codes and messages of an error and of what is behind it. */
function errorText(error: unknown, depth = 0): string {
  if (typeof error === 'string') return error;
  if (typeof error !== 'object' || error === null || depth > 6) return '';
  const { code, message, cause, errors } = error as {
    code?: unknown;
    message?: unknown;
    cause?: unknown;
    errors?: readonly unknown[];
  };
  const inner = [cause, ...(errors ?? [])].map((each) => errorText(each, depth + 1));
  return [code, message, ...inner].filter((part) => typeof part === 'string' && part !== '').join('\n');
}
