import { CalendarMask } from '../calendar.ts';
import type { PipelineDefinition } from '../definition.ts';
import type { PlannedTimes } from './definition.ts';

/** What the calendars of series hold; undefined where there is none. */
export function plannedTimes(score: PipelineDefinition['score']): PlannedTimes | undefined {
  const { calendars = [], factsOf } = score ?? {};
  if (calendars.length === 0 || factsOf === undefined) return undefined;
  const masks = calendars.map((spans) => new CalendarMask(spans));
  return {
    mayHold: (timeMs) => masks.some((mask) => mask.holds(timeMs, timeMs)),
    holds: (series, timeMs) => factsOf(series).calendars.some((calendar) => masks[calendar]!.holds(timeMs, timeMs)),
  };
}

export function isPlanned(
  planned: PlannedTimes | undefined,
  series: number,
  nameOf: (series: number) => string,
  timeMs: number,
): boolean {
  return planned?.mayHold(timeMs) === true && planned.holds(nameOf(series), timeMs);
}
