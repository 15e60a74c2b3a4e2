import type { DeliveryState } from '../../alerts/delivery/delivery.ts';
import type { AlertView, AnomalyView } from '../../observe/watch/snapshot.ts';
import type { AnomalyObject } from '../output/rowObjects.ts';

export function anomalyView(pipeline: string, alert: AnomalyObject): AnomalyView {
  const { id, series, field, rule, value, score, threshold, expected, lower, upper, topic, partition, offset } = alert;
  const { model } = alert;
  return {
    ...{ id, pipeline, series, field, rule, value, score, threshold, expected, lower, upper },
    timeMs: Number(alert.start),
    endMs: Number(alert.end),
    recordTimeMs: Number(alert.record_time),
    parts: alert.parts ?? [],
    model: model == null ? null : model.version === null ? model.name : `${model.name} ${model.version}`,
    ...{ topic, partition, offset: Number(offset) },
  };
}

/** The alert with what delivery tells of it at one of its sinks; null takes the sink away. */
export function withSink(alert: AlertView, name: string, state: DeliveryState | null): AlertView {
  const others = alert.sinks.filter((each) => each.name !== name);
  if (state === null) return { ...alert, sinks: others };
  const { outcome, atMs, problem, revision } = state;
  const sinks = [...others, { name, outcome, atMs, problem, revision }].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ...alert, sinks };
}
