import { isAnomalyError } from '../../errors.ts';
import { type CompatibilityFailure, checkCandidate, isTransitive } from '../../schemas/compatibilityLevel.ts';
import type { ParsedSchema } from '../../schemas/parsedSchema.ts';
import type { SchemaType } from '../../schemas/schemaParser.ts';
import type { RegistryChange, SchemaDefinition } from './changes.ts';
import { REGISTRY_ERRORS as CODES, failures, RegistryError } from './errors.ts';
import { failureMessages } from './messages.ts';
import { RegistrySchemas } from './schemas.ts';
import { RegistrySettings } from './settings.ts';
import { RegistryState, type VersionEntry } from './state.ts';

export interface SubjectVersion extends SchemaDefinition {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
}

/** What a client sends to register; id and version only in IMPORT mode, or where they are the next anyway. */
export interface Registration extends SchemaDefinition {
  readonly id: number | null;
  readonly version: number | null;
}

type Wanted = number | 'latest';

/**
 * The registry's rules. A definition has one id however often and under whichever subject it is registered; a version
 * is first soft-deleted (hidden), then may be deleted for good; registering a hidden one again gives a new version of
 * the same id. All methods throw RegistryError. Each change is applied, and then told to `onChange`.
 */
export class RegistryStore {
  private readonly state = new RegistryState();
  private readonly schemas = new RegistrySchemas(this.state);
  private readonly onChange: (change: RegistryChange) => void;
  /** Levels and modes. */
  readonly settings = new RegistrySettings(this.state, (change) => this.change(change));

  constructor(onChange: (change: RegistryChange) => void = () => {}) {
    this.onChange = onChange;
  }

  /** Applies a change of a journal, without telling it to `onChange`. */
  restore(change: RegistryChange): void {
    this.state.apply(change);
  }

  /** Changes that rebuild the present contents. */
  snapshot(): Iterable<RegistryChange> {
    return this.state.snapshot();
  }

  /** What has to be loaded before a definition of the type can be parsed, and compared under the subject. */
  unloadedTypes(subject: string, type: SchemaType): SchemaType[] {
    const types = this.state.versions(subject).map(({ id }) => this.state.definition(id)!.type);
    return [...new Set([type, ...types])].filter((each) => !this.schemas.isLoaded(each));
  }

  async load(types: readonly SchemaType[]): Promise<void> {
    for (const type of types) await this.schemas.load(type);
  }

  /** The id; the same for a definition that the subject has already. */
  register(subject: string, registration: Registration, normalize: boolean): number {
    const parsed = this.schemas.parse(registration);
    const definition = stored(registration, parsed, normalize);
    const known = this.state.idOf(definition);
    const entries = this.state.versions(subject);
    const same = entries.findLast((entry) => entry.id === known && !entry.deleted);
    if (same !== undefined && isSameOrUnset(registration.id, same.id)) {
      if (isSameOrUnset(registration.version, same.version)) return same.id;
    }
    this.checkRegistrable(subject, registration);
    const isImport = this.state.mode(subject) === 'IMPORT';
    if (!isImport) this.checkCompatible(subject, parsed);
    const id = this.idFor(registration, known);
    const next = (entries.at(-1)?.version ?? 0) + 1;
    if (registration.version !== null && registration.version !== next && !isImport) {
      throw new RegistryError(CODES.emptySchema, 'Version is not one more than previous version');
    }
    const version = registration.version ?? next;
    const replaced = this.state.version(subject, version);
    if (known !== id) this.change({ kind: 'schema', id, definition });
    this.change({ kind: 'version', subject, version, id, deleted: false });
    if (replaced !== undefined) this.forgetUnheld([replaced]);
    return id;
  }

  /** Finds a definition under a subject; the newest version that has it. */
  lookup(subject: string, given: SchemaDefinition, normalize: boolean, includeDeleted: boolean): SubjectVersion {
    const entries = this.visible(subject, includeDeleted);
    const id = this.state.idOf(stored(given, this.schemas.parse(given), normalize));
    const entry = entries.findLast((each) => each.id === id);
    if (entry === undefined) throw new RegistryError(CODES.schemaMissing, 'Schema not found');
    return this.describe(subject, entry);
  }

  /** What stands against the candidate from the given version on (all versions when the level is transitive). */
  compare(subject: string, candidate: SchemaDefinition, version: Wanted): CompatibilityFailure | null {
    const from = this.version(subject, version, false).version;
    return this.check(subject, this.schemas.parse(candidate), from);
  }

  definition(id: number): SchemaDefinition {
    const definition = this.state.definition(id);
    if (definition === undefined) throw failures.schemaMissing(id);
    return definition;
  }

  versionsOf(id: number, includeDeleted: boolean): { subject: string; version: number }[] {
    this.definition(id);
    return [...this.state.allVersions()].flatMap(([subject, entries]) =>
      entries
        .filter((entry) => entry.id === id && (includeDeleted || !entry.deleted))
        .map(({ version }) => ({ subject, version })),
    );
  }

  /** Ids of the schemas that refer to a version, as far as any version that is not deleted has them. */
  referencedBy(subject: string, wanted: Wanted): number[] {
    const { version } = this.version(subject, wanted, false);
    return this.referrers(subject, version);
  }

  subjects(includeDeleted: boolean): string[] {
    return [...this.state.allVersions()]
      .filter(([, entries]) => includeDeleted || entries.some((entry) => !entry.deleted))
      .map(([subject]) => subject)
      .sort();
  }

  versions(subject: string, includeDeleted: boolean): number[] {
    return this.visible(subject, includeDeleted).map(({ version }) => version);
  }

  version(subject: string, wanted: Wanted, includeDeleted: boolean): SubjectVersion {
    const entries = this.visible(subject, includeDeleted);
    const entry = wanted === 'latest' ? entries.at(-1) : entries.find(({ version }) => version === wanted);
    if (entry === undefined) throw failures.versionMissing(wanted);
    return this.describe(subject, entry);
  }

  deleteSubject(subject: string, permanent: boolean): number[] {
    const entries = this.state.versions(subject);
    if (entries.length === 0) throw failures.subjectMissing(subject);
    this.settings.checkWritable(subject);
    const live = entries.filter((entry) => !entry.deleted);
    if (permanent) {
      if (live.length > 0) {
        const reason = `Subject '${subject}' was not deleted first before being permanently deleted`;
        throw new RegistryError(CODES.subjectNotDeleted, reason);
      }
      this.remove(subject, entries);
      return entries.map(({ version }) => version);
    }
    if (live.length === 0) {
      const reason = `Subject '${subject}' was soft deleted.Set permanent=true to delete permanently`;
      throw new RegistryError(CODES.subjectSoftDeleted, reason);
    }
    for (const { version } of live) {
      if (this.referrers(subject, version).length > 0) throw failures.referenced(subject, version);
    }
    for (const entry of live) this.change({ kind: 'version', subject, ...entry, deleted: true });
    return live.map(({ version }) => version);
  }

  deleteVersion(subject: string, wanted: Wanted, permanent: boolean): number {
    if (this.state.versions(subject).length === 0) throw failures.subjectMissing(subject);
    const number = wanted === 'latest' ? this.version(subject, 'latest', false).version : wanted;
    const entry = this.state.version(subject, number);
    if (entry === undefined) throw failures.versionMissing(number);
    this.settings.checkWritable(subject);
    const name = `Subject '${subject}' Version ${number}`;
    if (permanent) {
      if (!entry.deleted) {
        const reason = `${name} was not deleted first before being permanently deleted`;
        throw new RegistryError(CODES.versionNotDeleted, reason);
      }
      this.remove(subject, [entry]);
      return number;
    }
    if (entry.deleted) {
      const reason = `${name} was soft deleted.Set permanent=true to delete permanently`;
      throw new RegistryError(CODES.versionSoftDeleted, reason);
    }
    if (this.referrers(subject, number).length > 0) throw failures.referenced(subject, number);
    this.change({ kind: 'version', subject, ...entry, deleted: true });
    return number;
  }

  private change(change: RegistryChange): void {
    if (change.kind === 'schema') this.schemas.forget(change.id);
    this.state.apply(change);
    this.onChange(change);
  }

  private checkCompatible(subject: string, parsed: ParsedSchema): void {
    const latest = this.state.versions(subject).findLast((entry) => !entry.deleted);
    if (latest === undefined) return;
    const failure = this.check(subject, parsed, latest.version);
    if (failure === null) return;
    throw new RegistryError(
      CODES.incompatible,
      `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: ` +
        `[${failureMessages(failure).join(', ')}]`,
    );
  }

  private check(subject: string, candidate: ParsedSchema, from: number): CompatibilityFailure | null {
    const level = this.state.level(subject);
    if (level === 'NONE') return null;
    const history = this.state
      .versions(subject)
      .filter((entry) => !entry.deleted && (isTransitive(level) || entry.version >= from))
      .map(({ version, id }) => ({ version, schema: this.schemas.parsed(id) }));
    try {
      return checkCandidate(level, candidate, history);
    } catch (error) {
      if (!isAnomalyError(error)) throw error;
      throw new RegistryError(CODES.incomparable, `${error.message}; compatibility NONE registers it unchecked`);
    }
  }

  private checkRegistrable(subject: string, { id, version }: Registration): void {
    this.settings.checkWritable(subject);
    const isImport = this.state.mode(subject) === 'IMPORT';
    if (id !== null && !isImport) {
      throw new RegistryError(CODES.notPermitted, `Subject ${subject} is not in import mode`);
    }
    if (id === null && isImport) {
      const reason = `Subject ${subject} is not in read-write mode: in IMPORT mode a schema comes with its id`;
      throw new RegistryError(CODES.notPermitted, version === null ? reason : `${reason} and version`);
    }
  }

  private idFor({ id }: Registration, known: number | undefined): number {
    if (id === null) return known ?? this.state.nextId();
    if (known !== undefined && known !== id) {
      throw new RegistryError(CODES.idTaken, `Schema already registered with id ${known} instead of input id ${id}`);
    }
    if (known === undefined && this.state.definition(id) !== undefined) {
      throw new RegistryError(CODES.idTaken, `Overwrite new schema with id ${id} is not permitted.`);
    }
    return id;
  }

  private visible(subject: string, includeDeleted: boolean): VersionEntry[] {
    const entries = this.state.versions(subject).filter((entry) => includeDeleted || !entry.deleted);
    if (entries.length === 0) throw failures.subjectMissing(subject);
    return entries;
  }

  private describe(subject: string, { version, id }: VersionEntry): SubjectVersion {
    return { subject, version, id, ...this.definition(id) };
  }

  private referrers(subject: string, version: number): number[] {
    const referring: number[] = [];
    for (const [id, { references }] of this.state.ids()) {
      if (references.some((reference) => reference.subject === subject && reference.version === version))
        referring.push(id);
    }
    return referring.filter((id) => this.versionsOf(id, false).length > 0).sort((left, right) => left - right);
  }

  /** Removes versions for good, and with the last one the settings of the subject. */
  private remove(subject: string, gone: readonly VersionEntry[]): void {
    for (const { version } of gone) this.change({ kind: 'versionRemoved', subject, version });
    if (this.state.versions(subject).length === 0) {
      if (this.state.ownLevel(subject) !== undefined) this.change({ kind: 'level', subject, level: null });
      if (this.state.ownMode(subject) !== undefined) this.change({ kind: 'mode', subject, mode: null });
    }
    this.forgetUnheld(gone);
  }

  private forgetUnheld(gone: readonly VersionEntry[]): void {
    for (const id of new Set(gone.map((entry) => entry.id))) {
      if (!this.state.isHeld(id)) this.change({ kind: 'schema', id, definition: null });
    }
  }
}

function isSameOrUnset(wanted: number | null, has: number): boolean {
  return wanted === null || wanted === has;
}

/** The definition as it is kept: its text in the form of the registry. */
function stored(given: SchemaDefinition, parsed: ParsedSchema, normalize: boolean): SchemaDefinition {
  const { type, properties, references } = given;
  if (!normalize) return { type, schema: parsed.text, references, properties };
  const unique = new Map(references.map((reference) => [JSON.stringify(reference), reference]));
  const sorted = [...unique.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  return { type, schema: parsed.normalText, references: sorted, properties };
}
