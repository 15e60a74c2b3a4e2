/** Keeps one snapshot a source partition. Bytes in, the same bytes out, or an error: never a torn or foreign one. */
export interface SnapshotStore {
  /** Where snapshots are kept, for messages. */
  readonly location: string;
  /** The newest whole snapshot of a partition, or undefined when there is none. */
  load(topic: string, partition: number): Promise<StoredSnapshot | undefined>;
  /** Replaces the partition's snapshot; when the promise resolves it survives a kill -9 and a power cut. */
  save(topic: string, partition: number, snapshot: StoredSnapshot): Promise<void>;
}

export interface StoredSnapshot {
  /** Next offset to read: the snapshot holds the effect of every record below it. */
  readonly offset: number;
  /** Hash of the pipeline definition that the state belongs to. */
  readonly definition: string;
  /** Id of the cluster that the offset is of; empty where it is not known. */
  readonly cluster: string;
  /** As SnapshotWriter.encode made it. */
  readonly state: Uint8Array;
}
