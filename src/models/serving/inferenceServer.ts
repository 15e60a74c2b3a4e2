import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AnomalyError } from '../../errors.ts';
import { BodyReader, clientGone } from './bodyReader.ts';
import { readInferRequest } from './inferRequest.ts';
import { wantedOutputs, writeInferResponse } from './inferResponse.ts';
import { RequestError } from './requestError.ts';
import type { ServedModels } from './servedModels.ts';
import { ServingMetrics } from './servingMetrics.ts';

export interface InferenceServerOptions {
  /** host:port; port 0 takes any free one. */
  readonly listen: string;
  readonly models: ServedModels;
  /** Of this tool, in the server's metadata. */
  readonly toolVersion: string;
  readonly maxBodyBytes: number;
  /** Inference requests that are under way; more are answered 429. */
  readonly maxInFlight: number;
  /** Milliseconds that only go forward. */
  readonly now: () => number;
  /** Told of faults of the server itself. */
  readonly onFault: (error: unknown) => void;
}

interface Reply {
  readonly status: number;
  readonly body: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** For a whole request, and for its headers: a slow client is closed. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** For answers that are being sent when the server closes. */
const FLUSH_MS = 1000;
/** Bodies of all requests together, unless one may be larger. */
const MOST_BODIES_BYTES = 256 * 1024 * 1024;
const EXTENSIONS = ['binary_tensor_data', 'model_repository'];

/**
 * The Open Inference Protocol v2 over HTTP (https://github.com/kserve/open-inference-protocol): health, metadata of server
 * and models, versions, inference; from Triton's extensions the binary tensor data and the index of the repository.
 */
export class InferenceServer {
  readonly #options: InferenceServerOptions;
  readonly #server: Server;
  readonly #bodies: BodyReader;
  #metrics!: ServingMetrics;
  #inFlight = 0;
  #isDraining = false;
  #onIdle: (() => void) | undefined;
  #url = '';

  /** @throws ANM_PORT_IN_USE, ANM_CONFIG where the address cannot be listened on */
  static async listen(options: InferenceServerOptions): Promise<InferenceServer> {
    const server = new InferenceServer(options);
    server.#metrics = await ServingMetrics.open(options.models, () => server.#inFlight);
    await listenOn(server.#server, options.listen);
    const { address, port, family } = server.#server.address() as AddressInfo;
    server.#url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    return server;
  }

  private constructor(options: InferenceServerOptions) {
    this.#options = options;
    this.#bodies = new BodyReader(options.maxBodyBytes, MOST_BODIES_BYTES);
    const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS };
    this.#server = createServer(limits, (request, response) => void this.#handle(request, response));
  }

  /** http://host:port, with the port that was taken. */
  get url(): string {
    return this.#url;
  }

  get metrics(): ServingMetrics {
    return this.#metrics;
  }

  /**
   * Answers what is under way, refuses what comes, and stops listening. False where requests were cut off as they took
   * longer than that.
   */
  async drain(timeoutMs: number): Promise<boolean> {
    this.#isDraining = true;
    let timer: NodeJS.Timeout | undefined;
    const idle = new Promise<boolean>((resolve) => {
      this.#onIdle = () => resolve(true);
      timer = setTimeout(() => resolve(false), timeoutMs);
      if (this.#inFlight === 0) resolve(true);
    });
    const isIdle = await idle;
    clearTimeout(timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if (isIdle) this.#server.closeIdleConnections();
    else this.#server.closeAllConnections();
    // A connection that never sent a request is not idle to Node, and no timeout ends it once the server is closed.
    const rest = setTimeout(() => this.#server.closeAllConnections(), FLUSH_MS);
    await closed;
    clearTimeout(rest);
    return isIdle;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let reply: Reply;
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableEnded) gone.abort(clientGone());
    });
    try {
      reply = await this.#answer(request, gone.signal);
    } catch (error) {
      if (!(error instanceof RequestError)) this.#options.onFault(error);
      reply = errorReply(error);
      await this.#bodies.discard(request);
    }
    // What was not read of a refused body would be taken for the next request.
    const isOver = this.#isDraining || !request.complete;
    const headers = { 'content-type': 'application/json', ...reply.headers, ...(isOver && { connection: 'close' }) };
    response.writeHead(reply.status, { ...headers, 'content-length': Buffer.byteLength(reply.body) });
    response.end(request.method === 'HEAD' ? undefined : reply.body);
  }

  async #answer(request: IncomingMessage, gone: AbortSignal): Promise<Reply> {
    const segments = segmentsOf(request.url ?? '/');
    const [root, area] = segments;
    if (root === 'metrics' && segments.length === 1) {
      allow(request, 'GET');
      return { status: 200, body: await this.#metrics.text(), headers: { 'content-type': this.#metrics.contentType } };
    }
    if (root !== 'v2') throw notFound(request);
    if (area === 'health' && segments.length === 3) return this.#health(request, segments[2]!);
    if (area === 'models' && segments.length > 2) return await this.#model(request, gone, segments.slice(2));
    if (area === 'repository' && segments[2] === 'index' && segments.length === 3) {
      allow(request, 'POST');
      return json(this.#index());
    }
    allow(request, 'GET');
    if (segments.length === 1) {
      return json({ name: 'anomaly', version: this.#options.toolVersion, extensions: EXTENSIONS });
    }
    if (area === 'models' && segments.length === 2) return json({ models: this.#options.models.names });
    throw notFound(request);
  }

  #health(request: IncomingMessage, which: string): Reply {
    allow(request, 'GET');
    if (which !== 'live' && which !== 'ready') throw notFound(request);
    // A model whose thread is gone does not come back by itself: whoever watches this starts the process again.
    const isWhole = this.#options.models.all().every(({ problem }) => problem === undefined);
    const isWell = isWhole && (which === 'live' || !this.#isDraining);
    return { ...json({ [which]: isWell }), status: isWell ? 200 : 503 };
  }

  /** NAME[/versions/VERSION][/ready|/infer], and NAME/versions. */
  async #model(request: IncomingMessage, gone: AbortSignal, [name = '', ...rest]: readonly string[]): Promise<Reply> {
    const { models } = this.#options;
    if (rest[0] === 'versions' && rest.length === 1) {
      allow(request, 'GET');
      models.find(name, undefined);
      return json({ name, versions: models.versions(name) });
    }
    const version = rest[0] === 'versions' ? rest[1] : undefined;
    const [verb, ...more] = version === undefined ? rest : rest.slice(2);
    if (more.length > 0) throw notFound(request);
    if (verb === 'infer') {
      allow(request, 'POST');
      return await this.#infer(request, gone, name, version);
    }
    if (verb !== undefined && verb !== 'ready') throw notFound(request);
    allow(request, 'GET');
    const model = models.find(name, version);
    if (verb === undefined) return json(model.metadata(models.versions(name)));
    const isReady = model.problem === undefined && !this.#isDraining;
    return { ...json({ name, ready: isReady }), status: isReady ? 200 : 503 };
  }

  #index() {
    return this.#options.models.all().map(({ name, version, problem }) => ({
      name,
      version,
      state: problem === undefined ? 'READY' : 'UNAVAILABLE',
      reason: problem ?? '',
    }));
  }

  async #infer(request: IncomingMessage, gone: AbortSignal, name: string, version: string | undefined): Promise<Reply> {
    const startedMs = this.#options.now();
    let labels = { name: '', version: '' };
    let status = 500;
    // Before the first await, so that no two requests take the last place.
    const isTaken = this.#inFlight < this.#options.maxInFlight && !this.#isDraining;
    if (isTaken) this.#inFlight++;
    try {
      const model = this.#options.models.find(name, version);
      labels = { name: model.name, version: model.version };
      if (this.#isDraining) throw new RequestError(503, 'the server is stopping');
      if (!isTaken) {
        const { maxInFlight } = this.#options;
        throw new RequestError(429, `${maxInFlight} requests are under way already (--max-in-flight)`);
      }
      const reply = await this.#bodies.with(request, async (body) => {
        const length = request.headers['inference-header-content-length'];
        const { id, feeds, ...asked } = readInferRequest(body, length === undefined ? undefined : Number(length));
        // While the body came, an alias may have moved on.
        const current = this.#options.models.find(name, version);
        labels = { name: current.name, version: current.version };
        const wanted = wantedOutputs(asked, current.tensors.outputs);
        const results = await current.infer(feeds, gone);
        const { body: answer, jsonBytes } = writeInferResponse(current, id, wanted, results);
        return { status: 200, body: answer, ...(jsonBytes !== undefined && { headers: binaryHeaders(jsonBytes) }) };
      });
      status = 200;
      return reply;
    } catch (error) {
      status = error instanceof RequestError ? error.status : 500;
      throw error;
    } finally {
      if (isTaken) this.#inFlight--;
      this.#metrics.request(labels.name, labels.version, status, this.#options.now() - startedMs);
      if (this.#isDraining && this.#inFlight === 0) this.#onIdle?.();
    }
  }
}

function json(value: unknown): Reply {
  return { status: 200, body: JSON.stringify(value) };
}

function errorReply(error: unknown): Reply {
  const status = error instanceof RequestError ? error.status : 500;
  const message = error instanceof RequestError ? error.message : 'the server failed; its log says more';
  const retry: Record<string, string> = status === 429 || status === 503 ? { 'retry-after': '1' } : {};
  return { status, body: JSON.stringify({ error: message }), headers: retry };
}

function binaryHeaders(jsonBytes: number): Record<string, string> {
  return { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(jsonBytes) };
}

function segmentsOf(url: string): string[] {
  const path = url.split('?', 1)[0]!;
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
  } catch {
    throw new RequestError(400, `the path ${path} is not percent-encoded`);
  }
}

/** HEAD is a GET without its body. */
function allow({ method, url }: IncomingMessage, wanted: 'GET' | 'POST'): void {
  if (method === wanted || (wanted === 'GET' && method === 'HEAD')) return;
  throw new RequestError(405, `${url} is for ${wanted}, not for ${method}`);
}

function notFound({ url }: IncomingMessage): RequestError {
  return new RequestError(404, `there is no ${url}; see GET /v2 and GET /v2/models`);
}

async function listenOn(server: Server, listen: string): Promise<void> {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(listen.slice(colon + 1));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'ANM_PORT_IN_USE' : 'ANM_CONFIG';
      reject(
        new AnomalyError(code, `cannot serve models on ${listen} as ${cause.message}`, {
          hint: 'give another --listen HOST:PORT, or port 0 for any free one',
          cause,
        }),
      );
    });
    server.listen({ port, ...(host !== '' && { host }) }, resolve);
  });
}
