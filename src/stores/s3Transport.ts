import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { rootCertificates } from 'node:tls';
import { DeadlineError, deadlineMs } from './storeErrors.ts';

/** An answer that says to come again. The package would throw it away unread, and its code with it. */
export class BusyError extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`HTTP ${status}`);
    this.name = 'BusyError';
    this.status = status;
    this.body = body;
  }
}

/** An answer that no S3 service gives: the package would take it for an error without words. */
export class ForeignError extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`HTTP ${status}`);
    this.name = 'ForeignError';
    this.status = status;
    this.body = body;
  }
}

/** What the package calls retryable, and replaces by an error without the answer's words. */
const BUSY = new Set([408, 429, 499, 500, 502, 503, 504, 520]);
const MOST_ERROR_BYTES = 64 * 1024;

/**
 * The node:http under the S3 package: connections of its own that end with the store, a deadline for each request with
 * its answer, and the words of answers that say to come again.
 */
export class S3Transport {
  readonly agent: HttpAgent;
  /** The server's clock minus this one, of the last answer; undefined before one. */
  skewMs: number | undefined;
  readonly #isTls: boolean;
  readonly #timeoutMs: number;

  constructor(isTls: boolean, timeoutMs: number, ca?: string) {
    this.#isTls = isTls;
    this.#timeoutMs = timeoutMs;
    const options = { keepAlive: true, maxSockets: 16 };
    this.agent = isTls
      ? new HttpsAgent({ ...options, ...(ca !== undefined && { ca: [...rootCertificates, ca] }) })
      : new HttpAgent(options);
  }

  request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest {
    const start = this.#isTls ? requestHttps : requestHttp;
    const headers = options.headers as Readonly<Record<string, string>> | undefined;
    const ms = deadlineMs(this.#timeoutMs, Number(headers?.['content-length'] ?? 0));
    const request = start(options, (response) => {
      answer = response;
      response.once('close', () => clearTimeout(timer));
      const date = Date.parse(response.headers.date ?? '');
      if (!Number.isNaN(date)) this.skewMs = date - Date.now();
      const status = response.statusCode ?? 0;
      if (isForeign(response, options.method)) {
        return readText(response, (body) => request.emit('error', new ForeignError(status, body)));
      }
      if (!BUSY.has(status)) return onResponse(response);
      readText(response, (body) => request.emit('error', new BusyError(status, body)));
    });
    let answer: IncomingMessage | undefined;
    const timer = setTimeout(() => {
      const late = new DeadlineError(ms);
      answer?.destroy(late);
      request.destroy(late);
    }, ms);
    request.once('error', () => clearTimeout(timer));
    return request;
  }

  close(): void {
    this.agent.destroy();
  }
}

/** Errors of S3 are XML, and its answers have a header of its own; a gateway's 5xx before it may have neither. */
function isForeign({ statusCode = 0, headers }: IncomingMessage, method: string | undefined): boolean {
  if (statusCode < 400 || BUSY.has(statusCode) || method === 'HEAD') return false;
  const type = headers['content-type'] ?? '';
  return type !== '' && !/xml/i.test(type) && !Object.keys(headers).some((name) => name.startsWith('x-amz-'));
}

function readText(response: IncomingMessage, done: (text: string) => void): void {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    if (text.length < MOST_ERROR_BYTES) text += chunk;
  });
  response.once('error', () => done(text));
  response.once('end', () => done(text));
}
