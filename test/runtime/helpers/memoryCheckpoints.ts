import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { withChanges } from '../../../src/engine/rowSnapshot.ts';
import { AnomalyError } from '../../../src/errors.ts';
import type { CheckpointStore, Snapshot, SnapshotReference } from '../../../src/stores/checkpointStore.ts';

/** Keeps whole snapshots in memory, for tests of what is around a store; `fail` makes the next calls fail. */
export class MemoryCheckpoints implements CheckpointStore {
  readonly location = 'memory:';
  readonly snapshots = new Map<string, Snapshot>();
  /** Called before each save; what it throws is how the save fails, and what it awaits is how long it takes. */
  onSave: (snapshot: Snapshot) => void | Promise<void> = () => {};

  async save(snapshot: Snapshot): Promise<SnapshotReference & { readonly bytes: number }> {
    // As it is now: buffers are used again.
    const copy = structuredClone(this.#whole(snapshot));
    await this.onSave(snapshot);
    const name = `${snapshot.topic}-${snapshot.partition}/${String(snapshot.offset).padStart(20, '0')}-${snapshot.checkpoint}`;
    this.snapshots.set(name, copy);
    return { name, sha256: hash(copy), bytes: 1 };
  }

  #whole({ base, ...snapshot }: Snapshot): Snapshot {
    if (base === undefined) return snapshot;
    const before = this.snapshots.get(base.reference.name);
    assert.ok(before !== undefined, `${base.reference.name} is gone`);
    return { ...snapshot, operators: withChanges(before.operators, snapshot.operators) };
  }

  async load({ name, sha256 }: SnapshotReference): Promise<Snapshot> {
    const found = this.snapshots.get(name);
    if (found === undefined) throw new AnomalyError('ANM_STATE_MISSING', `cannot load ${name} as it is not there`);
    if (hash(found) !== sha256) throw new AnomalyError('ANM_STATE_CORRUPT', `cannot load ${name} as it was altered`);
    return structuredClone(found);
  }

  async list(topic: string, partition: number): Promise<readonly SnapshotReference[]> {
    return [...this.snapshots]
      .filter(([, each]) => each.topic === topic && each.partition === partition)
      .map(([name, each]) => ({ name, sha256: hash(each) }));
  }

  async remove(references: readonly SnapshotReference[]): Promise<void> {
    for (const { name } of references) this.snapshots.delete(name);
  }

  async probe(): Promise<void> {}

  async close(): Promise<void> {}
}

function hash(snapshot: Snapshot): string {
  const text = JSON.stringify(snapshot, (_key, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  );
  return createHash('sha256').update(text).digest('hex');
}
