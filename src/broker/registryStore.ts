import { isAnomalyError } from '../errors.ts';
import { canonicalAvroText } from '../schemas/avroCanonical.ts';
import type { AvroNode } from '../schemas/avroNode.ts';
import { parseAvroSchema } from '../schemas/avroSchema.ts';
import {
  type CompatibilityFailure,
  type CompatibilityLevel,
  checkCandidate,
  isTransitive,
} from '../schemas/compatibilityLevel.ts';
import { REGISTRY_ERRORS as CODES, RegistryError } from './registryError.ts';
import { failureMessages } from './registryMessages.ts';

export type RegistryMode = 'READWRITE' | 'READONLY';

export interface SubjectVersion {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schema: string;
}

interface VersionEntry {
  readonly version: number;
  readonly id: number;
  deleted: boolean;
}

interface StoredSchema {
  readonly text: string;
  readonly node: AvroNode;
}

/**
 * The registry's memory. A schema has one id however often and under whichever subject it is registered; a version is
 * first soft-deleted (hidden), then may be deleted for good; registering a hidden one again brings it back.
 */
export class RegistryStore {
  private readonly schemas = new Map<number, StoredSchema>();
  private readonly idByText = new Map<string, number>();
  private readonly versionsBySubject = new Map<string, VersionEntry[]>();
  private readonly levels = new Map<string, CompatibilityLevel>();
  private readonly modes = new Map<string, RegistryMode>();
  private nextId = 1;
  globalLevel: CompatibilityLevel = 'BACKWARD';
  globalMode: RegistryMode = 'READWRITE';

  /** The id; the same for a text that the subject has already. */
  register(subject: string, text: string): number {
    const parsed = this.parse(text);
    const entries = this.versionsBySubject.get(subject) ?? [];
    const known = entries.find((entry) => this.schemas.get(entry.id)?.text === parsed.text);
    if (known !== undefined && !known.deleted) return known.id;
    this.checkWritable(subject);
    const live = entries.filter((entry) => !entry.deleted);
    const failure = this.check(subject, parsed.node, live.at(-1)?.version ?? 0);
    if (failure !== null) {
      throw new RegistryError(
        CODES.incompatible,
        `the schema is incompatible with version ${failure.version} of subject '${subject}', details: ` +
          `[${failureMessages(failure).join(', ')}]`,
      );
    }
    if (known !== undefined) {
      known.deleted = false;
      return known.id;
    }
    const id = this.intern(parsed);
    entries.push({ version: (entries.at(-1)?.version ?? 0) + 1, id, deleted: false });
    this.versionsBySubject.set(subject, entries);
    return id;
  }

  /** Finds a text under a subject. */
  lookup(subject: string, text: string, includeDeleted: boolean): SubjectVersion {
    const entries = this.visible(subject, includeDeleted);
    const canonical = this.parse(text).text;
    const entry = entries.find(({ id }) => this.schemas.get(id)?.text === canonical);
    if (entry === undefined) throw new RegistryError(CODES.schemaMissing, `no such schema under subject '${subject}'`);
    return this.describe(subject, entry);
  }

  /** What stands against the candidate from the given version on (all versions when the level is transitive). */
  compare(subject: string, text: string, version: number | 'latest'): CompatibilityFailure | null {
    const { version: from } = this.version(subject, version, false);
    return this.check(subject, this.parse(text).node, from);
  }

  schemaText(id: number): string {
    const schema = this.schemas.get(id);
    if (schema === undefined) throw new RegistryError(CODES.schemaMissing, `schema ${id} not found`);
    return schema.text;
  }

  versionsOf(id: number, includeDeleted: boolean): { subject: string; version: number }[] {
    this.schemaText(id);
    return [...this.versionsBySubject].flatMap(([subject, entries]) =>
      entries
        .filter((entry) => entry.id === id && (includeDeleted || !entry.deleted))
        .map(({ version }) => ({ subject, version })),
    );
  }

  subjects(includeDeleted: boolean): string[] {
    return [...this.versionsBySubject]
      .filter(([, entries]) => includeDeleted || entries.some((entry) => !entry.deleted))
      .map(([subject]) => subject)
      .sort();
  }

  versions(subject: string, includeDeleted: boolean): number[] {
    return this.visible(subject, includeDeleted).map(({ version }) => version);
  }

  version(subject: string, wanted: number | 'latest', includeDeleted: boolean): SubjectVersion {
    const entries = this.visible(subject, includeDeleted);
    const entry = wanted === 'latest' ? entries.at(-1) : entries.find(({ version }) => version === wanted);
    if (entry === undefined) throw new RegistryError(CODES.versionMissing, `version ${wanted} not found`);
    return this.describe(subject, entry);
  }

  deleteSubject(subject: string, permanent: boolean): number[] {
    const entries = this.versionsBySubject.get(subject);
    if (entries === undefined) throw subjectMissing(subject);
    this.checkWritable(subject);
    const live = entries.filter((entry) => !entry.deleted);
    if (permanent) {
      if (live.length > 0) {
        throw new RegistryError(CODES.subjectNotDeleted, `subject '${subject}' must be soft-deleted first`);
      }
      this.forget(subject, entries);
      return entries.map(({ version }) => version);
    }
    if (live.length === 0) {
      throw new RegistryError(CODES.subjectSoftDeleted, `subject '${subject}' is soft-deleted; use permanent=true`);
    }
    for (const entry of live) entry.deleted = true;
    return live.map(({ version }) => version);
  }

  deleteVersion(subject: string, wanted: number | 'latest', permanent: boolean): number {
    const entries = this.versionsBySubject.get(subject);
    if (entries === undefined) throw subjectMissing(subject);
    const number = wanted === 'latest' ? this.version(subject, 'latest', false).version : wanted;
    const entry = entries.find(({ version }) => version === number);
    if (entry === undefined) throw new RegistryError(CODES.versionMissing, `version ${number} not found`);
    this.checkWritable(subject);
    const name = `version ${number} of subject '${subject}'`;
    if (permanent) {
      if (!entry.deleted) throw new RegistryError(CODES.versionNotDeleted, `${name} must be soft-deleted first`);
      this.forget(subject, [entry]);
    } else {
      if (entry.deleted) throw new RegistryError(CODES.versionSoftDeleted, `${name} is soft-deleted`);
      entry.deleted = true;
    }
    return number;
  }

  level(subject: string, orGlobal: boolean): CompatibilityLevel {
    const level = this.levels.get(subject) ?? (orGlobal ? this.globalLevel : undefined);
    if (level === undefined) {
      throw new RegistryError(CODES.compatibilityMissing, `subject '${subject}' has no compatibility level of its own`);
    }
    return level;
  }

  setLevel(subject: string, level: CompatibilityLevel): void {
    this.levels.set(subject, level);
  }

  clearLevel(subject: string): CompatibilityLevel {
    const level = this.levels.get(subject);
    if (level === undefined) throw subjectMissing(subject);
    this.levels.delete(subject);
    return level;
  }

  mode(subject: string, orGlobal: boolean): RegistryMode {
    const mode = this.modes.get(subject) ?? (orGlobal ? this.globalMode : undefined);
    if (mode === undefined) throw new RegistryError(CODES.modeMissing, `subject '${subject}' has no mode of its own`);
    return mode;
  }

  setMode(subject: string, mode: RegistryMode): void {
    this.modes.set(subject, mode);
  }

  clearMode(subject: string): RegistryMode {
    const mode = this.modes.get(subject);
    if (mode === undefined) throw subjectMissing(subject);
    this.modes.delete(subject);
    return mode;
  }

  private check(subject: string, candidate: AvroNode, from: number): CompatibilityFailure | null {
    const level = this.level(subject, true);
    const history = (this.versionsBySubject.get(subject) ?? [])
      .filter((entry) => !entry.deleted && (isTransitive(level) || entry.version >= from))
      .map(({ version, id }) => ({ version, schema: this.schemas.get(id)!.node }));
    return checkCandidate(level, candidate, history);
  }

  private checkWritable(subject: string): void {
    if (this.mode(subject, true) === 'READONLY') {
      throw new RegistryError(CODES.notPermitted, `subject '${subject}' is in READONLY mode`);
    }
  }

  private parse(text: string): StoredSchema {
    if (text.trim() === '') throw new RegistryError(CODES.emptySchema, 'the schema is empty');
    try {
      const node = parseAvroSchema(text);
      return { text: canonicalAvroText(text), node };
    } catch (error) {
      if (isAnomalyError(error)) throw new RegistryError(CODES.invalidSchema, error.message);
      throw error;
    }
  }

  private intern(schema: StoredSchema): number {
    const known = this.idByText.get(schema.text);
    if (known !== undefined) return known;
    const id = this.nextId++;
    this.schemas.set(id, schema);
    this.idByText.set(schema.text, id);
    return id;
  }

  private visible(subject: string, includeDeleted: boolean): VersionEntry[] {
    const entries = (this.versionsBySubject.get(subject) ?? []).filter((entry) => includeDeleted || !entry.deleted);
    if (entries.length === 0) throw subjectMissing(subject);
    return entries;
  }

  private describe(subject: string, { version, id }: VersionEntry): SubjectVersion {
    return { subject, version, id, schema: this.schemas.get(id)!.text };
  }

  /** Removes versions for good, and schemas that no version of any subject holds any more. */
  private forget(subject: string, gone: readonly VersionEntry[]): void {
    const left = (this.versionsBySubject.get(subject) ?? []).filter((entry) => !gone.includes(entry));
    if (left.length > 0) this.versionsBySubject.set(subject, left);
    else {
      this.versionsBySubject.delete(subject);
      this.levels.delete(subject);
      this.modes.delete(subject);
    }
    for (const { id } of gone) {
      if ([...this.versionsBySubject.values()].some((entries) => entries.some((entry) => entry.id === id))) continue;
      const schema = this.schemas.get(id);
      if (schema !== undefined) this.idByText.delete(schema.text);
      this.schemas.delete(id);
    }
  }
}

function subjectMissing(subject: string): RegistryError {
  return new RegistryError(CODES.subjectMissing, `subject '${subject}' not found`);
}
