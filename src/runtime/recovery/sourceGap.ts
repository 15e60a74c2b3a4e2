import type { TopicPartition } from '../../clients/topicPartition.ts';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import { utcTime } from '../../platform/utcTime.ts';
import type { JournalDraft } from '../journal/journalRecord.ts';
import type { Lineage } from '../journal/lineage.ts';
import { partitionName } from '../topics/partitionName.ts';

/** Where the log of a source partition begins and ends. */
export interface SourceLog {
  readonly start: number;
  readonly end: number;
  /** Record time of the first record that is left, epoch milliseconds; undefined where there is none. */
  readonly firstTimeMs: () => Promise<number | undefined>;
}

/**
 * The records between what the state holds and where the log begins are gone by retention. Undefined where none are
 * missing, or where the user has gone on over this gap before; else what to journal of it.
 *
 * @param from next offset that the state wants
 * @param watermark of that state, epoch milliseconds; null where it has none
 * @throws ANM_SOURCE_GAP unless gaps are accepted
 */
export async function sourceGap(
  place: TopicPartition,
  from: number,
  committed: number,
  lineage: Lineage,
  log: SourceLog,
  { acceptGap, logger }: { readonly acceptGap: boolean; readonly logger: Logger },
  watermark: number | null,
): Promise<JournalDraft | undefined> {
  if (from >= log.start) return undefined;
  if (lineage.gaps.some((gap) => gap.offset <= from && gap.to >= log.start)) return undefined;
  const count = log.start - from;
  const unread = Math.max(0, log.start - committed);
  const span = spanText(watermark ?? lineage.lastWrittenMs, await log.firstTimeMs());
  const text =
    `${count} records of ${partitionName(place)} are gone from the log (offsets ${from} to ${log.start - 1}${span}), ` +
    (unread > 0 ? `${unread} of them never read` : 'all of them read before, and needed to rebuild the windows');
  if (acceptGap) {
    logger.warn(`went on without ${text}`);
    return { type: 'gap', offset: from, to: log.start };
  }
  const { topic, partition } = place;
  throw new AnomalyError('ANM_SOURCE_GAP', `cannot go on as ${text}`, {
    details: { topic, partition, from, to: log.start, records: count, unread },
  });
}

function spanText(fromMs: number | undefined, toMs: number | undefined): string {
  if (fromMs === undefined || toMs === undefined) return '';
  return `, from about ${utcTime(fromMs)} to ${utcTime(toMs)}`;
}
