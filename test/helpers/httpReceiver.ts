import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { certificateWithKey } from './certificates/files.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a receiver does with a request: answers, never answers, breaks the connection, or breaks the answer off. */
export type Reaction = Answer | 'hang' | 'break' | 'breakOff';

/** A server of HTTP, or of HTTPS, that keeps what it is sent. */
export class HttpReceiver {
  readonly received: Received[] = [];
  react: (received: Received) => Reaction = () => ({ status: 200 });
  readonly #server: Server;
  readonly #scheme: string;

  constructor({ tls = false }: { readonly tls?: boolean } = {}) {
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const received = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
        this.received.push(received);
        answer(response, this.react(received));
      });
    };
    this.#scheme = tls ? 'https' : 'http';
    this.#server = tls ? createTlsServer(certificateWithKey('server'), handle) : createServer(handle);
  }

  /** @param port 0 for any */
  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path = ''): string {
    return `${this.#scheme}://127.0.0.1:${this.port}${path}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

function answer(response: ServerResponse, reaction: Reaction): void {
  if (reaction === 'hang') return;
  if (reaction === 'break') {
    response.destroy();
  } else if (reaction === 'breakOff') {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('the beginning', () => response.destroy());
  } else {
    response.writeHead(reaction.status, reaction.headers).end(reaction.text ?? '');
  }
}
