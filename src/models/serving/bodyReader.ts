import type { IncomingMessage } from 'node:http';
import { RequestError } from './requestError.ts';

/** A refused body is read to its end, so that the client reads the answer; one that is this many times too long is not. */
const MOST_OVERSIZE = 16;
/** nginx' word for a client that went away. */
const CLIENT_GONE = 499;

export function clientGone(): RequestError {
  return new RequestError(CLIENT_GONE, 'the client went away');
}

/** Reads bodies of requests, each up to a size, and all of them together up to another. */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #maxTogether: number;
  #held = 0;

  constructor(maxBytes: number, maxTogether: number) {
    this.#maxBytes = maxBytes;
    this.#maxTogether = Math.max(maxBytes, maxTogether);
  }

  /**
   * Runs with the body, whose bytes count until the run has ended.
   *
   * @throws RequestError 413 for one that is too long, 503 where all of them are too much, 415 for a coded one
   */
  async with<T>(request: IncomingMessage, run: (body: Buffer) => Promise<T>): Promise<T> {
    const coding = request.headers['content-encoding'];
    if (coding !== undefined && coding !== 'identity') {
      throw new RequestError(415, `the body has the content-encoding ${coding}, and only identity is taken`);
    }
    this.#check(Number(request.headers['content-length'] ?? 0), 0);
    const chunks: Buffer[] = [];
    let own = 0;
    try {
      await eachChunk(request, (chunk) => {
        this.#check(own + chunk.length, own);
        own += chunk.length;
        this.#held += chunk.length;
        chunks.push(chunk);
      });
      return await run(Buffer.concat(chunks));
    } finally {
      this.#held -= own;
    }
  }

  /** Passes over what is left of a body, within bounds. */
  async discard(request: IncomingMessage): Promise<void> {
    if (request.complete) return;
    let rest = MOST_OVERSIZE * this.#maxBytes;
    if (Number(request.headers['content-length'] ?? 0) > rest) return;
    await eachChunk(request, (chunk) => {
      rest -= chunk.length;
      if (rest < 0) throw new RequestError(413, 'the body goes on');
    }).catch(() => {});
  }

  #check(bytes: number, own: number): void {
    if (bytes > this.#maxBytes) {
      throw new RequestError(413, `the body has more than ${this.#maxBytes} bytes (--max-body)`);
    }
    if (this.#held - own + bytes > this.#maxTogether) {
      throw new RequestError(503, `the bodies of all requests have more than ${this.#maxTogether} bytes`);
    }
  }
}

/** Where `take` throws, the rest stays to be read: an iterator would end the connection. */
async function eachChunk(request: IncomingMessage, take: (chunk: Buffer) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const over = (done: () => void): void => {
      request.pause();
      request.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone);
      done();
    };
    const onData = (chunk: Buffer): void => {
      try {
        take(chunk);
      } catch (error) {
        over(() => reject(error));
      }
    };
    const onEnd = (): void => over(resolve);
    const onGone = (): void => over(() => reject(clientGone()));
    request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
    request.resume();
  });
}
