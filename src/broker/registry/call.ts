import {
  COMPATIBILITY_LEVELS,
  type CompatibilityLevel,
  isCompatibilityLevel,
} from '../../schemas/compatibilityLevel.ts';
import { isNestedDeeper } from '../../schemas/jsonText.ts';
import type { HttpRequest } from '../httpServer.ts';
import { REGISTRY_MODES, type RegistryMode } from './changes.ts';
import { REGISTRY_ERRORS as CODES, failures, RegistryError } from './errors.ts';
import { MAX_ID } from './state.ts';

type Json = Readonly<Record<string, unknown>>;

/** Bodies are flat but for references and metadata; the schema itself is a string in them. */
const MAX_BODY_DEPTH = 20;
const DEFAULT_CONTEXT = ':.:';

/** One request: its path's parameters, its query and its body, each checked as it is asked for. */
export class Call {
  private readonly request: HttpRequest;
  private readonly parameters: ReadonlyMap<string, string>;
  private json: Json | undefined;

  constructor(request: HttpRequest, parameters: ReadonlyMap<string, string>) {
    this.request = request;
    this.parameters = parameters;
  }

  get subject(): string {
    return plainSubject(this.parameters.get('subject')!);
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
    if (version < 1 || version > MAX_ID) throw failures.invalidVersion(text);
    return version;
  }

  flag(name: string): boolean {
    return this.request.query.get(name)?.toLowerCase() === 'true';
  }

  query(name: string): string {
    return this.request.query.get(name) ?? '';
  }

  body(): Json {
    this.json ??= parseBody(this.request.body);
    return this.json;
  }

  level(): CompatibilityLevel {
    const level = String(this.body()['compatibility'] ?? this.body()['compatibilityLevel']).toUpperCase();
    if (isCompatibilityLevel(level)) return level;
    throw new RegistryError(
      CODES.invalidLevel,
      `Invalid compatibility level. Valid values are ${COMPATIBILITY_LEVELS.join(', ')}`,
    );
  }

  mode(): RegistryMode {
    const mode = String(this.body()['mode']).toUpperCase();
    const known = REGISTRY_MODES.find((each) => each === mode);
    if (known !== undefined) return known;
    throw new RegistryError(CODES.invalidMode, `Invalid mode. Valid values are ${REGISTRY_MODES.join(', ')}`);
  }
}

/** `:.:subject` is the subject of the default context; the embedded registry has no other. */
export function plainSubject(subject: string): string {
  if (subject.startsWith(DEFAULT_CONTEXT)) return subject.slice(DEFAULT_CONTEXT.length);
  if (!subject.startsWith(':.')) return subject;
  throw new RegistryError(
    CODES.invalidSchema,
    `'${subject}' names a context; the embedded registry has the default context only`,
  );
}

function parseBody(text: string): Json {
  if (isNestedDeeper(text, MAX_BODY_DEPTH)) {
    throw new RegistryError(CODES.invalidSchema, `the request body is nested more than ${MAX_BODY_DEPTH} deep`);
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RegistryError(CODES.invalidSchema, `the request body is not JSON: ${reason}`);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new RegistryError(CODES.invalidSchema, 'the request body is not a JSON object');
  }
  return body as Json;
}
