import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { AnomalyError } from '../errors.ts';
import { type ListenerTls, serverTls } from './security/listener.ts';

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
  /** Absent: plain text. */
  readonly tls?: ListenerTls | undefined;
  /** A reply for a request that may not be handled, by its Authorization header; null lets it pass. */
  readonly refuse?: ((path: string, authorization: string | undefined) => HttpReply | null) | undefined;
}

/** Starts a small HTTP server for one synchronous handler. @throws AnomalyError ANM_PORT_IN_USE */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    readBody(request, options.maxBodyBytes).then(
      (body) => send(response, replyTo(request, body, options)),
      // The client went away in the middle of its request: there is nobody to answer.
      () => response.destroy(),
    );
  };
  const server = options.tls === undefined ? createServer(listener) : createTlsServer(serverTls(options.tls), listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, options)));
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    port,
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

function replyTo(request: IncomingMessage, body: string | null, options: HttpServerOptions): HttpReply {
  const path = (request.url ?? '/').split('?', 1)[0]!;
  const refused = options.refuse?.(path, request.headers.authorization);
  if (refused) return refused;
  return body === null ? options.tooLarge : options.handle(decode(request, body));
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
    ...(reply.status === 401 ? { 'www-authenticate': 'Basic realm="anomaly dev"' } : {}),
  });
  response.end(reply.body);
}
