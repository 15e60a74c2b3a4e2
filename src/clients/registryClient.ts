import { AnomalyError } from '../errors.ts';
import { type CompatibilityLevel, isCompatibilityLevel, isTransitive } from '../schemas/compatibilityLevel.ts';
import type { ReferencedSchema } from '../schemas/parsedSchema.ts';
import { loadSchemaParser } from '../schemas/schemaParser.ts';
import type {
  CompatibilityResult,
  DeletedOption,
  RegisteredSchema,
  RegisteredVersion,
  SchemaOptions,
  SchemaReference,
  SchemaRegistry,
} from './registry.ts';
import { expectBody, field, malformed, numberOf, schemaOf, versionOf, versionPath } from './registryAnswers.ts';
import { explainFailure, type ResolvedSchema } from './registryExplain.ts';
import type { RegistryAnswer, RegistryHttp } from './registryHttp.ts';

/** Schemas kept by id; the oldest one goes when there are more, so that garbage ids cannot fill the memory. */
const CACHED_SCHEMAS = 1000;
/** Schemas that one may build on, directly or not. */
const MAX_REFERENCED = 100;

export class RegistryClient implements SchemaRegistry {
  private readonly http: RegistryHttp;
  private readonly byId = new Map<number, Promise<RegisteredSchema>>();

  constructor(http: RegistryHttp) {
    this.http = http;
  }

  async register(subject: string, schema: string, options: SchemaOptions = {}): Promise<{ id: number }> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const answer = await this.http.request('POST', path, bodyOf(schema, options));
    if (answer.status === 409) throw await this.incompatible(subject, schema, options, answer);
    const body = expectBody(answer, `register a schema under subject '${subject}'`);
    return { id: numberOf(body, 'id', answer) };
  }

  schemaById(id: number): Promise<RegisteredSchema> {
    const known = this.byId.get(id);
    if (known !== undefined) return known;
    const loading = this.loadWhole(id);
    this.byId.set(id, loading);
    if (this.byId.size > CACHED_SCHEMAS) this.byId.delete(this.byId.keys().next().value!);
    // A failure must not be kept: the registry may be back, or the id registered, at the next call.
    loading.catch(() => {
      if (this.byId.get(id) === loading) this.byId.delete(id);
    });
    return loading;
  }

  async definitionById(id: number): Promise<RegisteredSchema> {
    const answer = await this.http.request('GET', `/schemas/ids/${id}`);
    return schemaOf(id, answer, expectBody(answer, `read schema ${id}`));
  }

  async latest(subject: string, options: DeletedOption = {}): Promise<RegisteredVersion | null> {
    const answer = await this.http.request('GET', versionPath(subject, 'latest') + deletedQuery(options));
    if (answer.status === 404) return null;
    return versionOf(answer, expectBody(answer, `read the latest version of subject '${subject}'`));
  }

  async version(subject: string, version: number, options: DeletedOption = {}): Promise<RegisteredVersion> {
    const answer = await this.http.request('GET', versionPath(subject, version) + deletedQuery(options));
    return versionOf(answer, expectBody(answer, `read version ${version} of subject '${subject}'`));
  }

  async subjects(options: DeletedOption = {}): Promise<string[]> {
    const answer = await this.http.request('GET', `/subjects${deletedQuery(options)}`);
    return expectBody(answer, 'list the subjects') as string[];
  }

  async versions(subject: string, options: DeletedOption = {}): Promise<number[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions${deletedQuery(options)}`;
    const answer = await this.http.request('GET', path);
    return expectBody(answer, `list the versions of subject '${subject}'`) as number[];
  }

  async check(
    subject: string,
    schema: string,
    version: number | 'latest' = 'latest',
    options: SchemaOptions = {},
  ): Promise<CompatibilityResult> {
    const answer = await this.askCompatible(subject, bodyOf(schema, options), version);
    if (answer.status === 404 && (version === 'latest' || answer.errorCode === 40401)) {
      return { compatible: true, messages: [] };
    }
    const body = expectBody(answer, `check a schema against subject '${subject}'`);
    if (field(body, 'is_compatible') === true) return { compatible: true, messages: [] };
    const explained = await this.explain(subject, schema, options, version);
    const said = field(body, 'messages');
    return { compatible: false, messages: explained ?? (Array.isArray(said) ? said.map(String) : []) };
  }

  async validate(schema: string, options: SchemaOptions = {}): Promise<void> {
    const { type, text, referenced } = await this.resolved(schema, options);
    const parse = await loadSchemaParser(type);
    parse(text, referenced);
  }

  async lookup(subject: string, schema: string, options: SchemaOptions = {}): Promise<RegisteredVersion | null> {
    const path = `/subjects/${encodeURIComponent(subject)}`;
    const answer = await this.http.request('POST', path, bodyOf(schema, options));
    if (answer.status === 404) return null;
    return versionOf(answer, expectBody(answer, `look up a schema under subject '${subject}'`));
  }

  async compatibility(subject: string): Promise<CompatibilityLevel> {
    let answer = await this.http.request('GET', `/config/${encodeURIComponent(subject)}?defaultToGlobal=true`);
    if (answer.status === 404) answer = await this.http.request('GET', '/config');
    const body = expectBody(answer, `read the compatibility level of subject '${subject}'`);
    const level = field(body, 'compatibilityLevel') ?? field(body, 'compatibility');
    if (!isCompatibilityLevel(level)) throw malformed(answer, 'compatibilityLevel');
    return level;
  }

  async ready(): Promise<string> {
    let answer = await this.http.request('GET', '/status/ready');
    // Only Redpanda has that path; every registry lists its subjects.
    if (answer.status === 404) answer = await this.http.request('GET', '/subjects');
    expectBody(answer, 'ask whether the registry is ready');
    return answer.url;
  }

  /**
   * Redpanda compares with all versions that the level asks for, whichever is named; others only with that one, and
   * have a path without version for the rest, which Redpanda lacks.
   */
  private async askCompatible(subject: string, body: unknown, version: number | 'latest'): Promise<RegistryAnswer> {
    if (version === 'latest' && isTransitive(await this.compatibility(subject))) {
      const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions?verbose=true`;
      const answer = await this.http.request('POST', path, body);
      const hasPath = (answer.status !== 404 && answer.status !== 405) || answer.errorCode >= 40400;
      if (hasPath) return answer;
    }
    return await this.http.request('POST', `/compatibility${versionPath(subject, version)}?verbose=true`, body);
  }

  private async loadWhole(id: number): Promise<RegisteredSchema> {
    const definition = await this.definitionById(id);
    if (definition.type !== 'AVRO' || definition.references.length === 0) return definition;
    const [{ inlineAvroTypes }, referenced] = await Promise.all([
      import('../schemas/avroInline.ts'),
      this.referenced(definition.references),
    ]);
    const texts = referenced.map(({ text }) => text);
    return { ...definition, schema: inlineAvroTypes(definition.schema, texts), references: [] };
  }

  /** All that a schema builds on, each after what it needs itself. */
  private async referenced(references: readonly SchemaReference[]): Promise<ReferencedSchema[]> {
    const out = new Map<string, ReferencedSchema>();
    const asked = new Set<string>();
    const visit = async ({ name, subject, version }: SchemaReference): Promise<void> => {
      const key = JSON.stringify([name, subject, version]);
      if (asked.has(key)) return;
      if (asked.size >= MAX_REFERENCED) {
        throw new AnomalyError('ANM_SCHEMA_UNSUPPORTED', `a schema builds on more than ${MAX_REFERENCED} others`);
      }
      asked.add(key);
      // Deleted or not: records written with the schema are still there.
      const found = await this.version(subject, version, { deleted: true });
      for (const reference of found.references) await visit(reference);
      out.set(key, { name, text: found.schema });
    };
    for (const reference of references) await visit(reference);
    return [...out.values()];
  }

  private async incompatible(
    subject: string,
    schema: string,
    options: SchemaOptions,
    answer: RegistryAnswer,
  ): Promise<AnomalyError> {
    const reasons = (await this.explain(subject, schema, options, 'latest')) ?? [answer.message];
    return new AnomalyError(
      'ANM_SCHEMA_INCOMPATIBLE',
      `cannot register the schema under subject '${subject}': ${reasons.join('; ')}`,
      { details: { subject, reasons, error_code: answer.errorCode } },
    );
  }

  /** Path, rule, level and version of each clash by our own comparison; null where that has nothing to say. */
  private async explain(
    subject: string,
    schema: string,
    options: SchemaOptions,
    version: number | 'latest',
  ): Promise<string[] | null> {
    const level = await this.compatibility(subject);
    const numbers = await this.versions(subject);
    const from = version === 'latest' ? (numbers.at(-1) ?? 0) : version;
    const wanted = numbers.filter((number) => isTransitive(level) || number >= from);
    const history = await Promise.all(
      wanted.map(async (number) => {
        const found = await this.version(subject, number);
        return { version: number, ...(await this.resolved(found.schema, found)) };
      }),
    );
    return await explainFailure(level, await this.resolved(schema, options), history);
  }

  private async resolved(text: string, { type = 'AVRO', references = [] }: SchemaOptions): Promise<ResolvedSchema> {
    return { type, text, referenced: await this.referenced(references) };
  }
}

function bodyOf(schema: string, { type = 'AVRO', references = [] }: SchemaOptions) {
  // Old registries know neither member.
  return {
    schema,
    ...(type === 'AVRO' ? {} : { schemaType: type }),
    ...(references.length === 0 ? {} : { references }),
  };
}

function deletedQuery({ deleted = false }: DeletedOption): string {
  return deleted ? '?deleted=true' : '';
}
