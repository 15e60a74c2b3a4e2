import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Logger } from '../output/logger.ts';
import type { BrokerContext, Call, Handler, Handlers } from './context.ts';
import type { CrashPoint, Fault, Faults } from './faults.ts';
import { type FrameBudget, FrameReader, FrameTooLarge, MAX_FRAME_BYTES } from './frameReader.ts';
import { apiVersions } from './handlers/cluster.ts';
import { CloseConnection } from './handlers/produce.ts';
import { StorageError } from './log/segmentBytes.ts';
import {
  type ApiName,
  apiName,
  apiOf,
  type Request,
  readClientId,
  readHeader,
  responseFrame,
} from './protocol/apis.ts';
import { ByteReader, type ByteWriter } from './protocol/bytes.ts';
import { KafkaError } from './protocol/errorCodes.ts';
import { errorResponse } from './protocol/errorResponses.ts';
import { SaslSession } from './security/saslSession.ts';
import { SaslFailure } from './security/scram.ts';

const { ILLEGAL_SASL_STATE } = KafkaError;
/** Requests of one client that may wait their turn; then its socket is not read on. */
const MAX_WAITING_REQUESTS = 64;
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** Only records need more: decoded, another request takes many times its bytes. */
const MAX_PLAIN_REQUEST_BYTES = 8 * 1024 * 1024;

/** sasl.server.max.receive.size of Kafka: what a client may send before it has logged in. */
const MAX_LOGIN_BYTES = 512 * 1024;

/** A client that is refused may take its last answer for so long. */
const FAREWELL_MS = 5000;

export interface ConnectionServices {
  readonly broker: BrokerContext;
  readonly handlers: Handlers;
  readonly faults: Faults;
  /** Of what the requests of all connections take. */
  readonly budget: FrameBudget;
  /** Ends the process. */
  readonly crash: () => void;
  readonly writer: ByteWriter;
  readonly host: string;
  readonly port: number;
  readonly logger: Logger | undefined;
}

/**
 * One client. Requests are handled one at a time and answered in order, as Kafka does, so a client never has more than
 * one answer in the broker; the next request waits until a slow socket took the last one.
 */
export class Connection {
  private readonly frames: FrameReader;
  private readonly closeActions = new Set<() => void>();
  private readonly socket: Socket;
  private readonly services: ConnectionServices;
  private readonly sasl: SaslSession | null;
  private isBusy = false;
  /** Of records in answers that the socket did not take yet. */
  private heldBytes = 0;
  closed = false;

  constructor(socket: Socket, services: ConnectionServices) {
    this.socket = socket;
    this.services = services;
    const { sasl, credentials, clock } = services.broker;
    this.sasl = sasl === null ? null : new SaslSession(sasl, credentials, clock);
    this.frames = new FrameReader(services.budget, () => this.refuse('its requests take most of the room there is'));
    socket.setNoDelay(true);
    socket.on('data', (piece: Buffer) => this.received(piece));
    socket.on('drain', () => this.next());
    // A reset by the client is no news for the broker; 'close' follows.
    socket.on('error', (error) => services.logger?.debug('a connection failed', { error: error.message }));
    socket.on('close', () => this.ended());
  }

  close(): void {
    this.socket.destroy();
  }

  onClose(action: () => void): () => void {
    this.closeActions.add(action);
    return () => this.closeActions.delete(action);
  }

  private received(piece: Buffer): void {
    // One that was refused may still send: it takes no room any more.
    if (this.closed) return;
    if (this.sasl !== null) this.frames.maxBytes = this.sasl.isLoggedIn ? MAX_FRAME_BYTES : MAX_LOGIN_BYTES;
    try {
      this.frames.push(piece);
    } catch (error) {
      if (!(error instanceof FrameTooLarge)) throw error;
      this.refuse(error.message);
      return;
    }
    if (this.hasEnough) this.socket.pause();
    this.next();
  }

  private get hasEnough(): boolean {
    return this.frames.waiting > MAX_WAITING_REQUESTS || this.frames.waitingBytes > MAX_WAITING_BYTES;
  }

  /** Handles what waits, until a request takes its time or the socket is full. */
  private next(): void {
    while (!this.isBusy && !this.closed && !this.socket.writableNeedDrain) {
      const frame = this.frames.take();
      if (frame === undefined) break;
      this.isBusy = true;
      try {
        this.handle(frame);
      } catch (error) {
        this.failed(error);
      }
    }
    if (!this.hasEnough && this.socket.isPaused()) this.socket.resume();
  }

  private handle(frame: Buffer): void {
    if (this.sasl?.takesTokens === true) {
      this.sendToken(this.sasl.token(frame));
      return;
    }
    const reader = new ByteReader(frame);
    const { apiKey, apiVersion, correlationId } = readHeader(reader);
    const name = apiName(apiKey);
    const range = name === undefined ? undefined : this.services.broker.profile.apis[name];
    if (name === undefined || range === undefined) {
      this.refuse(`an unknown API ${apiKey}`);
      return;
    }
    if (apiVersion < range[0] || apiVersion > range[1]) {
      // Version 0 is the one that every client reads (KIP-511).
      if (name === 'ApiVersions') {
        this.send(name, 0, correlationId, apiVersions(this.services.broker, KafkaError.UNSUPPORTED_VERSION));
      } else this.refuse(`${name} version ${apiVersion}`);
      return;
    }
    if (frame.length > MAX_PLAIN_REQUEST_BYTES && name !== 'Produce') {
      this.refuse(`a ${name} request of ${frame.length} bytes, the limit is ${MAX_PLAIN_REQUEST_BYTES}`);
      return;
    }
    const codec = apiOf(name).request;
    const clientId = readClientId(reader, codec.isFlexible(apiVersion));
    const request = codec.decode(reader, apiVersion) as Request<ApiName>;
    const verdict = this.sasl?.verdict(name) ?? 'handle';
    if (verdict !== 'handle') {
      if (verdict === 'illegal') {
        this.send(name, apiVersion, correlationId, refusal(name, request, ILLEGAL_SASL_STATE, apiVersion));
      }
      this.refuse(`${name} of a client that is not logged in`);
      return;
    }
    const fault = this.services.faults.take(name);
    if (fault === undefined) this.answer(name, request, this.call(apiVersion, clientId), correlationId);
    else this.suffer(fault, name, request, this.call(apiVersion, clientId), correlationId);
  }

  private call(version: number, clientId: string): Call {
    const connection = this;
    const { host, port } = this.services;
    return {
      version,
      clientId,
      clientHost: this.socket.remoteAddress ?? '',
      sasl: this.sasl,
      host,
      port,
      get closed() {
        return connection.closed;
      },
      onClose: (action) => connection.onClose(action),
      holds: (bytes) => connection.hold(bytes),
    };
  }

  /** Counts the time from here to the answer. */
  private measured(name: ApiName): () => void {
    const { metrics } = this.services.broker;
    const startedMs = performance.now();
    return () => metrics.kafkaRequest(name, (performance.now() - startedMs) / 1000);
  }

  private answer(name: ApiName, request: Request<ApiName>, call: Call, correlationId: number, fault?: Fault): void {
    const handler = this.services.handlers[name] as Handler<ApiName>;
    const measure = this.measured(name);
    const deliver = (response: object | null) => {
      measure();
      if (fault?.crash !== undefined) this.crashAfter(fault.crash);
      if (this.closed) return;
      if (fault?.drop === 'after') this.close();
      else if (response === null) this.isBusy = false;
      else this.send(name, call.version, correlationId, response);
      // The bytes have to leave the process, or the answer would die with it.
      if (fault?.crash === 'answered') this.socket.write('', () => this.services.crash());
    };
    const refused = (error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
      this.services.broker.storageFailed(error);
      return refusal(name, request, KafkaError.KAFKA_STORAGE_ERROR, call.version);
    };
    let response: object | null | Promise<object | null>;
    try {
      response = handler(request as never, call);
    } catch (error) {
      response = refused(error);
    }
    if (response instanceof Promise) {
      response
        .catch(refused)
        .then(deliver)
        .then(
          () => this.next(),
          (error) => this.failed(error),
        );
    } else deliver(response);
  }

  private suffer(fault: Fault, name: ApiName, request: Request<ApiName>, call: Call, correlationId: number): void {
    const { version } = call;
    const strike = () => {
      if (this.closed) return;
      if (fault.crash === 'received') this.services.crash();
      if (fault.crash === 'torn') this.tearNextWrite();
      if (fault.drop === 'before') this.close();
      else if (fault.errorCode === undefined) this.answer(name, request, call, correlationId, fault);
      else this.send(name, version, correlationId, refusal(name, request, fault.errorCode, version));
    };
    if (fault.delayMs === undefined) {
      strike();
      return;
    }
    this.services.broker.clock.after(fault.delayMs, () => {
      try {
        strike();
        this.next();
      } catch (error) {
        this.failed(error);
      }
    });
  }

  private crashAfter(point: CrashPoint): void {
    if (point === 'synced') this.services.broker.data?.flusher.beforeAnswer();
    if (point === 'handled' || point === 'synced') this.services.crash();
  }

  /** Half of the next batch reaches its file, and then the process ends. In memory there is nothing to tear. */
  private tearNextWrite(): void {
    const files = this.services.broker.data?.services;
    if (files === undefined) {
      this.services.crash();
      return;
    }
    files.beforeWrite = (fd, bytes, position) => {
      delete files.beforeWrite;
      writeSync(fd, bytes, 0, bytes.length >> 1, position);
      this.services.crash();
    };
  }

  private send(name: ApiName, version: number, correlationId: number, response: object): void {
    this.services.broker.data?.flusher.beforeAnswer();
    const pieces = responseFrame(this.services.writer, name, version, correlationId, response);
    this.isBusy = false;
    const { heldBytes } = this;
    const taken = heldBytes === 0 ? undefined : () => this.release(heldBytes);
    // Corked, the pieces go out by one gathering write, from where they lie.
    if (pieces.length > 1) this.socket.cork();
    for (let i = 0; i < pieces.length - 1; i++) this.socket.write(pieces[i]!);
    this.socket.write(pieces[pieces.length - 1]!, taken);
    if (pieces.length > 1) this.socket.uncork();
    if (this.sasl?.failed === true) this.refuse('a login that failed');
  }

  private hold(bytes: number): void {
    if (this.socket.destroyed) return;
    this.heldBytes += bytes;
    this.services.broker.answers.take(bytes);
  }

  private release(bytes: number): void {
    // When the connection ends everything is released, and then the socket gives its writes up one by one.
    const released = Math.min(bytes, this.heldBytes);
    this.heldBytes -= released;
    this.services.broker.answers.give(released);
  }

  /** The answer within a login after SaslHandshake 0: its length and its bytes, no header. */
  private sendToken(reply: Buffer): void {
    const length = Buffer.alloc(4);
    length.writeInt32BE(reply.length);
    this.isBusy = false;
    this.socket.write(Buffer.concat([length, reply]));
  }

  /** Closes when what was written is sent, so that a client reads why. */
  private refuse(what: string): void {
    this.services.broker.metrics.kafkaErrors++;
    this.services.logger?.warn('closed a connection', { reason: what, client: this.socket.remoteAddress });
    this.closed = true;
    this.socket.setTimeout(FAREWELL_MS, () => this.close());
    this.socket.end(() => this.close());
  }

  /** A request that cannot be read, or an answer that cannot be given: as Kafka, the broker drops the connection. */
  private failed(error: unknown): void {
    if (error instanceof CloseConnection || error instanceof RangeError || error instanceof SaslFailure)
      this.refuse(error.message);
    else {
      this.services.broker.metrics.kafkaErrors++;
      this.services.logger?.error('a request failed', { error: error instanceof Error ? error.stack : String(error) });
      this.close();
    }
  }

  private ended(): void {
    this.closed = true;
    this.release(this.heldBytes);
    this.frames.clear();
    for (const action of [...this.closeActions]) action();
    this.closeActions.clear();
  }
}

/** @throws CloseConnection where the client expects no answer, and would take it for that to its next request */
function refusal(name: ApiName, request: Request<ApiName>, errorCode: number, version: number): object {
  if (name === 'Produce' && (request as Request<'Produce'>).acks === 0) {
    throw new CloseConnection(`a produce request with acks 0 was refused with error code ${errorCode}`);
  }
  return errorResponse(name, request as never, errorCode, version);
}
