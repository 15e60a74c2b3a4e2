import { type Agent, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { AnomalyError } from '../../errors.ts';
import { beforeAnswer, Connections } from '../../platform/connections.ts';
import { answerTooLarge, brokeOff, type Exchange, noAnswer, refused } from './serverErrors.ts';

export interface HttpModelOptions {
  /** Sent with each request. Their values are secrets: what the server says of them is not repeated. */
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM of a certificate authority beside the known ones. */
  readonly ca?: string;
  /** Largest answer that is read. Default 16 MiB. */
  readonly mostAnswerBytes?: number;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer | undefined;
  readonly extra: Readonly<Record<string, string>>;
}

interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly location: string | undefined;
  readonly body: Buffer;
}

const MOST_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * Requests to one server, over connections that stay open. An address with user and password logs in by them; no message
 * has them, or the values of a query.
 */
export class HttpModel {
  readonly #origin: string;
  readonly #search: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #connections: Connections;
  readonly #most: number;
  readonly #secrets: readonly string[];

  /** @param address of the server; a path is not looked at, a query goes with each request */
  constructor(address: URL, { headers = {}, ca, mostAnswerBytes = MOST_ANSWER_BYTES }: HttpModelOptions) {
    this.#origin = address.origin;
    this.#search = address.search;
    const user = decodeURIComponent(address.username);
    const password = decodeURIComponent(address.password);
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    this.#headers = { ...(user !== '' && { authorization: basic }), ...headers };
    this.#secrets = [password, ...address.searchParams.values(), ...Object.values(this.#headers)].flatMap(wordsOf);
    this.#connections = new Connections(address.protocol === 'https:', { ca });
    this.#most = mostAnswerBytes;
  }

  /** Where it is, as messages have it. */
  shown(path: string): string {
    return `${this.#origin}${path}${this.#search === '' ? '' : '?...'}`;
  }

  /**
   * The body of an answer with a status of 2xx. A connection that was closed before anything of an answer came is
   * replaced by a new one, once: it was idle for too long.
   *
   * @param body JSON, unless `extra` has another content-type
   * @param extra headers of this request beside those of all
   * @throws ANM_MODEL_SERVER, ANM_AUTHENTICATION, ANM_AUTHORIZATION, ANM_MODEL_UNKNOWN, ANM_PROTOCOL, ANM_TLS,
   *   ANM_MODEL_OUTPUT for an answer that is too large
   */
  async send(
    method: 'GET' | 'POST',
    path: string,
    body: string | Buffer | undefined,
    signal: AbortSignal,
    extra: Readonly<Record<string, string>> = {},
  ): Promise<Buffer> {
    const exchange: Exchange = { doing: `${method} ${this.shown(path)}`, host: new URL(this.#origin).host };
    const sent: Sent = { method, path, body: typeof body === 'string' ? Buffer.from(body) : body, extra };
    let reply: Reply;
    try {
      // Scoring changes nothing at a server: a POST may be sent again too.
      reply = await this.#connections.send(method, (agent) => this.#once(exchange, sent, signal, agent), true);
    } catch (error) {
      throw this.#fault(exchange, error, signal);
    }
    if (reply.status >= 200 && reply.status < 300) return reply.body;
    const { status, statusText, location } = reply;
    throw refused(exchange, { status, statusText, location, text: this.#withoutSecrets(reply.body.toString()) });
  }

  close(): void {
    this.#connections.close();
  }

  #once(exchange: Exchange, { method, path, body, extra }: Sent, signal: AbortSignal, agent: Agent): Promise<Reply> {
    const start = this.#origin.startsWith('https:') ? requestHttps : requestHttp;
    const headers = {
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': String(body.length) }),
      ...extra,
      ...this.#headers,
    };
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new Error('aborted'));
      const request = start(`${this.#origin}${path}${this.#search}`, { method, headers, agent }, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          chunks.push(chunk);
          if (size <= this.#most) return;
          fail(answerTooLarge(exchange, this.#most));
          request.destroy();
        });
        // After its end this changes nothing; not every runtime calls an answer that breaks off an error.
        response.once('close', () => fail(brokeOff(exchange)));
        response.once('error', () => fail(brokeOff(exchange)));
        response.once('end', () => {
          signal.removeEventListener('abort', abort);
          const { statusCode: status = 0, statusMessage: statusText = '' } = response;
          resolve({ status, statusText, location: response.headers.location, body: Buffer.concat(chunks) });
        });
      });
      const abort = (): void => {
        fail(new Error('aborted'));
        request.destroy();
      };
      const fail = (error: Error): void => {
        signal.removeEventListener('abort', abort);
        reject(error);
      };
      signal.addEventListener('abort', abort);
      request.once('error', (error) => fail(beforeAnswer(error)));
      // What breaks later is told by the answer; without a listener it would end the process.
      request.on('error', () => {});
      request.end(body);
    });
  }

  #fault(exchange: Exchange, error: unknown, signal: AbortSignal): AnomalyError {
    if (error instanceof AnomalyError) return error;
    return noAnswer(exchange, signal.aborted ? signal.reason : error, signal.aborted);
  }

  #withoutSecrets(text: string): string {
    return this.#secrets.reduce((left, secret) => left.replaceAll(secret, '********'), text);
  }
}

/** A header may have a word before the secret; what is short is in many texts. */
function wordsOf(value: string): string[] {
  return [value, ...value.split(/\s+/)].filter((word) => word.length > 3 && !/^(basic|bearer|token)$/i.test(word));
}
