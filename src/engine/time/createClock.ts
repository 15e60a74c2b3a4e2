import type { PipelineDefinition } from '../definition.ts';
import { type Clock, PartitionClock } from './clock.ts';
import { SeriesClock } from './seriesClock.ts';

/** The clock of a partition. */
export function createClock(definition: PipelineDefinition): Clock {
  const { outOfOrdernessMs, watermark, idleAfterMs = Infinity, allowedLatenessMs: latenessMs = 0 } = definition;
  if (watermark === 'series') return new SeriesClock(outOfOrdernessMs, idleAfterMs);
  const sessions = definition.windows.flatMap(({ type, gapMs = 0 }) =>
    type === 'session' ? [{ gapMs, latenessMs }] : [],
  );
  return new PartitionClock(outOfOrdernessMs, sessions);
}
