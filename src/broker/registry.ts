import type { Logger } from '../output/logger.ts';
import { type HttpReply, type HttpRequest, type HttpServer, startHttpServer } from './httpServer.ts';
import { REGISTRY_ERRORS as CODES, RegistryError } from './registryError.ts';
import { routeRegistry } from './registryRoutes.ts';
import { RegistryStore } from './registryStore.ts';
import type { CredentialStore } from './security/credentials.ts';
import { isAuthorized } from './security/httpAuthorization.ts';
import type { ListenerTls } from './security/listener.ts';

export interface RegistryOptions {
  /** 0 = any free port. Redpanda's is 8081. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly logger?: Logger;
  readonly tls?: ListenerTls;
  /** Each request needs a user of these, by HTTP basic authentication. */
  readonly credentials?: CredentialStore;
}

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';
const ACCEPTED_TYPES = [CONTENT_TYPE, 'application/vnd.schemaregistry+json', 'application/json'];
/** Well above the 128 KB that Redpanda advises for a schema, since JSON in JSON doubles each quote. */
const MAX_BODY_BYTES = 1 << 20;

/**
 * Starts the embedded Schema Registry: Redpanda's HTTP interface for Avro, in memory, for development and tests.
 * JSON Schema, Protobuf, references, contexts and IMPORT mode are refused with an error code.
 * @throws AnomalyError ANM_PORT_IN_USE
 */
export async function startRegistry(options: RegistryOptions): Promise<HttpServer> {
  const store = new RegistryStore();
  const { credentials } = options;
  return startHttpServer({
    port: options.port,
    host: options.host ?? '127.0.0.1',
    purpose: 'Schema Registry',
    maxBodyBytes: MAX_BODY_BYTES,
    tooLarge: failure(new RegistryError(413, `the request is larger than ${MAX_BODY_BYTES} bytes`)),
    handle: (request) => answer(store, request, options.logger),
    tls: options.tls,
    refuse: (_path, authorization) =>
      credentials === undefined || isAuthorized(credentials, authorization) ? null : UNAUTHORIZED,
  });
}

const UNAUTHORIZED = failure(new RegistryError(40101, 'Unauthorized'));

function answer(store: RegistryStore, request: HttpRequest, logger: Logger | undefined): HttpReply {
  const reply = attempt(store, request, logger);
  logger?.debug('schema registry request', {
    method: request.method,
    path: `/${request.segments.join('/')}`,
    status: reply.status,
  });
  return reply;
}

function attempt(store: RegistryStore, request: HttpRequest, logger: Logger | undefined): HttpReply {
  try {
    const hasBody = request.method === 'POST' || request.method === 'PUT';
    if (hasBody && request.contentType !== '' && !ACCEPTED_TYPES.includes(request.contentType)) {
      throw new RegistryError(CODES.mediaType, `cannot read a body of type '${request.contentType}'`);
    }
    const body = routeRegistry(store, request);
    return { status: 200, contentType: CONTENT_TYPE, body: body === undefined ? '' : JSON.stringify(body) };
  } catch (error) {
    if (error instanceof RegistryError) return failure(error);
    logger?.error('the schema registry failed', { error: String(error) });
    return failure(new RegistryError(CODES.internal, error instanceof Error ? error.message : String(error)));
  }
}

function failure({ status, errorCode, message }: RegistryError): HttpReply {
  return { status, contentType: CONTENT_TYPE, body: JSON.stringify({ error_code: errorCode, message }) };
}
