import { HistogramBuilder } from '../../src/observe/histogram.ts';
import { type MemberStatus, NO_CHECKPOINT, NO_TOTALS, type PartitionStatus } from '../../src/observe/status.ts';

type Changes = Partial<Omit<MemberStatus, 'partitions'>> & { readonly watermark?: number | null };

/** A running member of pipeline `p` with one partition. */
export function statusOf({ watermark = null, ...changes }: Changes): MemberStatus {
  const partition: PartitionStatus = {
    ...{ topic: 't', partition: 0, position: 7, committed: 5, end: 9, lag: 2, watermark },
    ...{ openWindows: 1, series: 3, stateBytes: null, late: 0, deadLetters: 0 },
  };
  return {
    ...{ pipeline: 'p', group: 'p', member: 'm', instance: null, host: 'h', pid: 1, definition: 'd' },
    ...{ toolVersion: '0', guarantee: 'at-least-once', state: 'running', error: null, startedMs: 0, atMs: 1000 },
    ...{ restoring: null, totals: NO_TOTALS, rates: { records: 0, bytes: 0, outputs: 0 }, backPressure: 0 },
    ...{ partitions: [partition], commitMs: new HistogramBuilder().plain(), checkpoint: NO_CHECKPOINT },
    ...{ model: null, transactionsAborted: 0, restarts: 0, applied: [], ...changes },
  };
}
