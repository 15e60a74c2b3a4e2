import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** As text, and as it came. */
  readonly body: string;
  readonly bytes: Buffer;
  /** Number of the connection, from 0 on. */
  readonly connection: number;
  readonly socket: Socket;
}

export type Answer = { readonly status?: number; readonly body: unknown; readonly headers?: Record<string, string> };
/** An answer, or undefined where the handler does all by itself. Text is sent as it is, else JSON. */
export type Handler = (received: Received, response: ServerResponse) => Answer | undefined;

export interface LocalServer {
  /** host:port. */
  readonly host: string;
  readonly requests: Received[];
  handler: Handler;
}

/** An HTTP server of this process, which ends with the test. */
export async function localServer(
  context: Pick<TestContext, 'after'>,
  handler: Handler,
  tls?: { readonly cert: string; readonly key: string },
): Promise<LocalServer> {
  const connections = new Map<Socket, number>();
  const requests: Received[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers, socket } = request;
      if (!connections.has(socket)) connections.set(socket, connections.size);
      const bytes = Buffer.concat(chunks);
      const body = bytes.toString();
      const received = { method, path: url, headers, body, bytes, connection: connections.get(socket)!, socket };
      requests.push(received);
      const answer = local.handler(received, response);
      if (answer === undefined) return;
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  const local: LocalServer = { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests, handler };
  return local;
}

/** |last - mean of the window|. */
export function distance(window: readonly number[]): number {
  const mean = window.reduce((sum, value) => sum + value, 0) / window.length;
  return Math.abs(window.at(-1)! - mean);
}
