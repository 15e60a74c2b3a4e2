import type { Consumer } from '../clients/client.ts';
import type { PartitionAtWork, PutOut } from './partitionAtWork.ts';

type KnownEnds = Pick<Consumer, 'endOffset' | 'endAgeMs'>;

interface Silence {
  /** Since when there was no record. */
  sinceMs: number;
  /** Watermark at its beginning, epoch milliseconds; undefined until somebody asks. */
  base: number | undefined;
}

/**
 * The rule for silence: after time.idle_after without a record in a partition that is read to its end, its watermark
 * moves on as if time ran. Silence is what a broker has told: where its answers are missing, records may be waiting, and
 * time stands. Only what closes something counts; it is journaled with the offset and the watermark, so that a restart
 * closes the same windows at the same place.
 */
export class IdleWatch {
  readonly #afterMs: number;
  readonly #ticks: () => number;
  readonly #consumer: KnownEnds;
  readonly #silences = new Map<PartitionAtWork, Silence>();

  /** @param ticks milliseconds of a clock that only goes forward */
  constructor(afterMs: number, consumer: KnownEnds, ticks: () => number) {
    this.#afterMs = afterMs;
    this.#consumer = consumer;
    this.#ticks = ticks;
  }

  /** Records came: the silence begins anew. */
  heard(partition: PartitionAtWork): void {
    if (this.#afterMs === Infinity) return;
    const silence = this.#silences.get(partition);
    if (silence === undefined) this.#silences.set(partition, { sinceMs: this.#ticks(), base: undefined });
    else {
      silence.sinceMs = this.#ticks();
      silence.base = undefined;
    }
  }

  /** Nothing is read on purpose: that is no silence of the source. */
  hold(partitions: Iterable<PartitionAtWork>): void {
    for (const partition of partitions) this.heard(partition);
  }

  forget(partition: PartitionAtWork): void {
    this.#silences.delete(partition);
  }

  /** Between two batches: lets time run where it is silent. */
  turn(partitions: Iterable<PartitionAtWork>, putOut: PutOut): void {
    if (this.#afterMs === Infinity) return;
    const time = this.#ticks();
    for (const partition of partitions) {
      if (partition.isRestoring || partition.isReplaying) continue;
      const silence = this.#silences.get(partition);
      if (silence === undefined) {
        this.heard(partition);
        continue;
      }
      const { topic, partition: number } = partition;
      const silentMs = time - this.#consumer.endAgeMs(topic, number) - silence.sinceMs;
      if (silentMs < this.#afterMs) continue;
      // Records that wait to be read are no silence.
      const end = this.#consumer.endOffset(topic, number);
      if (end < 0 || partition.position < end) continue;
      silence.base ??= partition.task.pipeline.watermark;
      partition.passSilence(silence.base + Math.floor(silentMs), putOut);
    }
  }
}
