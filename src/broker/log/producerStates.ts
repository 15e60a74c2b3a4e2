import type { BatchHeader } from '../../wire/batchHeader.ts';
import type { Clock } from '../clock.ts';
import { KafkaError } from '../protocol/errorCodes.ts';

/** Batches remembered per producer: as many as a client may have in flight and send again (KIP-98). */
const REMEMBERED_BATCHES = 5;
const SEQUENCE_MASK = 0x7fffffff;

interface RememberedBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
  readonly appendTimeMs: number;
}

export interface ProducerState {
  readonly producerId: number;
  epoch: number;
  /** When it wrote last, by the broker's clock; for what is found in the log at the start, the time of that start. */
  lastTimestamp: number;
  readonly batches: RememberedBatch[];
}

/** What to do with a batch: append it, answer as for the batch that it repeats, or refuse it. */
export type SequenceVerdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly baseOffset: number; readonly appendTimeMs: number }
  | { readonly kind: 'refused'; readonly errorCode: number };

const APPEND: SequenceVerdict = { kind: 'append' };

/** The sequence check of idempotent producers, per partition. Source: KIP-98, "Idempotent producer guarantees". */
export class ProducerStates {
  private readonly states = new Map<number, ProducerState>();
  private readonly clock: Clock;
  private readonly isKnown: (producerId: number) => boolean;
  /** Ids below it may have been forgotten: the one that expired may have been any of them. */
  private forgottenBelow = 0;

  /** `isKnown` tells of which producers this partition has seen everything, since they got their ids. */
  constructor(clock: Clock, isKnown: (producerId: number) => boolean) {
    this.clock = clock;
    this.isKnown = isKnown;
  }

  /**
   * A producer id that is new here may begin at any sequence: what it wrote before may be deleted or forgotten, and
   * refusing it would stop a healthy producer (redpanda#22670, KIP-360). Not so one of which everything is known: the
   * batches before this one were refused then, and would be taken for duplicates after it.
   */
  check(header: BatchHeader): SequenceVerdict {
    if (header.producerId < 0) return APPEND;
    if (header.baseSequence < 0 || header.producerEpoch < 0) return refuse(KafkaError.INVALID_RECORD);
    const state = this.states.get(header.producerId);
    if (state === undefined) return this.first(header);
    if (header.producerEpoch < state.epoch) return refuse(KafkaError.INVALID_PRODUCER_EPOCH);
    if (header.producerEpoch > state.epoch) {
      return header.baseSequence === 0 ? APPEND : refuse(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER);
    }
    const lastSequence = lastSequenceOf(header);
    for (const batch of state.batches) {
      if (batch.firstSequence === header.baseSequence && batch.lastSequence === lastSequence) {
        return { kind: 'duplicate', baseOffset: batch.baseOffset, appendTimeMs: batch.appendTimeMs };
      }
    }
    const last = state.batches[state.batches.length - 1];
    if (last === undefined) return APPEND;
    const expected = (last.lastSequence + 1) & SEQUENCE_MASK;
    return header.baseSequence === expected ? APPEND : refuse(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER);
  }

  /**
   * A transaction of this producer begins here: its first batch may have any sequence, as a client may use those of an
   * aborted transaction again, or leave them out (redpanda#5026).
   */
  beginTransaction(producerId: number, epoch: number): void {
    this.states.set(producerId, { producerId, epoch, lastTimestamp: this.clock.now(), batches: [] });
  }

  /** Remembers a batch that was appended. */
  record(header: BatchHeader, baseOffset: number, appendTimeMs: number): void {
    if (header.producerId < 0) return;
    const nowMs = this.clock.now();
    let state = this.states.get(header.producerId);
    if (state === undefined) {
      state = { producerId: header.producerId, epoch: header.producerEpoch, lastTimestamp: nowMs, batches: [] };
      this.states.set(header.producerId, state);
    }
    if (state.epoch !== header.producerEpoch) {
      state.epoch = header.producerEpoch;
      state.batches.length = 0;
    }
    state.lastTimestamp = nowMs;
    state.batches.push({
      firstSequence: header.baseSequence,
      lastSequence: lastSequenceOf(header),
      baseOffset,
      appendTimeMs,
    });
    if (state.batches.length > REMEMBERED_BATCHES) state.batches.shift();
  }

  all(): IterableIterator<ProducerState> {
    return this.states.values();
  }

  /** Takes in a batch that is found in the log at the start. Its records may have any times, so none tells its age. */
  replay(header: BatchHeader): void {
    if (header.isControl) return;
    this.record(header, header.baseOffset, header.isLogAppendTime ? header.maxTimestamp : -1);
  }

  restore(state: ProducerState): void {
    this.states.set(state.producerId, state);
  }

  clear(): void {
    this.states.clear();
  }

  /** Forgets producers that wrote nothing since; whoever comes back after that may begin at any sequence. */
  expire(beforeMs: number): void {
    for (const [producerId, { lastTimestamp }] of this.states) {
      if (lastTimestamp >= beforeMs) continue;
      this.states.delete(producerId);
      this.forgottenBelow = Math.max(this.forgottenBelow, producerId + 1);
    }
  }

  private first({ producerId, baseSequence }: BatchHeader): SequenceVerdict {
    if (baseSequence === 0 || producerId < this.forgottenBelow || !this.isKnown(producerId)) return APPEND;
    return refuse(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER);
  }
}

/** Sequences wrap from 2^31 - 1 to 0. */
function lastSequenceOf(header: BatchHeader): number {
  return (header.baseSequence + header.recordCount - 1) & SEQUENCE_MASK;
}

function refuse(errorCode: number): SequenceVerdict {
  return { kind: 'refused', errorCode };
}
