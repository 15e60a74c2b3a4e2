import { SCHEMA_TYPES } from '../../schemas/schemaParser.ts';
import type { HttpRequest } from '../httpServer.ts';
import { Call } from './call.ts';
import type { SchemaDefinition } from './changes.ts';
import { definitionOf } from './definition.ts';
import { REGISTRY_ERRORS as CODES, RegistryError } from './errors.ts';
import { failureMessages } from './messages.ts';
import type { Registration, RegistryStore, SubjectVersion } from './store.ts';

export interface RegistryService {
  readonly store: RegistryStore;
  /** Contexts came with Redpanda 26.1; before, their paths do not exist. */
  readonly hasContexts: boolean;
}

/** `:name` in a pattern stands for one segment. */
interface Route {
  readonly method: string;
  readonly pattern: readonly string[];
  readonly run: (store: RegistryStore, call: Call) => unknown;
}

/** What a route answers that is not JSON itself: the text of a Protobuf schema. */
export class PlainText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const ROUTES: readonly Route[] = [
  route('GET', 'status/ready', () => undefined),
  route('GET', 'schemas/types', () => SCHEMA_TYPES),
  route('GET', 'schemas/ids/:id', (store, call) => {
    refuseFormat(call);
    return described(store.definition(call.id));
  }),
  route('GET', 'schemas/ids/:id/versions', (store, call) => store.versionsOf(call.id, call.flag('deleted'))),
  route('GET', 'schemas/ids/:id/subjects', (store, call) =>
    [...new Set(store.versionsOf(call.id, call.flag('deleted')).map(({ subject }) => subject))].sort(),
  ),
  route('GET', 'subjects', (store, call) => {
    const prefix = call.query('subjectPrefix').replace(/^:\.:/, '');
    return store.subjects(call.flag('deleted')).filter((subject) => subject.startsWith(prefix));
  }),
  route('POST', 'subjects/:subject', lookup),
  route('DELETE', 'subjects/:subject', (store, call) => store.deleteSubject(call.subject, call.flag('permanent'))),
  route('GET', 'subjects/:subject/versions', (store, call) => store.versions(call.subject, call.flag('deleted'))),
  route('POST', 'subjects/:subject/versions', async (store, call) => {
    const registration = definitionOf(call.body());
    await prepare(store, call, registration);
    return { id: store.register(call.subject, registration, call.flag('normalize')) };
  }),
  route('GET', 'subjects/:subject/versions/:version', (store, call) => {
    refuseFormat(call);
    return versionBody(store.version(call.subject, call.version, call.flag('deleted')));
  }),
  route('GET', 'subjects/:subject/versions/:version/schema', (store, call) => {
    refuseFormat(call);
    return new PlainText(store.version(call.subject, call.version, call.flag('deleted')).schema);
  }),
  route('GET', 'subjects/:subject/versions/:version/referencedby', (store, call) =>
    store.referencedBy(call.subject, call.version),
  ),
  route('DELETE', 'subjects/:subject/versions/:version', (store, call) =>
    store.deleteVersion(call.subject, call.version, call.flag('permanent')),
  ),
  route('POST', 'compatibility/subjects/:subject/versions/:version', checkCompatibility),
  route('GET', 'config', (store) => ({ compatibilityLevel: store.settings.level(null, true) })),
  route('PUT', 'config', (store, call) => ({ compatibility: store.settings.setLevel(null, call.level()) })),
  route('DELETE', 'config', (store) => ({ compatibilityLevel: store.settings.setLevel(null, null) })),
  route('GET', 'config/:subject', (store, call) => ({
    compatibilityLevel: store.settings.level(call.subject, call.flag('defaultToGlobal')),
  })),
  route('PUT', 'config/:subject', (store, call) => ({
    compatibility: store.settings.setLevel(call.subject, call.level()),
  })),
  route('DELETE', 'config/:subject', (store, call) => ({
    compatibilityLevel: store.settings.setLevel(call.subject, null),
  })),
  route('GET', 'mode', (store) => ({ mode: store.settings.mode(null, true) })),
  route('PUT', 'mode', (store, call) => ({ mode: store.settings.setMode(null, call.mode(), call.flag('force')) })),
  route('DELETE', 'mode', (store) => ({ mode: store.settings.setMode(null, null, false) })),
  route('GET', 'mode/:subject', (store, call) => ({
    mode: store.settings.mode(call.subject, call.flag('defaultToGlobal')),
  })),
  route('PUT', 'mode/:subject', (store, call) => ({
    mode: store.settings.setMode(call.subject, call.mode(), call.flag('force')),
  })),
  route('DELETE', 'mode/:subject', (store, call) => ({ mode: store.settings.setMode(call.subject, null, false) })),
];

/** The JSON value to answer with, or PlainText; undefined for an empty body. @throws RegistryError */
export async function routeRegistry({ store, hasContexts }: RegistryService, request: HttpRequest): Promise<unknown> {
  const { method, segments } = request;
  if (hasContexts && segments[0] === 'contexts') return contexts(request);
  let pathExists = false;
  for (const { method: wanted, pattern, run } of ROUTES) {
    const parameters = match(pattern, segments);
    if (parameters === null) continue;
    if (wanted === method) return await run(store, new Call(request, parameters));
    pathExists = true;
  }
  const path = `/${segments.join('/')}`;
  if (pathExists) throw new RegistryError(CODES.methodNotAllowed, `${method} is not allowed on ${path}`);
  throw new RegistryError(CODES.notFound, `there is no ${method} ${path}`);
}

function contexts({ method, segments }: HttpRequest): string[] {
  if (method === 'GET' && segments.length === 1) return ['.'];
  throw new RegistryError(
    CODES.invalidSchema,
    `/${segments.join('/')}: contexts are not supported; the embedded registry has the default context only`,
  );
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

/** Loads what the types need; after that, a call runs to its end without another one in between. */
async function prepare(store: RegistryStore, call: Call, { type }: SchemaDefinition): Promise<void> {
  const missing = store.unloadedTypes(call.subject, type);
  if (missing.length > 0) await store.load(missing);
}

async function lookup(store: RegistryStore, call: Call): Promise<unknown> {
  const includeDeleted = call.flag('deleted');
  const check = () => store.versions(call.subject, includeDeleted);
  // An unknown subject is a 404 even for a broken schema.
  check();
  try {
    const definition = definitionOf(call.body());
    await prepare(store, call, definition);
    return versionBody(store.lookup(call.subject, definition, call.flag('normalize'), includeDeleted));
  } catch (error) {
    // As Redpanda, which answers what it cannot even begin to look up as a failure of its own.
    if (error instanceof RegistryError && error.errorCode === CODES.emptySchema) {
      throw new RegistryError(CODES.internal, `Error while looking up schema under subject ${call.subject}`);
    }
    throw error;
  }
}

async function checkCompatibility(store: RegistryStore, call: Call): Promise<unknown> {
  const verbose = call.flag('verbose');
  const candidate: Registration = definitionOf(call.body());
  // Version and subject first: an unknown one is a 404 even for a broken schema.
  store.version(call.subject, call.version, false);
  await prepare(store, call, candidate);
  try {
    const failure = store.compare(call.subject, candidate, call.version);
    if (!verbose) return { is_compatible: failure === null };
    return { is_compatible: failure === null, messages: failure === null ? [] : failureMessages(failure) };
  } catch (error) {
    // As Redpanda: asked verbosely, a schema that cannot be parsed is an incompatible one with a reason.
    const invalid: readonly number[] = [CODES.invalidSchema, CODES.emptySchema];
    if (verbose && error instanceof RegistryError && invalid.includes(error.errorCode)) {
      return { is_compatible: false, messages: [error.message] };
    }
    throw error;
  }
}

/** Members that say nothing are left out: the type of Avro, no references, no metadata. */
function described({ type, schema, references, properties }: SchemaDefinition) {
  return {
    ...(type === 'AVRO' ? {} : { schemaType: type }),
    schema,
    ...(references.length === 0 ? {} : { references }),
    ...(properties === null ? {} : { metadata: { properties } }),
  };
}

function versionBody({ subject, version, id, ...definition }: SubjectVersion) {
  return { subject, version, id, ...described(definition) };
}

function refuseFormat(call: Call): void {
  const format = call.query('format');
  if (format === '' || format === 'default' || format === 'none') return;
  throw new RegistryError(
    CODES.invalidSchema,
    `format '${format}' is not supported: schemas are given as they are kept`,
  );
}
