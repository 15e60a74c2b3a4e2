import { formatBytes } from '../../output/format.ts';
import { renderTable } from '../../output/table.ts';
import { SeriesOfSnapshot, type SeriesRow } from '../../runtime/series/seriesReport.ts';
import { partitionText, withCheckpoints } from '../checkpoint/access.ts';
import { operatorsBySize } from '../checkpoint/show.ts';
import type { CommandContext } from '../command.ts';
import { ageText, chosenSnapshots, operatorsOf } from './access.ts';

interface RankedRow extends SeriesRow {
  readonly partition: string;
}

/** `state top`. */
export async function runStateTop(context: CommandContext): Promise<number> {
  const by = (context.flags['by'] as 'bytes' | 'last_seen' | 'records' | undefined) ?? 'bytes';
  const limit = (context.flags['limit'] as number | undefined) ?? 20;
  return await withCheckpoints(context, async (access) => {
    const entries = chosenSnapshots(context, access);
    let top: RankedRow[] = [];
    let series = 0;
    for (const entry of entries) {
      const partition = partitionText(entry.manifest);
      const ids = entry.manifest.operators.map(({ id }) => id).filter((id) => /^(keys|feature\/.*|score)$/.test(id));
      const found = new SeriesOfSnapshot(await operatorsOf(access.store, entry, ids));
      series += found.count;
      // A partition at a time, of which only the best stay: there may be millions.
      top = [...top, ...found.rows().map((row) => ({ ...row, partition }))].sort(ORDERS[by]).slice(0, limit);
    }
    const operators = operatorsBySize(entries);
    const document = {
      store: access.store.url,
      age_ms: Math.max(...entries.map(({ manifest }) => context.now() - Date.parse(manifest.created))),
      series,
      operators: operators.map(({ id, bytes, share }) => ({ id, bytes, share })),
      top: top.map(({ lastSeenMs, ...row }) => ({ ...row, last_seen: timeText(lastSeenMs) })),
    };
    const options = { wide: context.output.format === 'wide', color: context.output.color };
    await context.output.document(document, () =>
      [
        `${series} series in ${entries.length} partitions, by ${by}; checkpoints ${ageText(context, entries)}`,
        '',
        renderTable(
          operators,
          [
            { header: 'OPERATOR', value: (row) => row.id },
            { header: 'BYTES', value: (row) => formatBytes(row.bytes), align: 'right' },
            { header: 'SHARE', value: (row) => `${(100 * row.share).toFixed(1)} %`, align: 'right' },
          ],
          options,
        ),
        '',
        renderTable(
          top,
          [
            { header: 'SERIES', value: (row) => row.series },
            { header: 'PARTITION', value: (row) => row.partition },
            { header: 'BYTES', value: (row) => formatBytes(row.bytes), align: 'right' },
            { header: 'RECORDS', value: (row) => row.records, align: 'right' },
            { header: 'LAST SEEN', value: (row) => timeText(row.lastSeenMs) },
          ],
          options,
        ),
      ].join('\n'),
    );
    return 0;
  });
}

const ORDERS = {
  bytes: (a: RankedRow, b: RankedRow) => b.bytes - a.bytes || byName(a, b),
  records: (a: RankedRow, b: RankedRow) => (b.records ?? 0) - (a.records ?? 0) || byName(a, b),
  last_seen: (a: RankedRow, b: RankedRow) => (a.lastSeenMs ?? Infinity) - (b.lastSeenMs ?? Infinity) || byName(a, b),
};

function byName(a: RankedRow, b: RankedRow): number {
  return a.series < b.series ? -1 : 1;
}

function timeText(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}
