import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { TlsOptions } from './client.ts';
import { tlsConnectOptions } from './tls.ts';

/** What a listener shows of itself to whoever asks: no password is sent. */
export interface ListenerView {
  /** Null: it answered in neither. */
  readonly transport: 'plain' | 'tls' | null;
  /** 'TLSv1.3'. */
  readonly tlsVersion?: string;
  readonly certificate?: CertificateView;
  /** Why the handshake or the check of the certificate fails, as the settings have it. */
  readonly tlsError?: Error;
  /** Whether clients have to log in; null where it did not say. */
  readonly wantsLogin: boolean | null;
  /** SASL mechanisms offered. */
  readonly mechanisms: readonly string[];
}

export interface CertificateView {
  readonly subject: string;
  readonly issuer: string;
  /** Epoch milliseconds. */
  readonly expiresMs: number;
}

export interface InspectOptions {
  /** Absent: plain text is tried first. */
  readonly tls?: TlsOptions | undefined;
  /** Asked for in the handshake, which tells the mechanisms whatever is asked for. */
  readonly mechanism?: string | undefined;
  /** In all. */
  readonly timeoutMs: number;
}

type Answers = Pick<ListenerView, 'wantsLogin' | 'mechanisms'>;

/** Asks a listener how it wants to be spoken to: ApiVersions and SaslHandshake, in plain text and by TLS. Never rejects. */
export async function inspectListener(host: string, port: number, options: InspectOptions): Promise<ListenerView> {
  const end = performance.now() + options.timeoutMs;
  // Half of the time for the first way, so that the second has some too.
  const left = (): number => Math.max(50, end - performance.now());
  const first =
    options.tls === undefined
      ? await byPlain(host, port, options, left() / 2)
      : await byTls(host, port, options, left() / 2);
  if (first !== null) return first;
  const second =
    options.tls === undefined ? await byTls(host, port, options, left()) : await byPlain(host, port, options, left());
  return second ?? { transport: null, wantsLogin: null, mechanisms: [] };
}

/** The certificate that a server shows, whether or not it is trusted; null where there is none to be had. */
export async function peerCertificate(
  host: string,
  port: number,
  tls: TlsOptions,
  timeoutMs: number,
): Promise<CertificateView | null> {
  const socket = connectTls({ ...tlsConnectOptions(tls, host), host, port, rejectUnauthorized: false });
  try {
    await opened(socket, 'secureConnect', timeoutMs);
    return certificateView(socket.getPeerCertificate());
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}

async function byPlain(
  host: string,
  port: number,
  options: InspectOptions,
  timeoutMs: number,
): Promise<ListenerView | null> {
  const socket = connectPlain({ host, port });
  try {
    await opened(socket, 'connect', timeoutMs);
    return { transport: 'plain', ...(await ask(socket, options, timeoutMs)) };
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}

/** Null where the other side does not speak TLS, or does not answer. */
async function byTls(
  host: string,
  port: number,
  options: InspectOptions,
  timeoutMs: number,
): Promise<ListenerView | null> {
  const tls = options.tls ?? {};
  const socket = connectTls({ ...tlsConnectOptions(tls, host), host, port, rejectUnauthorized: false });
  let view: ListenerView = { transport: 'tls', wantsLogin: null, mechanisms: [] };
  try {
    await opened(socket, 'secureConnect', timeoutMs);
    view = { ...view, ...tlsView(socket, tls) };
    return { ...view, ...(await ask(socket, options, timeoutMs)) };
  } catch (error) {
    const failure = error as Error;
    // An alert is TLS too; so is a handshake that went through.
    if (
      view.tlsVersion === undefined &&
      !/ALERT/i.test(`${(failure as NodeJS.ErrnoException).code} ${failure.message}`)
    )
      return null;
    return { ...view, tlsError: view.tlsError ?? failure };
  } finally {
    socket.destroy();
  }
}

function tlsView(socket: TLSSocket, tls: TlsOptions): Partial<ListenerView> {
  const certificate = certificateView(socket.getPeerCertificate());
  const error = socket.authorized || tls.insecureSkipVerify === true ? null : socket.authorizationError;
  return {
    tlsVersion: socket.getProtocol() ?? 'TLS',
    ...(certificate !== null && { certificate }),
    ...(error && { tlsError: error instanceof Error ? error : new Error(String(error)) }),
  };
}

function certificateView(peer: PeerCertificate | null | undefined): CertificateView | null {
  if (peer?.subject === undefined) return null;
  const name = (entity: PeerCertificate['subject'] | undefined): string => {
    const found = entity?.CN ?? entity?.O ?? '';
    return Array.isArray(found) ? found.join(', ') : found;
  };
  return { subject: name(peer.subject), issuer: name(peer.issuer), expiresMs: Date.parse(peer.valid_to) };
}

function opened(socket: Socket, event: 'connect' | 'secureConnect', timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.once(event, () => settle());
    socket.on('error', settle);
    socket.once('close', () => settle(new Error('the connection was closed')));
  });
}

const API_VERSIONS = 18;
const SASL_HANDSHAKE = 17;
/** ILLEGAL_SASL_STATE: what a listener without SASL answers to a handshake. */
const ILLEGAL_SASL_STATE = 34;

async function ask(socket: Socket, options: InspectOptions, timeoutMs: number): Promise<Answers> {
  const read = frameReader(socket, timeoutMs);
  const versions = await read(requestFrame(API_VERSIONS, 0, Buffer.alloc(0)));
  // Correlation id, error code, and an array: anything else is no Kafka.
  if (versions === null || versions.length < 10) throw new Error('no answer to ApiVersions');
  const mechanism = Buffer.from(options.mechanism ?? 'SCRAM-SHA-256');
  const length = Buffer.alloc(2);
  length.writeInt16BE(mechanism.length);
  const answer = await read(requestFrame(SASL_HANDSHAKE, 1, Buffer.concat([length, mechanism])));
  if (answer === null || answer.length < 10) return { wantsLogin: null, mechanisms: [] };
  const mechanisms: string[] = [];
  for (let at = 10; at + 2 <= answer.length; ) {
    const end = at + 2 + answer.readInt16BE(at);
    mechanisms.push(answer.toString('utf8', at + 2, end));
    at = end;
  }
  return { wantsLogin: answer.readInt16BE(4) !== ILLEGAL_SASL_STATE, mechanisms };
}

/** Request header version 1: API, version, correlation id, client id. */
function requestFrame(apiKey: number, version: number, body: Buffer): Buffer {
  const clientId = Buffer.from('anomaly');
  const header = Buffer.alloc(14);
  header.writeInt32BE(10 + clientId.length + body.length, 0);
  header.writeInt16BE(apiKey, 4);
  header.writeInt16BE(version, 6);
  header.writeInt32BE(apiKey, 8);
  header.writeInt16BE(clientId.length, 12);
  return Buffer.concat([header, clientId, body]);
}

/** More than these two answers ever have. */
const MOST_BYTES = 1 << 20;

/** Sends a request and resolves with its answer without the length, or null where the connection ends first. */
function frameReader(socket: Socket, timeoutMs: number): (request: Buffer) => Promise<Buffer | null> {
  let bytes = Buffer.alloc(0);
  let failure: Error | null = null;
  let wake = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  socket.on('error', (error) => {
    failure = error;
    wake();
  });
  socket.on('close', () => wake());
  return async (request) => {
    socket.write(request);
    const timer = setTimeout(() => socket.destroy(), timeoutMs);
    try {
      for (;;) {
        if (failure !== null) throw failure;
        const length = bytes.length < 4 ? 0 : bytes.readInt32BE(0);
        if (length < 0 || length > MOST_BYTES) throw new Error('the answer is no frame of Kafka');
        if (bytes.length >= 4 && bytes.length - 4 >= length) {
          const frame = bytes.subarray(4, 4 + length);
          bytes = bytes.subarray(4 + length);
          return frame;
        }
        if (socket.destroyed) return null;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  };
}
