import type { ConnectionOptions } from '@platformatic/kafka';
import type { ClientOptions } from '../client.ts';

/** What the library's Connection takes, of the options of ours. */
export function libraryOptions(options: ClientOptions, host: string, dialTimeoutMs: number): ConnectionOptions {
  const result: ConnectionOptions = { connectTimeout: dialTimeoutMs, requestTimeout: dialTimeoutMs, maxInflights: 1 };
  if (options.tls !== undefined) {
    const { ca, cert, key, insecureSkipVerify, serverName } = options.tls;
    result.tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: insecureSkipVerify !== true,
    };
    // Server name indication takes names only, not addresses.
    const name = serverName ?? (/^[\d.]+$|:/.test(host) ? undefined : host);
    if (name !== undefined) result.tlsServerName = name;
  }
  if (options.sasl !== undefined) {
    const { mechanism, username, password, token } = options.sasl;
    result.sasl = {
      mechanism,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(token === undefined ? {} : { token }),
    };
  }
  return result;
}
