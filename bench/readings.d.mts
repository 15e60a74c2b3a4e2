export interface Reading {
  readonly key: string;
  readonly tsMs: number;
  readonly value: number;
  readonly partition: number;
}

/** The input of the fused job: the same records in each run. */
export function readings(count: number, sensors?: number, partitions?: number): Generator<Reading>;
