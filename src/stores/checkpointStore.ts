import type { Json, OperatorState } from '../engine/operatorState.ts';

/** One partition's state at an offset, as it is kept: what a restart, a savepoint and `anomaly checkpoint` read. */
export interface Snapshot {
  readonly pipeline: string;
  readonly group: string;
  /** Id of the cluster that the offset is of. */
  readonly cluster: string;
  readonly topic: string;
  readonly partition: number;
  /** Next offset to read: the state holds the effect of every record below it. */
  readonly offset: number;
  /** Epoch milliseconds of event time; null before the first record. */
  readonly watermark: number | null;
  /** Snapshots of several partitions that were cut together, and savepoints, share an id. */
  readonly checkpoint: string;
  /** Of a savepoint: kept until it is removed by name. */
  readonly savepoint?: string;
  /** Written by checkpoint rescale, and no state that the group has had: `latest` is never one. */
  readonly rescaled?: true;
  /** Epoch milliseconds. */
  readonly createdMs: number;
  readonly toolVersion: string;
  /** Hash of the definitions of all operators. */
  readonly definition: string;
  /**
   * Where the journal's partition ended, as its owner knew, which never goes back: it orders the snapshots of a partition
   * without a clock. Absent in snapshots of versions that did not write it.
   */
  readonly journal?: number;
  /** Ids of the registry's schemas that its records were read with. */
  readonly schemaIds: readonly number[];
  /** Version and sha256 of the model that scores; absent without one. */
  readonly model?: Json;
  readonly operators: readonly OperatorState[];
  /**
   * To save only what changed: an earlier snapshot of the partition, and the ids of the operators whose bytes go on from
   * those that it has there. What is loaded is whole, and has no base.
   */
  readonly base?: { readonly reference: SnapshotReference; readonly operators: readonly string[] };
}

/** What names a stored snapshot in the journal. */
export interface SnapshotReference {
  /** Name of the manifest in the store. */
  readonly name: string;
  /** Of the manifest, which holds the sha256 of each data file. */
  readonly sha256: string;
}

/** Keeps snapshots in an object store: data files first, the manifest last, so a torn upload is no checkpoint. */
export interface CheckpointStore {
  /** For messages. */
  readonly location: string;
  save(snapshot: Snapshot): Promise<SnapshotReference & { readonly bytes: number }>;
  /** @throws ANM_STATE_CORRUPT where something is torn, altered or gone, ANM_STATE_MISSING where there is no manifest */
  load(reference: SnapshotReference): Promise<Snapshot>;
  /** Manifests of a partition, oldest first, without their state; torn ones are left out. */
  list(topic: string, partition: number): Promise<readonly SnapshotReference[]>;
  /** Removes snapshots, and what uploads that never finished left behind; savepoints stay. */
  remove(references: readonly SnapshotReference[]): Promise<void>;
  /** The write test at start. */
  probe(): Promise<void>;
  close(): Promise<void>;
}
