import type { CompatibilityLevel } from '../../schemas/compatibilityLevel.ts';
import type { RegistryChange, RegistryMode, SchemaDefinition } from './changes.ts';

export interface VersionEntry {
  readonly version: number;
  readonly id: number;
  readonly deleted: boolean;
}

const DEFAULT_LEVEL: CompatibilityLevel = 'BACKWARD';
const DEFAULT_MODE: RegistryMode = 'READWRITE';
/** Larger ids would not fit the wire format's four bytes read as signed. */
export const MAX_ID = 2 ** 31 - 1;

/** What the registry holds; `apply` is the only way to change it. */
export class RegistryState {
  private readonly definitions = new Map<number, SchemaDefinition>();
  private readonly idByKey = new Map<string, number>();
  /** Ascending by version; a subject without versions is not in it. */
  private readonly subjects = new Map<string, VersionEntry[]>();
  /** By subject; null for all. */
  private readonly levels = new Map<string | null, CompatibilityLevel>();
  private readonly modes = new Map<string | null, RegistryMode>();
  private lastId = 0;

  apply(change: RegistryChange): void {
    switch (change.kind) {
      case 'schema':
        this.applySchema(change.id, change.definition);
        break;
      case 'version':
        this.applyVersion(change.subject, change);
        break;
      case 'versionRemoved': {
        const left = this.versions(change.subject).filter(({ version }) => version !== change.version);
        if (left.length > 0) this.subjects.set(change.subject, left);
        else this.subjects.delete(change.subject);
        break;
      }
      case 'level':
        if (change.level === null) this.levels.delete(change.subject);
        else this.levels.set(change.subject, change.level);
        break;
      case 'mode':
        if (change.mode === null) this.modes.delete(change.subject);
        else this.modes.set(change.subject, change.mode);
    }
  }

  /** Ids are never given twice, also not that of a schema that is gone. */
  nextId(): number {
    return this.lastId + 1;
  }

  definition(id: number): SchemaDefinition | undefined {
    return this.definitions.get(id);
  }

  idOf(definition: SchemaDefinition): number | undefined {
    return this.idByKey.get(keyOf(definition));
  }

  ids(): Iterable<[number, SchemaDefinition]> {
    return this.definitions;
  }

  /** All, deleted ones included; empty for a subject that is not there. */
  versions(subject: string): readonly VersionEntry[] {
    return this.subjects.get(subject) ?? [];
  }

  version(subject: string, version: number): VersionEntry | undefined {
    return this.versions(subject).find((entry) => entry.version === version);
  }

  allVersions(): Iterable<[string, readonly VersionEntry[]]> {
    return this.subjects;
  }

  /** Also deleted ones. */
  hasVersions(): boolean {
    return this.subjects.size > 0;
  }

  /** Whether any version, a deleted one too, has the id. */
  isHeld(id: number): boolean {
    for (const entries of this.subjects.values()) if (entries.some((entry) => entry.id === id)) return true;
    return false;
  }

  ownLevel(subject: string | null): CompatibilityLevel | undefined {
    return this.levels.get(subject);
  }

  level(subject: string | null): CompatibilityLevel {
    return this.levels.get(subject) ?? this.levels.get(null) ?? DEFAULT_LEVEL;
  }

  ownMode(subject: string | null): RegistryMode | undefined {
    return this.modes.get(subject);
  }

  mode(subject: string | null): RegistryMode {
    return this.modes.get(subject) ?? this.modes.get(null) ?? DEFAULT_MODE;
  }

  /** The shortest list of changes that leads here, for a journal that begins anew. */
  *snapshot(): Generator<RegistryChange> {
    for (const [id, definition] of this.definitions) yield { kind: 'schema', id, definition };
    // The last id is not forgotten with its schema.
    if (this.lastId > 0 && !this.definitions.has(this.lastId)) {
      yield { kind: 'schema', id: this.lastId, definition: null };
    }
    for (const [subject, entries] of this.subjects) {
      for (const entry of entries) yield { kind: 'version', subject, ...entry };
    }
    for (const [subject, level] of this.levels) yield { kind: 'level', subject, level };
    for (const [subject, mode] of this.modes) yield { kind: 'mode', subject, mode };
  }

  private applySchema(id: number, definition: SchemaDefinition | null): void {
    const old = this.definitions.get(id);
    if (old !== undefined) this.idByKey.delete(keyOf(old));
    this.lastId = Math.max(this.lastId, id);
    if (definition === null) {
      this.definitions.delete(id);
    } else {
      this.definitions.set(id, definition);
      this.idByKey.set(keyOf(definition), id);
    }
  }

  private applyVersion(subject: string, { version, id, deleted }: VersionEntry): void {
    const others = this.versions(subject).filter((entry) => entry.version !== version);
    const entries = [...others, { version, id, deleted }].sort((left, right) => left.version - right.version);
    this.subjects.set(subject, entries);
  }
}

function keyOf({ type, schema, references, properties }: SchemaDefinition): string {
  const names = references.map(({ name, subject, version }) => [name, subject, version]);
  const members =
    properties === null ? null : Object.entries(properties).sort(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify([type, schema, names, members]);
}
