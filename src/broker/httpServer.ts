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
  /** Must not throw: failures are replies. */
  handle(request: HttpRequest): HttpReply;
  readonly tooLarge: HttpReply;
}

/** Starts a small HTTP server for one synchronous handler. @throws AnomalyError ANM_PORT_IN_USE */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer((request, response) => {
    readBody(request, options.maxBodyBytes).then(
      (body) => send(response, body === null ? options.tooLarge : options.handle(decode(request, body))),
      // The client went away in the middle of its request: there is nobody to answer.
      () => response.destroy(),
    );
  });
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

async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Read on without keeping: an answer before the end of the request would be lost by many clients.
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  return bytes > maxBytes ? null : Buffer.concat(chunks).toString('utf8');
}

function decode(request: IncomingMessage, body: string): HttpRequest {
  const [path = '', query = ''] = splitOnce(request.url ?? '/', '?');
  return {
    method: request.method ?? 'GET',
    segments: path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeSegment),
    query: new URLSearchParams(query),
    contentType: (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase(),
    body,
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
