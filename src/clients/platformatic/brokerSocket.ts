import type { Socket } from 'node:net';
import type { Connection, Reader, Writer } from '@platformatic/kafka';
import { AnomalyError } from '../../errors.ts';
import type { Contact } from '../contact.ts';
import { requestTimedOut } from '../kafkaErrors.ts';
import { FrameBuffer } from './frameBuffer.ts';
import { plainReason } from './networkErrors.ts';

type Library = typeof import('./library.ts');

/** One answer that is awaited. `raw` gets the frame itself, `parser` a reader over it. */
interface Pending {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly taggedHeader: boolean;
  readonly parser: ((correlationId: number, apiKey: number, apiVersion: number, reader: Reader) => unknown) | null;
  readonly raw: ((frame: Uint8Array) => void) | null;
  readonly fail: (error: Error) => void;
  readonly done: (error: Error | null, payload?: unknown) => void;
  /** Milliseconds of performance.now(). */
  readonly sentMs: number;
  timer: NodeJS.Timeout | null;
}

/** Bytes of the size, correlation id: the part of a response that is not the body. */
const CORRELATION_BYTES = 4;
/** An answer that is later than what the broker may wait by as much is told as a failure; its timeout comes later. */
const LATE_MS = 2000;
/**
 * Timers are served before sockets are read: where this process stood still, as in a suspended machine, what the broker has
 * answered meanwhile is read in the next part of what a timeout has left, of which the standstill can take one at most.
 */
const TIMEOUT_PARTS = 4;
/** setTimeout takes no longer one. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A connection to one broker, opened by dialBroker.ts, with our own framing. So one frame is copied once into a buffer that is reused, an answer that comes after its timeout
 * cannot shift the stream, and Fetch and Produce get their bytes untouched.
 *
 * It has the shape of the library's Connection where the library's API functions look (`send`), so
 * `metadataV12.api.async(socket.asConnection(), ...)` works. Answers with error codes resolve: each caller reads the
 * codes, since which of them is a failure depends on the request.
 */
export class BrokerSocket {
  readonly address: string;
  closed = false;
  /** Set when the SASL session runs out soon: no new request goes here. */
  expiring = false;
  readonly #socket: Socket;
  readonly #library: Library;
  readonly #clientId: Buffer;
  readonly #requestTimeoutMs: number;
  readonly #contact: Contact;
  readonly #frames: FrameBuffer;
  readonly #pending = new Map<number, Pending>();
  #nextCorrelationId = 0;
  #closedBy: Error | null = null;
  #closeWhenIdle = false;
  #expiry: NodeJS.Timeout | undefined;

  constructor(
    library: Library,
    socket: Socket,
    address: string,
    clientId: string,
    requestTimeoutMs: number,
    contact: Contact,
  ) {
    this.#library = library;
    this.#socket = socket;
    this.address = address;
    this.#clientId = Buffer.from(clientId);
    this.#requestTimeoutMs = requestTimeoutMs;
    this.#contact = contact;
    this.#frames = new FrameBuffer((frame) => this.#onFrame(frame));
    socket.on('data', (chunk: Uint8Array) => this.receive(chunk));
    socket.on('error', (error: Error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the broker closed the connection')));
  }

  /** No new request goes here after that time: the login runs out, and another connection takes over. */
  expireAfter(lifetimeMs: number): void {
    this.#expiry = setTimeout(
      () => {
        this.expiring = true;
      },
      Math.min(lifetimeMs, LONGEST_TIMER_MS),
    );
    this.#expiry.unref();
  }

  /** For the library's API functions, which only call `send`. */
  asConnection(timeoutMs = this.#requestTimeoutMs): Connection {
    const send: BrokerSocket['send'] = (key, version, payload, parser, taggedRequest, taggedResponse, callback) =>
      this.send(key, version, payload, parser, taggedRequest, taggedResponse, callback, timeoutMs);
    return { send } as unknown as Connection;
  }

  /** The library's send: builds header and payload, and answers by callback. */
  send(
    apiKey: number,
    apiVersion: number,
    createPayload: () => Writer,
    parser: NonNullable<Pending['parser']>,
    taggedRequestHeader: boolean,
    taggedResponseHeader: boolean,
    callback: (error: Error | null, payload?: unknown) => void,
    timeoutMs = this.#requestTimeoutMs,
  ): void {
    if (this.closed) {
      callback(this.#closedError());
      return;
    }
    const payload = createPayload().buffer;
    const headerBytes = 14 + this.#clientId.length + (taggedRequestHeader ? 1 : 0);
    const request = Buffer.allocUnsafe(headerBytes + payload.length);
    const correlationId = this.#nextCorrelationId++ & 0x7fffffff;
    request.writeInt32BE(request.length - 4, 0);
    request.writeInt16BE(apiKey, 4);
    request.writeInt16BE(apiVersion, 6);
    request.writeInt32BE(correlationId, 8);
    request.writeInt16BE(this.#clientId.length, 12);
    this.#clientId.copy(request, 14);
    if (taggedRequestHeader) request[headerBytes - 1] = 0;
    payload.copy(request, headerBytes);
    const pending: Pending = {
      apiKey,
      apiVersion,
      taggedHeader: taggedResponseHeader,
      parser,
      raw: null,
      fail: (error) => callback(error),
      done: callback,
      sentMs: performance.now(),
      timer: null,
    };
    this.#await(correlationId, pending, timeoutMs);
    this.#socket.write(request);
  }

  /** A correlation id for a frame that the caller builds itself. */
  nextCorrelationId(): number {
    return this.#nextCorrelationId++ & 0x7fffffff;
  }

  /**
   * Sends a whole request frame (size included) that carries `correlationId`. The answer's frame, correlation id
   * included and size not, is valid until the next frame arrives, unless `takeFrame` is called within `onFrame`. When
   * `onFrame` throws, `onFail` gets its error, and the connection ends.
   */
  sendFrame(
    correlationId: number,
    chunks: readonly Uint8Array[],
    timeoutMs: number,
    onFrame: (frame: Uint8Array) => void,
    onFail: (error: Error) => void,
  ): void {
    if (this.closed) {
      onFail(this.#closedError());
      return;
    }
    this.#await(
      correlationId,
      {
        apiKey: -1,
        apiVersion: 0,
        taggedHeader: false,
        parser: null,
        raw: onFrame,
        fail: onFail,
        done: () => {},
        sentMs: performance.now(),
        timer: null,
      },
      timeoutMs,
    );
    if (chunks.length === 1) {
      this.#socket.write(chunks[0]!);
      return;
    }
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }

  /** Keeps the current frame's buffer for the caller; the next frame is read into `replacement` or a new one. */
  takeFrame(replacement: Uint8Array | null): Uint8Array {
    return this.#frames.take(replacement);
  }

  /** Ends the connection once the requests in flight are answered. */
  closeWhenIdle(): void {
    if (this.#pending.size === 0) this.close();
    else this.#closeWhenIdle = true;
  }

  /** Ends the connection; requests in flight fail. */
  close(): void {
    this.#end(new Error('the client closed the connection'));
  }

  #await(correlationId: number, pending: Pending, timeoutMs: number): void {
    // What a timeout has beyond the setting is for the broker to wait: for records, or for the members of a group.
    const lateMs = Math.min(timeoutMs, Math.max(0, timeoutMs - this.#requestTimeoutMs) + LATE_MS);
    let left = TIMEOUT_PARTS;
    const wait = (timeMs: number): void => {
      pending.timer = setTimeout(() => {
        this.#contact.failed(`${this.address}: no answer`, performance.now() - pending.sentMs);
        if (left-- > 0) wait((timeoutMs - lateMs) / TIMEOUT_PARTS);
        // A broker that does not answer in order will not answer what follows either.
        else this.#end(requestTimedOut(`use broker ${this.address}`, 'request_timeout', timeoutMs));
      }, timeMs);
    };
    wait(lateMs);
    this.#pending.set(correlationId, pending);
  }

  /** Bytes from the socket, where they do not come by its 'data' events. */
  receive(chunk: Uint8Array): void {
    // A large answer over a slow link takes longer than a broker that is there may be silent.
    this.#contact.answered();
    try {
      this.#frames.push(chunk);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #onFrame(frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const correlationId = view.getInt32(0);
    const pending = this.#pending.get(correlationId);
    if (pending === undefined) {
      throw new AnomalyError('ANM_PROTOCOL', `${this.address} answered request ${correlationId}, which was never sent`);
    }
    this.#pending.delete(correlationId);
    if (pending.timer !== null) clearTimeout(pending.timer);
    if (this.#closeWhenIdle && this.#pending.size === 0) queueMicrotask(() => this.close());
    if (pending.raw !== null) {
      try {
        pending.raw(frame);
      } catch (error) {
        // The caller waits for nothing else: its answer is gone, and with it the trust in this connection.
        pending.fail(error as Error);
        throw error;
      }
      return;
    }
    let payload: unknown;
    try {
      payload = this.#parse(pending, correlationId, frame);
    } catch (error) {
      pending.done(
        new AnomalyError(
          'ANM_PROTOCOL',
          `cannot read the answer of ${this.address} to API ${pending.apiKey} v${pending.apiVersion}`,
          {
            cause: error,
          },
        ),
      );
      return;
    }
    pending.done(null, payload);
  }

  #parse(pending: Pending, correlationId: number, frame: Uint8Array): unknown {
    // The library's readers keep views, and this buffer is used again for the next frame.
    const body = Buffer.from(frame.subarray(CORRELATION_BYTES + (pending.taggedHeader ? 1 : 0)));
    try {
      return pending.parser!(correlationId, pending.apiKey, pending.apiVersion, this.#library.Reader.from(body));
    } catch (error) {
      const response = (error as { response?: unknown }).response;
      if (response !== undefined) return response;
      throw error;
    }
  }

  #closedError(): Error {
    return this.#closedBy ?? new Error('the connection is closed');
  }

  #fail(error: Error): void {
    // A connection that nobody waits for may end at any time.
    const [oldest] = this.#pending.values();
    if (oldest !== undefined)
      this.#contact.failed(`${this.address}: ${plainReason(error)}`, performance.now() - oldest.sentMs);
    this.#end(error);
  }

  #end(error: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.#closedBy = error;
    clearTimeout(this.#expiry);
    this.#socket.destroy();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of waiting) {
      if (pending.timer !== null) clearTimeout(pending.timer);
      pending.fail(error);
    }
  }
}
