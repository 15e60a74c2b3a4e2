import type { ObjectStore, StoredObject } from '../../../src/stores/objectStore.ts';

/** Objects in a map, with a count of what was written: for tests of what stands on a store. */
export class MemoryStore implements ObjectStore {
  readonly url = 'memory:';
  readonly objects = new Map<string, { bytes: Uint8Array; modifiedMs: number }>();
  readonly puts: string[] = [];
  /** Called before a put: throws where the store is to fail. */
  onPut: (name: string) => void = () => {};
  nowMs = 1_000_000_000_000;

  async put(name: string, parts: readonly Uint8Array[]): Promise<void> {
    // Snapshots are written side by side.
    await Promise.resolve();
    this.onPut(name);
    this.puts.push(name);
    this.objects.set(name, { bytes: new Uint8Array(Buffer.concat(parts)), modifiedMs: this.nowMs });
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    await Promise.resolve();
    this.onPut(name);
    const there = this.objects.get(name)?.bytes;
    if (there !== undefined) return Buffer.compare(there, bytes) === 0;
    this.puts.push(name);
    this.objects.set(name, { bytes: new Uint8Array(bytes), modifiedMs: this.nowMs });
    return true;
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    return this.objects.get(name)?.bytes;
  }

  async list(prefix: string): Promise<StoredObject[]> {
    return [...this.objects]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, { bytes, modifiedMs }]) => ({ name, bytes: bytes.length, modifiedMs }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) this.objects.delete(name);
  }

  async removeUnfinished(): Promise<void> {}

  async probe(): Promise<void> {}

  async close(): Promise<void> {}
}
