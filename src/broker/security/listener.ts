import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer } from 'node:tls';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';

/** PEM texts of a listener that speaks TLS. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
  /** Authority of client certificates. */
  readonly ca?: string;
  /** A client without a certificate that `ca` signed is refused: mutual TLS. */
  readonly clientAuth?: boolean;
}

/** Options of node:tls and node:https servers. @throws AnomalyError ANM_CONFIG */
export function serverTls({ cert, key, ca, clientAuth = false }: ListenerTls) {
  if (clientAuth && ca === undefined) {
    throw new AnomalyError('ANM_CONFIG', 'cannot ask clients for certificates without the authority that signs them');
  }
  const options = { cert, key, ...(ca === undefined ? {} : { ca }) };
  try {
    createSecureContext(options);
  } catch (cause) {
    throw new AnomalyError('ANM_CONFIG', 'cannot use the certificate and key of the listener together', { cause });
  }
  return { ...options, requestCert: clientAuth, rejectUnauthorized: clientAuth };
}

export interface Listener {
  readonly server: Server;
  /** Drops connections that have not got through TLS yet. */
  drop(): void;
}

/** A server for Kafka's protocol, not yet listening. A client that fails at TLS gets no further than here. */
export function makeListener(
  tls: ListenerTls | undefined,
  accept: (socket: Socket) => void,
  logger: Logger | undefined,
): Listener {
  if (tls === undefined) return { server: createServer({ noDelay: true }, accept), drop: () => {} };
  const sockets = new Set<Socket>();
  const server = createTlsServer(serverTls(tls), accept);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (error, socket) => {
    const reason = `TLS: ${(error as NodeJS.ErrnoException).code ?? error.message}`;
    logger?.warn('closed a connection', { reason, client: socket.remoteAddress });
    socket.destroy();
  });
  return {
    server,
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
