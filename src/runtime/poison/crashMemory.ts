import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { partitionName } from '../topics/partitionName.ts';

/** Processing of a partition's records from <= offset < to threw this. */
export interface Crash {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** Name and message of the exception: what makes two crashes the same. */
  readonly error: string;
  /** Empty where the crash is known from the journal only. */
  readonly stack: string;
}

/**
 * Which records crashed, over the restarts of a member. A record that crashed `poisonAfter` times in the same way is
 * poison. The first crash tells a batch only; the batch is then taken record by record, so that the next tells the
 * record. What a killed process knew is in the journal as `crash` records, and only there.
 */
export class CrashMemory {
  readonly #poisonAfter: number;
  readonly #crashes = new Map<string, Crash[]>();
  readonly #skipped = new Map<string, Set<number>>();

  /** @param poisonAfter Infinity: nothing is ever put aside */
  constructor(poisonAfter: number) {
    this.#poisonAfter = poisonAfter;
  }

  add(crash: Crash): void {
    const list = this.#crashes.get(partitionName(crash)) ?? [];
    list.push(crash);
    this.#crashes.set(partitionName(crash), list);
  }

  /** Takes over what the journal knows of a partition; what is known here already is not counted twice. */
  learn(topic: string, partition: number, crashes: readonly Crash[]): void {
    const known = new Map<string, number>();
    for (const each of this.#crashes.get(partitionName({ topic, partition })) ?? []) {
      known.set(sameness(each), (known.get(sameness(each)) ?? 0) + 1);
    }
    for (const crash of crashes) {
      const left = known.get(sameness(crash)) ?? 0;
      if (left > 0) known.set(sameness(crash), left - 1);
      else this.add(crash);
    }
  }

  /**
   * The records that the journal says were put aside: they are stepped over without a look. Only the journal knows, since
   * what was put aside after the last commit was not, when the run failed.
   */
  skipOnly(topic: string, partition: number, offsets: readonly number[]): void {
    const key = partitionName({ topic, partition });
    if (offsets.length === 0) this.#skipped.delete(key);
    else this.#skipped.set(key, new Set(offsets));
  }

  isSkipped(topic: string, partition: number, offset: number): boolean {
    return this.#skipped.get(partitionName({ topic, partition }))?.has(offset) ?? false;
  }

  /** Whether a record of the batch crashed before, so that it has to be taken record by record. */
  isSuspect(batch: ColumnBatch): boolean {
    if (this.#crashes.size + this.#skipped.size === 0) return false;
    for (const offset of this.#skipped.get(partitionName(batch)) ?? []) {
      if (batch.firstOffset <= offset && offset < batch.nextOffset) return true;
    }
    const list = this.#crashes.get(partitionName(batch));
    return list?.some(({ from, to }) => from < batch.nextOffset && to > batch.firstOffset) ?? false;
  }

  /** The crash that made the record at this offset poison, and how often it came; undefined where it is none. */
  poison(topic: string, partition: number, offset: number): { crash: Crash; times: number } | undefined {
    const own = this.#crashes.get(partitionName({ topic, partition })) ?? [];
    const exact = own.findLast(({ from, to }) => from === offset && to === offset + 1);
    // A batch alone does not tell which of its records it was.
    if (exact === undefined) return undefined;
    const same = own.filter(({ from, to, error }) => error === exact.error && from <= offset && offset < to);
    return same.length >= this.#poisonAfter ? { crash: exact, times: same.length } : undefined;
  }

  /** Nothing below a committed offset is read again. */
  committed(topic: string, partition: number, offset: number): void {
    if (this.#crashes.size === 0) return;
    const key = partitionName({ topic, partition });
    const list = this.#crashes.get(key);
    if (list === undefined) return;
    const left = list.filter(({ to }) => to > offset);
    if (left.length === 0) this.#crashes.delete(key);
    else if (left.length < list.length) this.#crashes.set(key, left);
  }
}

/** True for an exception that only a fault of the program explains: what the tool itself reports has a code. */
export function isCrash(error: unknown): boolean {
  return !isAnomalyError(error) || error.code === 'ANM_INTERNAL';
}

export function crashOf(error: unknown, { topic, partition, firstOffset, nextOffset }: ColumnBatch): Crash {
  const isError = error instanceof Error;
  return {
    topic,
    partition,
    from: firstOffset,
    to: nextOffset,
    error: isError ? `${error.name}: ${error.message}` : String(error),
    stack: (isError ? error.stack : undefined) ?? '',
  };
}

/** What ends a run whose records crashed; `crashFrom` gets the crash back out of it. */
export function crashError(crash: Crash, cause: unknown): AnomalyError {
  const { topic, partition, from, to, error } = crash;
  const where = to === from + 1 ? `offset ${from}` : `offsets ${from} to ${to - 1}`;
  return new AnomalyError('ANM_RECORD_CRASH', `cannot process ${topic}/${partition} ${where} as it threw ${error}`, {
    cause,
    details: { crash },
  });
}

export function crashFrom(error: unknown): Crash | undefined {
  return isAnomalyError(error) && error.code === 'ANM_RECORD_CRASH' ? (error.details['crash'] as Crash) : undefined;
}

function sameness({ from, to, error }: Crash): string {
  return `${from} ${to} ${error}`;
}
