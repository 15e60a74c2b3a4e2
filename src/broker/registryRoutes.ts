import { COMPATIBILITY_LEVELS, isCompatibilityLevel } from '../schemas/compatibilityLevel.ts';
import type { HttpRequest } from './httpServer.ts';
import { REGISTRY_ERRORS as CODES, RegistryError } from './registryError.ts';
import { failureMessages } from './registryMessages.ts';
import type { RegistryMode, RegistryStore } from './registryStore.ts';

/** `:name` in a pattern stands for one segment. */
interface Route {
  readonly method: string;
  readonly pattern: readonly string[];
  readonly run: (store: RegistryStore, call: Call) => unknown;
}

class Call {
  readonly request: HttpRequest;
  private readonly parameters: ReadonlyMap<string, string>;

  constructor(request: HttpRequest, parameters: ReadonlyMap<string, string>) {
    this.request = request;
    this.parameters = parameters;
  }

  get subject(): string {
    const subject = this.parameters.get('subject')!;
    if (subject.startsWith(':.')) {
      throw new RegistryError(CODES.invalidSchema, `'${subject}' names a context, which the embedded registry lacks`);
    }
    return subject;
  }

  get id(): number {
    const text = this.parameters.get('id')!;
    if (!/^\d{1,10}$/.test(text)) throw new RegistryError(CODES.notFound, `'${text}' is no schema id`);
    return Number(text);
  }

  get version(): number | 'latest' {
    const text = this.parameters.get('version')!;
    if (text === 'latest' || text === '-1') return 'latest';
    const version = /^\d{1,10}$/.test(text) ? Number(text) : 0;
    if (version < 1 || version >= 2 ** 31) {
      throw new RegistryError(CODES.invalidVersion, `'${text}' is no version: it is 'latest' or from 1 to 2^31-1`);
    }
    return version;
  }

  flag(name: string): boolean {
    return this.request.query.get(name)?.toLowerCase() === 'true';
  }

  body(): Readonly<Record<string, unknown>> {
    let body: unknown;
    try {
      body = JSON.parse(this.request.body);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new RegistryError(CODES.invalidSchema, `the request body is not JSON: ${reason}`);
    }
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new RegistryError(CODES.invalidSchema, 'the request body is not a JSON object');
    }
    return body as Record<string, unknown>;
  }

  /** The schema text of the body; refuses what only a full registry can do. */
  schema(): string {
    const { schema, schemaType = 'AVRO', references = [] } = this.body();
    if (schemaType !== 'AVRO') {
      throw new RegistryError(CODES.invalidSchema, `schema type ${String(schemaType)} is not supported, only AVRO`);
    }
    if (!Array.isArray(references) || references.length > 0) {
      throw new RegistryError(CODES.invalidSchema, 'references to other schemas are not supported');
    }
    if (schema === undefined || schema === null) throw new RegistryError(CODES.emptySchema, 'the schema is empty');
    if (typeof schema !== 'string') throw new RegistryError(CODES.invalidSchema, "the member 'schema' is not a string");
    return schema;
  }
}

const ROUTES: readonly Route[] = [
  route('GET', 'status/ready', () => undefined),
  route('GET', 'schemas/types', () => ['AVRO']),
  route('GET', 'schemas/ids/:id', (store, call) => ({ schema: store.schemaText(call.id) })),
  route('GET', 'schemas/ids/:id/versions', (store, call) => store.versionsOf(call.id, call.flag('deleted'))),
  route('GET', 'schemas/ids/:id/subjects', (store, call) => [
    ...new Set(store.versionsOf(call.id, call.flag('deleted')).map(({ subject }) => subject)),
  ]),
  route('GET', 'subjects', (store, call) => {
    const prefix = call.request.query.get('subjectPrefix') ?? '';
    return store.subjects(call.flag('deleted')).filter((subject) => subject.startsWith(prefix));
  }),
  route('POST', 'subjects/:subject', (store, call) => {
    store.versions(call.subject, call.flag('deleted'));
    return store.lookup(call.subject, call.schema(), call.flag('deleted'));
  }),
  route('DELETE', 'subjects/:subject', (store, call) => store.deleteSubject(call.subject, call.flag('permanent'))),
  route('GET', 'subjects/:subject/versions', (store, call) => store.versions(call.subject, call.flag('deleted'))),
  route('POST', 'subjects/:subject/versions', (store, call) => {
    const { id } = call.body();
    if (id !== undefined && id !== -1) {
      throw new RegistryError(CODES.notPermitted, 'a given id needs IMPORT mode, which the embedded registry lacks');
    }
    return { id: store.register(call.subject, call.schema()) };
  }),
  route('GET', 'subjects/:subject/versions/:version', (store, call) =>
    store.version(call.subject, call.version, call.flag('deleted')),
  ),
  route('GET', 'subjects/:subject/versions/:version/schema', (store, call) =>
    JSON.parse(store.version(call.subject, call.version, call.flag('deleted')).schema),
  ),
  route('GET', 'subjects/:subject/versions/:version/referencedby', (store, call) => {
    store.version(call.subject, call.version, false);
    return [];
  }),
  route('DELETE', 'subjects/:subject/versions/:version', (store, call) =>
    store.deleteVersion(call.subject, call.version, call.flag('permanent')),
  ),
  route('POST', 'compatibility/subjects/:subject/versions/:version', checkCompatibility),
  route('GET', 'config', (store) => ({ compatibilityLevel: store.globalLevel })),
  route('PUT', 'config', (store, call) => {
    store.globalLevel = levelOf(call);
    return { compatibility: store.globalLevel };
  }),
  route('GET', 'config/:subject', (store, call) => ({
    compatibilityLevel: store.level(call.subject, call.flag('defaultToGlobal')),
  })),
  route('PUT', 'config/:subject', (store, call) => {
    store.setLevel(call.subject, levelOf(call));
    return { compatibility: store.level(call.subject, false) };
  }),
  route('DELETE', 'config/:subject', (store, call) => ({ compatibilityLevel: store.clearLevel(call.subject) })),
  route('GET', 'mode', (store) => ({ mode: store.globalMode })),
  route('PUT', 'mode', (store, call) => {
    store.globalMode = modeOf(call);
    return { mode: store.globalMode };
  }),
  route('GET', 'mode/:subject', (store, call) => ({ mode: store.mode(call.subject, call.flag('defaultToGlobal')) })),
  route('PUT', 'mode/:subject', (store, call) => {
    store.setMode(call.subject, modeOf(call));
    return { mode: store.mode(call.subject, false) };
  }),
  route('DELETE', 'mode/:subject', (store, call) => ({ mode: store.clearMode(call.subject) })),
];

/** The JSON value to answer with; undefined for an empty body. @throws RegistryError */
export function routeRegistry(store: RegistryStore, request: HttpRequest): unknown {
  for (const { method, pattern, run } of ROUTES) {
    if (method !== request.method) continue;
    const parameters = match(pattern, request.segments);
    if (parameters !== null) return run(store, new Call(request, parameters));
  }
  throw new RegistryError(CODES.notFound, `there is no ${request.method} /${request.segments.join('/')}`);
}

function route(method: string, path: string, run: Route['run']): Route {
  return { method, pattern: path.split('/'), run };
}

function match(pattern: readonly string[], segments: readonly string[]): Map<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const parameters = new Map<string, string>();
  for (const [index, part] of pattern.entries()) {
    if (part.startsWith(':')) parameters.set(part.slice(1), segments[index]!);
    else if (part !== segments[index]) return null;
  }
  return parameters;
}

function checkCompatibility(store: RegistryStore, call: Call): unknown {
  const verbose = call.flag('verbose');
  const text = call.schema();
  // Version and subject first: an unknown one is a 404 even for a broken schema.
  store.version(call.subject, call.version, false);
  try {
    const failure = store.compare(call.subject, text, call.version);
    if (!verbose) return { is_compatible: failure === null };
    return { is_compatible: failure === null, messages: failure === null ? [] : failureMessages(failure) };
  } catch (error) {
    // As Redpanda: asked verbosely, a schema that cannot be parsed is an incompatible one with a reason.
    if (verbose && error instanceof RegistryError && error.status === 422) {
      return { is_compatible: false, messages: [error.message] };
    }
    throw error;
  }
}

function levelOf(call: Call) {
  const level = call.body()['compatibility'];
  if (isCompatibilityLevel(level)) return level;
  const valid = COMPATIBILITY_LEVELS.join(', ');
  throw new RegistryError(CODES.invalidLevel, `${JSON.stringify(level)} is no compatibility level: ${valid}`);
}

function modeOf(call: Call): RegistryMode {
  const mode = call.body()['mode'];
  if (mode === 'READWRITE' || mode === 'READONLY') return mode;
  throw new RegistryError(CODES.invalidMode, `${JSON.stringify(mode)} is no mode here: READWRITE, READONLY`);
}
