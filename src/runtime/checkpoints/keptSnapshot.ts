/** A snapshot that counts. */
export interface KeptSnapshot {
  readonly name: string;
  readonly sha256: string;
  readonly offset: number;
  readonly savepoint?: string | undefined;
  /** First offset of the journal's partition that a recovery from it needs. */
  readonly journal: number;
}
