import type { Socket } from 'node:net';
import type { ClientOptions } from '../client.ts';
import { NO_CONTACT } from '../contact.ts';
import { BrokerSocket } from './brokerSocket.ts';
import { dialPlain, dialTls } from './dialSocket.ts';
import { logIn } from './logIn.ts';
import { connectionFailure, plainReason } from './networkErrors.ts';

type Library = typeof import('./library.ts');

/** Connects and logs in within `dialTimeoutMs`, or rejects with an AnomalyError that names the address. */
export async function dialBroker(
  library: Library,
  host: string,
  port: number,
  options: ClientOptions,
  dialTimeoutMs: number,
): Promise<BrokerSocket> {
  const { tls, sasl, clientId = 'anomaly', requestTimeoutMs = 10_000, contact = NO_CONTACT } = options;
  const address = `${host}:${port}`;
  const begunMs = performance.now();
  let opened: BrokerSocket | undefined;
  try {
    const socket: Socket =
      tls === undefined
        ? await dialPlain(host, port, dialTimeoutMs, (bytes) => opened?.receive(bytes))
        : await dialTls(host, port, tls, dialTimeoutMs);
    opened = new BrokerSocket(library, socket, address, clientId, requestTimeoutMs, contact);
    if (sasl !== undefined) {
      const leftMs = Math.max(1, dialTimeoutMs - (performance.now() - begunMs));
      await logIn(library, opened, sasl, leftMs);
    }
    return opened;
  } catch (error) {
    opened?.close();
    contact.failed(`${address}: ${plainReason(error)}`, performance.now() - begunMs);
    throw connectionFailure(error, address, options, dialTimeoutMs);
  }
}
