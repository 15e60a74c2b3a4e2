import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TlsOptions } from '../client.ts';
import { tlsConnectOptions } from '../tls.ts';

/** A read takes up to this much from the kernel at once. */
const READ_BYTES = 256 * 1024;

/**
 * Connects without TLS, reading into one buffer that is used again: 'data' events cost an allocation of 64 KiB a read,
 * and the garbage collector a tenth of a fast consumer's time. `onBytes` gets a view that is valid during the call.
 * A runtime without `onread` gives 'data' events instead; the caller listens to both.
 */
export async function dialPlain(
  host: string,
  port: number,
  dialTimeoutMs: number,
  onBytes: (bytes: Uint8Array) => void,
): Promise<Socket> {
  const onread = {
    buffer: new Uint8Array(READ_BYTES),
    callback: (length: number, buffer: Uint8Array) => {
      onBytes(buffer.subarray(0, length));
      return true;
    },
  };
  const socket = connect({ host, port, noDelay: true, onread });
  await opened(socket, 'connect', dialTimeoutMs);
  return socket;
}

/** Connects by TLS, the certificate checked. */
export async function dialTls(host: string, port: number, tls: TlsOptions, dialTimeoutMs: number): Promise<Socket> {
  const socket = connectTls({ ...tlsConnectOptions(tls, host), host, port });
  socket.setNoDelay(true);
  await opened(socket, 'secureConnect', dialTimeoutMs);
  return socket;
}

async function opened(socket: Socket, event: 'connect' | 'secureConnect', dialTimeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no connection within ${dialTimeoutMs} ms`)), dialTimeoutMs);
      socket.once(event, resolve);
      socket.once('error', reject);
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  for (const each of [event, 'error']) socket.removeAllListeners(each);
}
