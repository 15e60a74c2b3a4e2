import type { Logger } from '../output/logger.ts';
import { type HttpReply, type HttpRequest, type HttpServer, startHttpServer } from './httpServer.ts';
import { DEFAULT_PROFILE, profileNamed } from './profiles.ts';
import type { RegistryChange } from './registry/changes.ts';
import { REGISTRY_ERRORS as CODES, RegistryError } from './registry/errors.ts';
import { PlainText, type RegistryService, routeRegistry } from './registry/routes.ts';
import { RegistryStore } from './registry/store.ts';
import type { CredentialStore } from './security/credentials.ts';
import { isAuthorized } from './security/httpAuthorization.ts';
import type { ListenerTls } from './security/listener.ts';

export interface RegistryOptions {
  /** 0 = any free port. Redpanda's is 8081. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly logger?: Logger;
  /** Release of Redpanda whose paths are there, as v25.3. Default the newest. */
  readonly profile?: string;
  /** Where the contents outlive the process. Default nowhere. */
  readonly journal?: RegistryJournal;
  /** Told of each answer: its HTTP status, and how long it took. */
  readonly observe?: (status: number, seconds: number) => void;
  readonly tls?: ListenerTls;
  /** Each request needs a user of these, by HTTP basic authentication. */
  readonly credentials?: CredentialStore;
}

/** Keeps the registry's changes, for instance in a file. */
export interface RegistryJournal {
  /** All kept changes in the order of `append`; read once, before the first request. */
  read(): AsyncIterable<RegistryChange> | Iterable<RegistryChange>;
  /**
   * Resolves when the change is kept: the request that caused it is answered only then. Calls come in order, and may
   * come before the last one has resolved. After a rejection the registry answers 500 only, as memory is ahead of it.
   */
  append(change: RegistryChange): Promise<void>;
}

export interface RegistryServer extends HttpServer {
  /** Changes that rebuild the present contents, for a journal that begins anew. */
  snapshot(): Iterable<RegistryChange>;
}

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';
const ACCEPTED_TYPES = [
  CONTENT_TYPE,
  'application/vnd.schemaregistry+json',
  'application/json',
  'application/octet-stream',
];
/** Well above the 128 KB that Redpanda advises for a schema, since JSON in JSON doubles each quote. */
const MAX_BODY_BYTES = 1 << 20;
const FIRST_WITH_CONTEXTS = 'v26.1';

/**
 * Starts the embedded Schema Registry: Redpanda's HTTP interface for Avro, JSON Schema and Protobuf, for development
 * and tests. What it cannot do (contexts other than the default one, rule sets, comparing all of JSON Schema, serialized
 * Protobuf descriptors) is refused with an error code.
 * @throws AnomalyError ANM_PORT_IN_USE
 */
export async function startRegistry(options: RegistryOptions): Promise<RegistryServer> {
  const { journal, logger, credentials } = options;
  let kept: Promise<unknown> = Promise.resolve();
  const store = new RegistryStore((change) => {
    if (journal === undefined) return;
    kept = Promise.all([kept, journal.append(change)]);
    // Seen by whoever awaits it; nobody may.
    kept.catch(() => {});
  });
  if (journal !== undefined) for await (const change of journal.read()) store.restore(change);
  const profile = profileNamed(options.profile ?? DEFAULT_PROFILE)?.name ?? DEFAULT_PROFILE;
  const service: RegistryService = { store, hasContexts: profile >= FIRST_WITH_CONTEXTS };
  const server = await startHttpServer({
    port: options.port,
    host: options.host ?? '127.0.0.1',
    purpose: 'Schema Registry',
    maxBodyBytes: MAX_BODY_BYTES,
    tooLarge: failure(new RegistryError(CODES.tooLarge, `the request is larger than ${MAX_BODY_BYTES} bytes`)),
    handle: async (request) => {
      const startedMs = performance.now();
      const reply = await attempt(service, request, logger);
      // Also changes of other requests under way: what an answer tells of must be kept.
      const whole = await kept.then(() => reply, notKept);
      options.observe?.(whole.status, (performance.now() - startedMs) / 1000);
      return logged(request, whole, logger);
    },
    tls: options.tls,
    refuse: (_path, authorization) =>
      credentials === undefined || isAuthorized(credentials, authorization) ? null : UNAUTHORIZED,
  });
  return { ...server, snapshot: () => store.snapshot() };
}

const UNAUTHORIZED = failure(new RegistryError(CODES.unauthorized, 'Unauthorized'));

function notKept(error: unknown): HttpReply {
  const reason = error instanceof Error ? error.message : String(error);
  return failure(new RegistryError(CODES.internal, `the registry cannot keep its changes: ${reason}`));
}

function logged(request: HttpRequest, reply: HttpReply, logger: Logger | undefined): HttpReply {
  logger?.debug('schema registry request', {
    method: request.method,
    path: `/${request.segments.join('/')}`,
    status: reply.status,
  });
  return reply;
}

async function attempt(service: RegistryService, request: HttpRequest, logger: Logger | undefined): Promise<HttpReply> {
  try {
    const hasBody = request.method === 'POST' || request.method === 'PUT';
    if (hasBody && request.contentType !== '' && !ACCEPTED_TYPES.includes(request.contentType)) {
      throw new RegistryError(CODES.mediaType, `cannot read a body of type '${request.contentType}'`);
    }
    const body = await routeRegistry(service, request);
    return { status: 200, contentType: CONTENT_TYPE, body: textOf(body) };
  } catch (error) {
    if (error instanceof RegistryError) return failure(error);
    logger?.error('the schema registry failed', { error: String(error) });
    return failure(new RegistryError(CODES.internal, error instanceof Error ? error.message : String(error)));
  }
}

function textOf(body: unknown): string {
  if (body instanceof PlainText) return body.text;
  return body === undefined ? '' : JSON.stringify(body);
}

function failure({ status, errorCode, message }: RegistryError): HttpReply {
  return { status, contentType: CONTENT_TYPE, body: JSON.stringify({ error_code: errorCode, message }) };
}
