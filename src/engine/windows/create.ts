import type { PipelineDefinition, WindowDefinition } from '../definition.ts';
import { BASE_AGGREGATES } from './aggregates.ts';
import { DayAligner, FixedAligner } from './aligner.ts';
import { CountWindow } from './count.ts';
import { HoppingWindow } from './hopping.ts';
import { KeyedAlignedWindow } from './keyedAligned.ts';
import { Layout } from './layout.ts';
import type { WindowOperator } from './operator.ts';
import { SessionWindow } from './session.ts';
import { TumblingWindow } from './tumbling.ts';

const DAY_MS = 86_400_000;

/** The operators of the configured windows, in their order. `columns` are those of WindowRows.extras. */
export function createWindows(definition: PipelineDefinition, columns: readonly string[]): WindowOperator[] {
  return definition.windows.map((window, index) => {
    const aggregates = window.aggregates ?? BASE_AGGREGATES;
    const layout = new Layout(index, definition.fields.length, aggregates, columns);
    return create(window, definition, layout);
  });
}

function create(window: WindowDefinition, definition: PipelineDefinition, layout: Layout): WindowOperator {
  const { type = 'tumbling', sizeMs, advanceMs = 0, gapMs = 0, size = 1 } = window;
  const timing = { latenessMs: definition.allowedLatenessMs ?? 0, emitEveryMs: window.emitEveryMs ?? 0 };
  const clock = { isPerSeries: definition.watermark === 'series', idleAfterMs: definition.idleAfterMs ?? Infinity };
  if (type === 'count') return new CountWindow(layout, size);
  if (type === 'session') return new SessionWindow(layout, gapMs, timing, clock);
  if (type === 'tumbling') {
    const aligner = alignerOf(window);
    if (!clock.isPerSeries) return new TumblingWindow(layout, aligner, timing);
    return new KeyedAlignedWindow(layout, { aligner }, timing, clock);
  }
  const hopping = { sizeMs, advanceMs };
  if (!clock.isPerSeries) return new HoppingWindow(layout, hopping, window.offsetMs ?? 0, timing.latenessMs);
  const aligner = new FixedAligner(advanceMs, window.offsetMs ?? 0);
  return new KeyedAlignedWindow(layout, { aligner, hopping }, timing, clock);
}

function alignerOf(window: WindowDefinition) {
  const offsetMs = window.offsetMs ?? 0;
  if (window.zone !== undefined) return new DayAligner(window.sizeMs / DAY_MS, offsetMs, window.zone);
  return new FixedAligner(window.sizeMs, offsetMs);
}
