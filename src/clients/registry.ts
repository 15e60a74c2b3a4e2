import { AnomalyError } from '../errors.ts';
import { type CompatibilityLevel, isCompatibilityLevel, isTransitive } from '../schemas/compatibilityLevel.ts';
import { explainFailure } from './registryExplain.ts';
import { type RegistryAnswer, type RegistryConnection, RegistryHttp } from './registryHttp.ts';

export { readSchemaId, WIRE_HEADER_BYTES, writeWireHeader } from './wireFormat.ts';

export interface RegisteredSchema {
  readonly id: number;
  /** The text as the registry keeps it. */
  readonly schema: string;
  readonly type: 'AVRO' | 'JSON' | 'PROTOBUF';
}

export interface RegisteredVersion extends RegisteredSchema {
  readonly version: number;
}

export interface CompatibilityResult {
  readonly compatible: boolean;
  /** One per clash, with field and rule; empty when compatible, or when nothing is known about why. */
  readonly messages: string[];
}

/**
 * A Schema Registry (Redpanda's, Confluent's, or the embedded one). Every call may throw ANM_REGISTRY_UNREACHABLE,
 * ANM_TIMEOUT or ANM_AUTHENTICATION.
 */
export interface SchemaRegistry {
  /** Registers an Avro schema; the same text gives the same id. @throws ANM_SCHEMA_INCOMPATIBLE, ANM_SCHEMA_INVALID */
  register(subject: string, schema: string): Promise<{ id: number }>;
  /** Kept after the first call: an id never changes its schema. @throws ANM_SCHEMA_UNKNOWN */
  schemaById(id: number): Promise<RegisteredSchema>;
  /** Null when the subject does not exist. */
  latest(subject: string): Promise<RegisteredVersion | null>;
  /** @throws ANM_SCHEMA_UNKNOWN */
  version(subject: string, version: number): Promise<RegisteredVersion>;
  subjects(): Promise<string[]>;
  /** Ascending. @throws ANM_SCHEMA_UNKNOWN */
  versions(subject: string): Promise<number[]>;
  /** A subject that does not exist yet takes any schema. @throws ANM_SCHEMA_INVALID, ANM_SCHEMA_UNKNOWN (version) */
  check(subject: string, schema: string, version?: number | 'latest'): Promise<CompatibilityResult>;
  /** The version under which the subject has this very schema, or null. */
  lookup(subject: string, schema: string): Promise<RegisteredVersion | null>;
  /** The level that holds for the subject: its own, else the global one. */
  compatibility(subject: string): Promise<CompatibilityLevel>;
  /** The address that answered. */
  ready(): Promise<string>;
}

/** Schemas kept by id; the oldest one goes when there are more, so that garbage ids cannot fill the memory. */
const CACHED_SCHEMAS = 1000;

/** Nothing is sent until the first call. */
export function createRegistry(connection: RegistryConnection): SchemaRegistry {
  return new RegistryClient(new RegistryHttp(connection));
}

class RegistryClient implements SchemaRegistry {
  private readonly http: RegistryHttp;
  private readonly byId = new Map<number, Promise<RegisteredSchema>>();

  constructor(http: RegistryHttp) {
    this.http = http;
  }

  async register(subject: string, schema: string): Promise<{ id: number }> {
    const answer = await this.http.request('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schema });
    if (answer.status === 409) throw await this.incompatible(subject, schema, answer);
    const body = this.expect(answer, `register a schema under subject '${subject}'`);
    return { id: numberOf(body, 'id', answer) };
  }

  schemaById(id: number): Promise<RegisteredSchema> {
    const known = this.byId.get(id);
    if (known !== undefined) return known;
    const loading = this.loadSchema(id);
    this.byId.set(id, loading);
    if (this.byId.size > CACHED_SCHEMAS) this.byId.delete(this.byId.keys().next().value!);
    // A failure must not be kept: the registry may be back, or the id registered, at the next call.
    loading.catch(() => {
      if (this.byId.get(id) === loading) this.byId.delete(id);
    });
    return loading;
  }

  private async loadSchema(id: number): Promise<RegisteredSchema> {
    const answer = await this.http.request('GET', `/schemas/ids/${id}`);
    const body = this.expect(answer, `read schema ${id}`);
    return { id, schema: stringOf(body, 'schema', answer), type: typeOf(body) };
  }

  async latest(subject: string): Promise<RegisteredVersion | null> {
    const answer = await this.http.request('GET', versionPath(subject, 'latest'));
    if (answer.status === 404) return null;
    return versionOf(this.expect(answer, `read the latest version of subject '${subject}'`), answer);
  }

  async version(subject: string, version: number): Promise<RegisteredVersion> {
    const answer = await this.http.request('GET', versionPath(subject, version));
    return versionOf(this.expect(answer, `read version ${version} of subject '${subject}'`), answer);
  }

  async subjects(): Promise<string[]> {
    const answer = await this.http.request('GET', '/subjects');
    return this.expect(answer, 'list the subjects') as string[];
  }

  async versions(subject: string): Promise<number[]> {
    const answer = await this.http.request('GET', `/subjects/${encodeURIComponent(subject)}/versions`);
    return this.expect(answer, `list the versions of subject '${subject}'`) as number[];
  }

  async check(subject: string, schema: string, version: number | 'latest' = 'latest'): Promise<CompatibilityResult> {
    const path = `/compatibility${versionPath(subject, version)}?verbose=true`;
    const answer = await this.http.request('POST', path, { schema });
    if (answer.status === 404 && (version === 'latest' || answer.errorCode === 40401)) {
      return { compatible: true, messages: [] };
    }
    const body = this.expect(answer, `check a schema against subject '${subject}'`);
    if (field(body, 'is_compatible') === true) return { compatible: true, messages: [] };
    const explained = await this.explain(subject, schema, version);
    const said = field(body, 'messages');
    return { compatible: false, messages: explained ?? (Array.isArray(said) ? said.map(String) : []) };
  }

  async lookup(subject: string, schema: string): Promise<RegisteredVersion | null> {
    const answer = await this.http.request('POST', `/subjects/${encodeURIComponent(subject)}`, { schema });
    if (answer.status === 404) return null;
    return versionOf(this.expect(answer, `look up a schema under subject '${subject}'`), answer);
  }

  async compatibility(subject: string): Promise<CompatibilityLevel> {
    let answer = await this.http.request('GET', `/config/${encodeURIComponent(subject)}?defaultToGlobal=true`);
    if (answer.status === 404) answer = await this.http.request('GET', '/config');
    const body = this.expect(answer, `read the compatibility level of subject '${subject}'`);
    const level = field(body, 'compatibilityLevel') ?? field(body, 'compatibility');
    if (!isCompatibilityLevel(level)) throw malformed(answer, 'compatibilityLevel');
    return level;
  }

  async ready(): Promise<string> {
    let answer = await this.http.request('GET', '/status/ready');
    // Only Redpanda has that path; every registry lists its subjects.
    if (answer.status === 404) answer = await this.http.request('GET', '/subjects');
    this.expect(answer, 'ask whether the registry is ready');
    return answer.url;
  }

  private async incompatible(subject: string, schema: string, answer: RegistryAnswer): Promise<AnomalyError> {
    const reasons = (await this.explain(subject, schema, 'latest')) ?? [answer.message];
    return new AnomalyError(
      'ANM_SCHEMA_INCOMPATIBLE',
      `cannot register the schema under subject '${subject}': ${reasons.join('; ')}`,
      { details: { subject, reasons, error_code: answer.errorCode } },
    );
  }

  /** Field and rule of each clash by our own comparison, since registries differ in what they tell. Null: none found. */
  private async explain(subject: string, schema: string, version: number | 'latest'): Promise<string[] | null> {
    const level = await this.compatibility(subject);
    const numbers = await this.versions(subject);
    const from = version === 'latest' ? (numbers.at(-1) ?? 0) : version;
    const wanted = numbers.filter((number) => isTransitive(level) || number >= from);
    const history = await Promise.all(wanted.map((number) => this.version(subject, number)));
    return explainFailure(level, schema, history);
  }

  /** The body of a success; failures that mean the same for every call are thrown here. */
  private expect(answer: RegistryAnswer, purpose: string): unknown {
    if (answer.errorCode === 0) return answer.body;
    const code =
      answer.status === 404 ? 'ANM_SCHEMA_UNKNOWN' : answer.status === 422 ? 'ANM_SCHEMA_INVALID' : 'ANM_PROTOCOL';
    throw new AnomalyError(code, `cannot ${purpose}: ${answer.url} says ${answer.message} (${answer.errorCode})`, {
      details: { url: answer.url, status: answer.status, error_code: answer.errorCode },
    });
  }
}

function versionPath(subject: string, version: number | 'latest'): string {
  return `/subjects/${encodeURIComponent(subject)}/versions/${version}`;
}

function versionOf(body: unknown, answer: RegistryAnswer): RegisteredVersion {
  return {
    id: numberOf(body, 'id', answer),
    version: numberOf(body, 'version', answer),
    schema: stringOf(body, 'schema', answer),
    type: typeOf(body),
  };
}

/** Registries leave the type out for Avro. */
function typeOf(body: unknown): RegisteredSchema['type'] {
  const type = field(body, 'schemaType');
  return type === 'JSON' || type === 'PROTOBUF' ? type : 'AVRO';
}

function field(body: unknown, key: string): unknown {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[key] : undefined;
}

function numberOf(body: unknown, key: string, answer: RegistryAnswer): number {
  const value = field(body, key);
  if (typeof value !== 'number') throw malformed(answer, key);
  return value;
}

function stringOf(body: unknown, key: string, answer: RegistryAnswer): string {
  const value = field(body, key);
  if (typeof value !== 'string') throw malformed(answer, key);
  return value;
}

function malformed(answer: RegistryAnswer, key: string): AnomalyError {
  return new AnomalyError('ANM_PROTOCOL', `${answer.url} gave an answer without a usable '${key}'`);
}
