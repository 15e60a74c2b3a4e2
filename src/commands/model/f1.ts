import type { LabelledSeries } from '../../eval/labelledSeries.ts';
import { attachLabels } from '../../eval/labels.ts';
import { EVENT_RULES, gradeAlerts, ratesOf } from '../../eval/metrics/events.ts';
import { alertsOf } from '../../models/optimize/scoreData.ts';
import type { TrainingSeries } from '../../models/training/scaledSeries.ts';
import type { CommandContext } from '../command.ts';
import { readLabels } from '../labelFile.ts';

/**
 * Series with the events of a labels file, as `anomaly eval` reads it.
 * @throws ANM_LABELS where a label is of no series or outside its times
 */
export async function labelData(
  { cwd, flags }: CommandContext,
  path: string,
  series: readonly TrainingSeries[],
): Promise<LabelledSeries[]> {
  const labels = await readLabels(path, cwd);
  const unlabelled = series
    .filter(({ count }) => count > 0)
    .map(({ name, times, values, count }) => ({
      ...{ name, times: times.subarray(0, count), values: values.subarray(0, count), events: [] },
    }));
  const isPart = flags['since'] !== undefined || flags['offset'] !== undefined;
  const bounds = unlabelled.flatMap(({ times }) => [times[0]!, times.at(-1)!]);
  return attachLabels(unlabelled, labels, {
    ...{ source: path, isInclusive: false },
    ...(isPart && { rangeMs: [Math.min(...bounds), Math.max(...bounds)] as const }),
  });
}

/** F1 by events over all series, by the model's scores alone. NaN without an event. */
export function eventF1(
  series: readonly LabelledSeries[],
  records: readonly Int32Array[],
  scores: readonly Float32Array[],
  threshold: number,
): number {
  let [found, labelled, falseAlarms] = [0, 0, 0];
  series.forEach((each, s) => {
    const rows = alertsOf(scores[s]!, threshold).map((window) => records[s]![window]!);
    const grade = gradeAlerts(each, rows, EVENT_RULES);
    found += grade.events.filter((event) => event.found).length;
    labelled += grade.events.length;
    falseAlarms += grade.falseAlarms;
  });
  return ratesOf(found, labelled, falseAlarms).f1;
}
