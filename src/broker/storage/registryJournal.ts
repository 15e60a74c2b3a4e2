import type { DataDir } from './dataDir.ts';
import type { Journal, Json } from './journal.ts';

/** A change of the Schema Registry's contents: plain JSON that holds a state, so the last one of a key says it all. */
export interface KeptChange {
  readonly kind: string;
}

/** Keeps the registry's changes in registry.journal, one record for each schema, version, level and mode. */
export class RegistryJournalFile<C extends KeptChange> {
  private readonly data: DataDir;
  private readonly journal: Journal;

  constructor(data: DataDir) {
    this.data = data;
    this.journal = data.openJournal('registry.journal');
  }

  /** Each in the order in which its key was set first. */
  *read(): IterableIterator<C> {
    for (const [, change] of this.journal.under('')) yield change as unknown as C;
  }

  /** @throws StorageError */
  async append(change: C): Promise<void> {
    this.journal.set(keyOf(change), change as unknown as Json);
    this.data.flusher.beforeAnswer();
  }
}

/** A removal takes the place of what it removes. */
function keyOf(change: KeptChange): string {
  const { kind, id, subject, version } = change as KeptChange & Readonly<Record<string, Json | undefined>>;
  if (kind === 'schema') return `schema/${id}`;
  if (kind === 'version' || kind === 'versionRemoved') return `version/${JSON.stringify([subject, version])}`;
  return `${kind}/${JSON.stringify(subject)}`;
}
