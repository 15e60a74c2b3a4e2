import type { BatchHeader } from '../../wire/batchHeader.ts';
import { COMMIT_MARKER, markerType } from '../../wire/controlBatch.ts';
import type { Fence, LogState } from '../log/segmentStore.ts';

/** Tells a log's state from its batches, in their order, on top of what was kept of it at an offset. */
export class LogReplay {
  private readonly state: LogState;
  private readonly from: number;
  /** Where the log ends at the least: behind the last fence, whether or not the state knows of it. */
  readonly endOffset: number = 0;
  /** Of transactions that may be open, by offset; those before `from` are in the state already. */
  private readonly fences: Fence[];

  /** `from` is the offset that `state` is of; what lies before it is passed over. */
  constructor(state: LogState, from: number, fences: readonly Fence[]) {
    this.state = state;
    this.from = from;
    for (const { offset } of fences) this.endOffset = Math.max(this.endOffset, offset + 1);
    this.fences = fences.filter(({ offset }) => offset >= from).sort((a, b) => a.offset - b.offset);
  }

  /** The batch that `header` describes in `bytes`. */
  next(header: BatchHeader, bytes: Uint8Array): void {
    if (header.baseOffset < this.from) return;
    this.passFences(header.baseOffset);
    const { producers, transactions } = this.state;
    const { producerId, producerEpoch, baseOffset } = header;
    if (header.isControl) {
      transactions.end(producerId, baseOffset, markerType(bytes, header) === COMMIT_MARKER);
      return;
    }
    producers.replay(header);
    if (header.isTransactional) transactions.appended(producerId, producerEpoch, baseOffset);
  }

  /** The log has no more batches. */
  finish(): void {
    this.passFences(Number.POSITIVE_INFINITY);
  }

  private passFences(offset: number): void {
    for (let fence = this.fences[0]; fence !== undefined && fence.offset < offset; fence = this.fences[0]) {
      this.fences.shift();
      this.state.transactions.begin(fence.producerId, fence.producerEpoch, fence.offset);
      this.state.producers.beginTransaction(fence.producerId, fence.producerEpoch);
    }
  }
}
