import type { Broker } from '../../../src/broker/broker.ts';
import type { Call, Handler, Handlers } from '../../../src/broker/context.ts';
import type { ApiName, Request, Response } from '../../../src/broker/protocol/apis.ts';

/** Told of each request when it is about to be handled; while a promise of it is open, the request waits. */
export type Watch = (api: ApiName, request: Request<ApiName>, call: Call) => undefined | Promise<void>;

type Table = Record<ApiName, Handler<ApiName>>;

/**
 * Stands between the embedded broker's connections and its handlers, from outside: the product has no switch for what
 * tests do here. Requests that the broker's own faults strike down do not come so far.
 */
export class BrokerTap {
  /** May hold requests back. */
  onRequest: Watch = () => undefined;
  /** Told when an answer is made. */
  onAnswer: (api: ApiName, request: Request<ApiName>) => void = () => {};
  readonly #handlers: Table;

  constructor(broker: Broker) {
    this.#handlers = (broker as unknown as { handlers: Handlers }).handlers as unknown as Table;
    for (const api of Object.keys(this.#handlers) as ApiName[]) this.#wrap(api);
  }

  /** Puts requests of an API in other words before they are handled; returns how to stop that. */
  rewrite<N extends ApiName>(api: N, rewrite: (request: Request<N>) => Request<N>): () => void {
    const plain = this.#handlers[api];
    this.#handlers[api] = (request, call) => plain(rewrite(request as never) as never, call);
    return () => {
      this.#handlers[api] = plain;
    };
  }

  /** Puts answers of an API in other words before they are sent; returns how to stop that. */
  answer<N extends ApiName>(api: N, rewrite: (answer: Response<N>) => Response<N>): () => void {
    const plain = this.#handlers[api];
    this.#handlers[api] = async (request, call) => {
      const answer = await plain(request, call);
      return answer === null ? null : (rewrite(answer as Response<N>) as Response<ApiName>);
    };
    return () => {
      this.#handlers[api] = plain;
    };
  }

  #wrap(api: ApiName): void {
    const handle = this.#handlers[api];
    this.#handlers[api] = (request, call) => {
      const held = this.onRequest(api, request, call);
      if (held === undefined) return this.#answered(api, request, handle(request, call));
      return held.then(() => this.#answered(api, request, handle(request, call)));
    };
  }

  #answered<T>(api: ApiName, request: Request<ApiName>, response: T): T {
    if (response instanceof Promise) void response.finally(() => this.onAnswer(api, request)).catch(() => {});
    else this.onAnswer(api, request);
    return response;
  }
}
