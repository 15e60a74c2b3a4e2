import { AnomalyError } from '../errors.ts';
import { type HttpAnswer, type HttpService, httpAddress, httpFailure, httpRequest } from './http.ts';

/** Addresses are tried in order, beginning with the one that answered last. */
export type RegistryConnection = HttpService;

export interface RegistryAnswer {
  readonly status: number;
  /** error_code of the body, or the HTTP status where the body has none; 0 for success. */
  readonly errorCode: number;
  /** Message of the registry, or the status text. */
  readonly message: string;
  readonly body: unknown;
  /** The address that answered. */
  readonly url: string;
}

interface Attempt {
  readonly url: string;
  readonly reason: string;
  readonly timedOut: boolean;
  readonly tlsHint: string | null;
  readonly cause: unknown;
}

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';

/** One registry behind several addresses: each request goes to the first that answers. */
export class RegistryHttp {
  private readonly addresses: readonly ReturnType<typeof httpAddress>[];
  private readonly connection: RegistryConnection;
  private readonly timeoutMs: number;
  private preferred = 0;

  constructor(connection: RegistryConnection) {
    const { urls, timeoutMs = 10_000 } = connection;
    if (urls.length === 0)
      throw new AnomalyError('ANM_CONFIG', 'registry.urls is empty: it needs at least one address');
    this.addresses = urls.map((url) => parseAddress(url, connection));
    this.connection = connection;
    this.timeoutMs = timeoutMs;
  }

  /**
   * Any answer below 500 but 401 and 403 is returned, for the caller to judge.
   * @throws AnomalyError ANM_REGISTRY_UNREACHABLE, ANM_TIMEOUT, ANM_AUTHENTICATION
   */
  async request(method: string, path: string, body?: unknown): Promise<RegistryAnswer> {
    const failed: Attempt[] = [];
    for (let index = 0; index < this.addresses.length; index++) {
      const position = (this.preferred + index) % this.addresses.length;
      const outcome = await this.attempt(position, method, path, body);
      if ('status' in outcome) {
        this.preferred = position;
        return outcome;
      }
      failed.push(outcome);
    }
    throw unreachable(failed);
  }

  private async attempt(
    position: number,
    method: string,
    path: string,
    body: unknown,
  ): Promise<RegistryAnswer | Attempt> {
    const { url, authorization: authorize } = this.addresses[position]!;
    const authorization = authorize();
    let response: HttpAnswer;
    try {
      const headers = {
        accept: `${CONTENT_TYPE}, application/json`,
        ...(body === undefined ? {} : { 'content-type': CONTENT_TYPE }),
        ...(authorization === null ? {} : { authorization }),
      };
      const text = body === undefined ? undefined : JSON.stringify(body);
      response = await httpRequest(method, url + path, headers, text, this.timeoutMs, this.connection.tls);
    } catch (cause) {
      return { url, cause, ...(await httpFailure(cause, url, this.connection, 'registry')) };
    }
    const answer = read(response, url);
    if (answer.status === 401 || answer.status === 403) {
      const { username } = this.connection;
      const who =
        authorization === null
          ? 'a request without credentials'
          : `the credentials${username ? ` of ${username}` : ''}`;
      throw new AnomalyError('ANM_AUTHENTICATION', `${url} refused ${who}: ${answer.message}`, {
        hint: 'check registry.user and registry.password, or sasl.user and sasl.password where the registry has none of its own',
        details: { url, status: answer.status, error_code: answer.errorCode },
      });
    }
    if (answer.status < 500) return answer;
    const reason = `it answered ${answer.status}: ${answer.message}`;
    return { url, reason, timedOut: false, tlsHint: null, cause: undefined };
  }
}

function parseAddress(given: string, connection: RegistryConnection): ReturnType<typeof httpAddress> {
  let address: ReturnType<typeof httpAddress>;
  try {
    address = httpAddress(given, connection);
  } catch (cause) {
    // The text itself may hold a password, so it stays out of the message.
    throw new AnomalyError('ANM_CONFIG', 'registry.urls has an entry that is neither a URL nor host:port', { cause });
  }
  const scheme = address.url.slice(0, address.url.indexOf(':') + 1);
  if (scheme !== 'http:' && scheme !== 'https:') {
    throw new AnomalyError('ANM_CONFIG', `registry.urls has an entry of scheme ${scheme}: http and https work`);
  }
  return address;
}

function read({ status, statusText, text }: HttpAnswer, url: string): RegistryAnswer {
  const isOk = status >= 200 && status < 300;
  let body: unknown = null;
  try {
    body = text === '' ? null : JSON.parse(text);
  } catch (cause) {
    // Proxies answer errors in HTML; only a success has to be the registry's JSON.
    if (isOk) {
      throw new AnomalyError('ANM_PROTOCOL', `${url} is no Schema Registry: its answer is not JSON`, { cause });
    }
  }
  const said = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  return {
    status,
    errorCode: isOk ? 0 : typeof said['error_code'] === 'number' ? said['error_code'] : status,
    message: typeof said['message'] === 'string' ? said['message'] : statusText || `HTTP ${status}`,
    body,
    url,
  };
}

function unreachable(failed: readonly Attempt[]): AnomalyError {
  const places = failed.map(({ url, reason }) => `${url}: ${reason}`).join('; ');
  const tlsHint = failed.find((each) => each.tlsHint !== null)?.tlsHint;
  const code = failed.every(({ timedOut }) => timedOut) ? 'ANM_TIMEOUT' : 'ANM_REGISTRY_UNREACHABLE';
  return new AnomalyError(tlsHint ? 'ANM_TLS' : code, `cannot reach the Schema Registry: ${places}`, {
    hint: tlsHint ?? 'check --registry and request_timeout, or run anomaly doctor',
    cause: failed.at(-1)?.cause,
    details: { urls: failed.map(({ url }) => url) },
  });
}
