import { AnomalyError } from '../errors.ts';
import type { RegisteredSchema, RegisteredVersion, SchemaReference } from './registry.ts';
import type { RegistryAnswer } from './registryHttp.ts';

/** Own code of the embedded registry, for two schemas that it cannot compare. */
const INCOMPARABLE = 42290;

/** The body of a success; failures that mean the same for every call are thrown here. */
export function expectBody(answer: RegistryAnswer, purpose: string): unknown {
  if (answer.errorCode === 0) return answer.body;
  throw new AnomalyError(
    codeOf(answer),
    `cannot ${purpose}: ${answer.url} says ${answer.message} (${answer.errorCode})`,
    {
      details: { url: answer.url, status: answer.status, error_code: answer.errorCode },
    },
  );
}

function codeOf({ status, errorCode }: RegistryAnswer) {
  if (errorCode === INCOMPARABLE) return 'ANM_SCHEMA_UNSUPPORTED';
  if (status === 404) return 'ANM_SCHEMA_UNKNOWN';
  return status === 422 || status === 413 ? 'ANM_SCHEMA_INVALID' : 'ANM_PROTOCOL';
}

export function versionPath(subject: string, version: number | 'latest'): string {
  return `/subjects/${encodeURIComponent(subject)}/versions/${version}`;
}

export function schemaOf(id: number, answer: RegistryAnswer, body: unknown): RegisteredSchema {
  return { id, schema: stringOf(body, 'schema', answer), type: typeOf(body), references: referencesOf(body) };
}

export function versionOf(answer: RegistryAnswer, body: unknown): RegisteredVersion {
  return { version: numberOf(body, 'version', answer), ...schemaOf(numberOf(body, 'id', answer), answer, body) };
}

/** Registries leave the type out for Avro. */
function typeOf(body: unknown): RegisteredSchema['type'] {
  const type = field(body, 'schemaType');
  return type === 'JSON' || type === 'PROTOBUF' ? type : 'AVRO';
}

function referencesOf(body: unknown): readonly SchemaReference[] {
  const given = field(body, 'references');
  if (!Array.isArray(given)) return [];
  return given.map((reference: unknown) => ({
    name: String(field(reference, 'name')),
    subject: String(field(reference, 'subject')),
    version: Number(field(reference, 'version')),
  }));
}

export function field(body: unknown, key: string): unknown {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[key] : undefined;
}

export function numberOf(body: unknown, key: string, answer: RegistryAnswer): number {
  const value = field(body, key);
  if (typeof value !== 'number') throw malformed(answer, key);
  return value;
}

function stringOf(body: unknown, key: string, answer: RegistryAnswer): string {
  const value = field(body, key);
  if (typeof value !== 'string') throw malformed(answer, key);
  return value;
}

export function malformed(answer: RegistryAnswer, key: string): AnomalyError {
  return new AnomalyError('ANM_PROTOCOL', `${answer.url} gave an answer without a usable '${key}'`);
}
