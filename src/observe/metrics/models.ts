import { type CanaryStatus, type MemberStatus, type ModelStatus, type ShadowStatus, scoredByAny } from '../status.ts';
import { gauge, histogram, known, labelled, type MetricRow } from './row.ts';

/** Inference: availability, latency, and the models that are tried beside. */
export const MODEL_METRICS: readonly MetricRow[] = [
  model('model_asked_total', 'Values that the model was asked for.', (m) => m.asked),
  model('model_scored_total', 'Values that the model or its stand-in gave a score for.', scoredByAny),
  model(
    'model_stand_in_scored_total',
    'Those of them that the stand-in scored (score.model.fallback).',
    (m) => m.standIn?.scored ?? 0,
  ),
  labelled(
    'counter',
    'model_fallbacks_total',
    'Values that the model gave no score for, by reason: its stand-in or the detector alone decided those.',
    ['reason'],
    ({ model: each }) =>
      Object.entries(each?.fallbacks ?? {}).map(([reason, value]) => ({ labels: { reason }, value })),
  ),
  histogram(
    'model_latency_seconds',
    'Time from handing values to the model to its answer or the fallback.',
    (s) => s.model?.latencyMs,
  ),
  gauge(
    'model_availability_ratio',
    'Share of the asked values that the model or its stand-in gave a score for.',
    (s) => (s.model && s.model.asked > 0 ? scoredByAny(s.model) / s.model.asked : null),
  ),
  model('model_rollbacks_total', 'How often a promoted model or a canary was taken out by itself.', (m) => m.rollbacks),
  shadow('model_shadow_asked_total', 'Values that the shadow was asked for.', (s) => s.asked),
  shadow('model_shadow_skipped_total', 'Values that it was not asked for, as it was behind.', (s) => s.skipped),
  shadow('model_shadow_compared_total', 'Values of which both models have a calibrated score.', (s) => s.compared),
  shadow(
    'model_shadow_disagreed_total',
    'Those of them that only one of the two models tells from the usual (-log10 p of 2.5).',
    (s) => s.disagreed,
  ),
  histogram(
    'model_shadow_latency_seconds',
    'Time from handing values to the shadow to its answer or the fallback.',
    (s) => s.model?.shadow?.latencyMs,
  ),
  canary('model_canary_asked_total', 'Values of the series that the canary has.', (c) => c.asked),
  canary('model_canary_scored_total', 'Those of them that it gave a score for.', (c) => c.scored),
  histogram(
    'model_canary_latency_seconds',
    'Time from handing values to the canary to its answer or the fallback.',
    (s) => s.model?.canary?.latencyMs,
  ),
  labelled(
    'gauge',
    'model_info',
    'Always 1: name, version and sha256 of the model that is asked.',
    ['name', 'version', 'sha256'],
    ({ model: each }) =>
      each ? [{ labels: { name: each.name, version: each.version ?? '', sha256: each.sha256 ?? '' }, value: 1 }] : [],
  ),
];

function model(name: string, help: string, value: (model: ModelStatus) => number | null): MetricRow {
  const read = ({ model: each }: MemberStatus) => known({}, each ? value(each) : null);
  return { name: `anomaly_${name}`, help, type: 'counter', labels: [], read };
}

function shadow(name: string, help: string, value: (shadow: ShadowStatus) => number): MetricRow {
  return model(name, help, (each) => each.shadow && value(each.shadow));
}

function canary(name: string, help: string, value: (canary: CanaryStatus) => number): MetricRow {
  return model(name, help, (each) => each.canary && value(each.canary));
}
