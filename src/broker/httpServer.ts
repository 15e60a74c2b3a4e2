import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AnomalyError } from '../errors.ts';

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  /** Ends idle and running connections too; resolves when the port is free. */
  close(): Promise<void>;
}

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface HttpRequest {
  readonly method: string;
  /** Path segments, percent-decoded: a subject may hold a slash. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly body: string;
}

export interface HttpServerOptions {
  /** 0 = any free port. */
  readonly port: number;
  readonly host: string;
  /** What the port is for, in messages: 'Schema Registry'. */
  readonly purpose: string;
  /** Requests with a longer body get `tooLarge`. */
  readonly maxBodyBytes: number;
  /** Bodies of all requests under way together; a request above it is answered 503. Default 64 MiB. */
  readonly maxBufferedBytes?: number;
  /** Must not throw: failures are replies. */
  handle(request: HttpRequest): HttpReply | Promise<HttpReply>;
  readonly tooLarge: HttpReply;
}

/** More are closed at once, so that clients that never finish cannot take all sockets of the process. */
const MAX_CONNECTIONS = 512;
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
/** A body that goes on beyond this many times the allowed size loses its connection instead of an answer. */
const MOST_OVERSIZE = 16;
/** For the whole of one request, and for its headers: a slow client is closed. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** Without a byte either way, as when a client does not read its answer. */
const SILENCE_TIMEOUT_MS = 60_000;

/** Starts a small HTTP server for one handler. @throws AnomalyError ANM_PORT_IN_USE */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const bodies = new BodyReader(options.maxBodyBytes, options.maxBufferedBytes ?? MAX_BUFFERED_BYTES);
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 5000 },
    (request, response) => {
      bodies
        .read(request, async (body) => {
          if (body === 'too large') return options.tooLarge;
          return body === 'no room' ? busy(options.tooLarge) : await options.handle(decode(request, body));
        })
        // The client went away in the middle of its request, or sends without end: there is nobody to answer.
        .then(
          (reply) => send(response, reply),
          () => response.destroy(),
        );
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(SILENCE_TIMEOUT_MS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, options)));
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    port,
    url: `http://${host}:${port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

function listenError(error: NodeJS.ErrnoException, { host, port, purpose }: HttpServerOptions): AnomalyError {
  const code = error.code === 'EADDRINUSE' ? 'ANM_PORT_IN_USE' : 'ANM_CONFIG';
  const reason = error.code === 'EADDRINUSE' ? 'the port is taken by another process' : error.message;
  return new AnomalyError(code, `cannot listen on ${host}:${port} for the ${purpose} as ${reason}`, { cause: error });
}

/** Reads bodies within a limit for each and one for all together. */
class BodyReader {
  private readonly maxBytes: number;
  private readonly maxBufferedBytes: number;
  private bufferedBytes = 0;

  constructor(maxBytes: number, maxBufferedBytes: number) {
    this.maxBytes = maxBytes;
    this.maxBufferedBytes = maxBufferedBytes;
  }

  /** Calls `use` with the body, or with why there is none; the body's room is taken until its promise settles. */
  async read(
    request: IncomingMessage,
    use: (body: Buffer | 'too large' | 'no room') => Promise<HttpReply>,
  ): Promise<HttpReply> {
    const chunks: Buffer[] = [];
    let seen = 0;
    let held = 0;
    let refusal: 'too large' | 'no room' | null = null;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        seen += chunk.length;
        if (seen > this.maxBytes * MOST_OVERSIZE) throw new Error('the body does not end');
        if (seen > this.maxBytes) refusal = 'too large';
        else if (this.bufferedBytes + chunk.length > this.maxBufferedBytes) refusal ??= 'no room';
        // Read on without keeping: an answer before the end of the request would be lost by many clients.
        if (refusal === null) {
          chunks.push(chunk);
          held += chunk.length;
          this.bufferedBytes += chunk.length;
        } else chunks.length = 0;
      }
      return await use(refusal ?? Buffer.concat(chunks));
    } finally {
      this.bufferedBytes -= held;
    }
  }
}

function busy({ contentType }: HttpReply): HttpReply {
  const message = 'too many large requests at once; try again';
  return { status: 503, contentType, body: JSON.stringify({ error_code: 503, message }) };
}

function decode(request: IncomingMessage, body: Buffer): HttpRequest {
  const [path = '', query = ''] = splitOnce(request.url ?? '/', '?');
  return {
    method: request.method ?? 'GET',
    segments: path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeSegment),
    query: new URLSearchParams(query),
    contentType: (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase(),
    body: body.toString('utf8'),
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A stray percent sign stands for itself.
    return segment;
  }
}

function send(response: ServerResponse, reply: HttpReply): void {
  response.writeHead(reply.status, {
    'content-type': reply.contentType,
    'content-length': Buffer.byteLength(reply.body),
  });
  response.end(reply.body);
}
