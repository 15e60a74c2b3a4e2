import { type Agent, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { rootCertificates } from 'node:tls';

/** What these do once, they do not do again (RFC 9110, 9.2.2). */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** A connection ended, though nothing of an answer had come: the server may have closed it while it was idle. */
class ClosedEarly extends Error {}

/** What the `error` event of a request tells before its answer, for `overKept` to see. */
export function beforeAnswer(error: Error): Error {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const isClosed =
    /ECONNRESET|EPIPE|socket hang up|other side closed|ConnectionClosed|connection closed|UnexpectedEof/i.test(
      `${code} ${message}`,
    );
  return isClosed ? new ClosedEarly(message, { cause: error }) : error;
}

/**
 * Sends a request over a kept connection, and once more over a new one where that was closed before anything of an answer
 * came. What may not be sent twice goes over a new one at once.
 *
 * @param mayRepeat by default whether the method is one that may be sent again
 */
export async function overKept<T>(
  method: string,
  send: (isKept: boolean) => Promise<T>,
  mayRepeat = REPEATABLE.has(method),
): Promise<T> {
  try {
    if (!mayRepeat) return await send(false);
    return await send(true).catch(async (error: unknown) => {
      if (!(error instanceof ClosedEarly)) throw error;
      return await send(false);
    });
  } catch (error) {
    throw error instanceof ClosedEarly ? error.cause : error;
  }
}

/** The connections of one client of HTTP servers; they end with `close`. */
export class Connections {
  readonly #kept: Agent;
  readonly #own: Agent;

  /** @param ca PEM of a certificate authority beside the known ones */
  constructor(isTls: boolean, { ca, maxSockets = Infinity }: { ca?: string | undefined; maxSockets?: number } = {}) {
    const options = { maxSockets, ...(isTls && ca !== undefined && { ca: [...rootCertificates, ca] }) };
    const agent = (keepAlive: boolean) =>
      isTls ? new HttpsAgent({ ...options, keepAlive }) : new HttpAgent({ ...options, keepAlive });
    this.#kept = agent(true);
    this.#own = agent(false);
  }

  /** As `overKept`. */
  send<T>(method: string, attempt: (agent: Agent) => Promise<T>, mayRepeat?: boolean): Promise<T> {
    return overKept(method, (isKept) => attempt(isKept ? this.#kept : this.#own), mayRepeat);
  }

  close(): void {
    this.#kept.destroy();
    this.#own.destroy();
  }
}
