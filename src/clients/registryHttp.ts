import { AnomalyError } from '../errors.ts';
import { type HttpAnswer, httpRequest } from './http.ts';

export interface RegistryConnection {
  /** `http://host:port`, or just `host:port`. Tried in order, beginning with the one that answered last. */
  readonly urls: readonly string[];
  readonly username?: string;
  readonly password?: string;
  /** Setting request_timeout: time for one answer of one address. Default 10000. */
  readonly timeoutMs?: number;
}

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
  readonly cause: unknown;
}

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';

/** One registry behind several addresses: each request goes to the first that answers. */
export class RegistryHttp {
  private readonly addresses: readonly { readonly url: string; readonly authorization: string | null }[];
  private readonly timeoutMs: number;
  private preferred = 0;

  constructor({ urls, username, password, timeoutMs = 10_000 }: RegistryConnection) {
    if (urls.length === 0)
      throw new AnomalyError('ANM_CONFIG', 'registry.urls is empty: it needs at least one address');
    this.addresses = urls.map((url) => parseAddress(url, username, password));
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
    const { url, authorization } = this.addresses[position]!;
    let response: HttpAnswer;
    try {
      const headers = {
        accept: `${CONTENT_TYPE}, application/json`,
        ...(body === undefined ? {} : { 'content-type': CONTENT_TYPE }),
        ...(authorization === null ? {} : { authorization }),
      };
      const text = body === undefined ? undefined : JSON.stringify(body);
      response = await httpRequest(method, url + path, headers, text, this.timeoutMs);
    } catch (cause) {
      const timedOut = cause instanceof Error && cause.name === 'TimeoutError';
      const reason = timedOut ? `no answer within ${this.timeoutMs} ms (request_timeout)` : networkReason(cause);
      return { url, reason, timedOut, cause };
    }
    const answer = read(response, url);
    if (answer.status === 401 || answer.status === 403) {
      throw new AnomalyError('ANM_AUTHENTICATION', `${url} refused the credentials: ${answer.message}`, {
        hint: 'check registry.user and registry.password',
        details: { url, status: answer.status, error_code: answer.errorCode },
      });
    }
    if (answer.status < 500) return answer;
    const reason = `it answered ${answer.status}: ${answer.message}`;
    return { url, reason, timedOut: false, cause: undefined };
  }
}

function parseAddress(given: string, username: string | undefined, password: string | undefined) {
  const text = given.includes('://') ? given : `http://${given}`;
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    // The text itself may hold a password, so it stays out of the message.
    throw new AnomalyError('ANM_CONFIG', 'registry.urls has an entry that is neither a URL nor host:port', { cause });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new AnomalyError('ANM_CONFIG', `registry.urls has an entry of scheme ${url.protocol}: http and https work`);
  }
  const user = username ?? decodeURIComponent(url.username);
  const secret = password ?? decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  const authorization = user === '' ? null : `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
  return { url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, authorization };
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

function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses of one name failed: the first says enough.
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  return first.message !== '' ? first.message : ((first as NodeJS.ErrnoException).code ?? first.name);
}

function unreachable(failed: readonly Attempt[]): AnomalyError {
  const places = failed.map(({ url, reason }) => `${url}: ${reason}`).join('; ');
  const code = failed.every(({ timedOut }) => timedOut) ? 'ANM_TIMEOUT' : 'ANM_REGISTRY_UNREACHABLE';
  return new AnomalyError(code, `cannot reach the Schema Registry: ${places}`, {
    hint: 'check --registry and request_timeout, or run anomaly doctor',
    cause: failed.at(-1)?.cause,
    details: { urls: failed.map(({ url }) => url) },
  });
}
