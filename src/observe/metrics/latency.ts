import { HOPS } from '../latency.ts';
import { gauge, hopHistograms, type MetricRow, seconds, sketchHistogram } from './row.ts';

/**
 * Bounds of the histograms that sketches become. Powers of ten are bounds of the sketch as well, so the shares above
 * 0.1 s and 1 s, which burn rates are made of, are exact; the others are within half a bucket, 1 %.
 */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 60_000],
];

/** Windows wait for their watermark: seconds to a day. */
export const WAIT_BOUNDS_MS: readonly number[] = [
  ...[100, 1000, 10_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000],
];

export const LATENCY_METRICS: readonly MetricRow[] = [
  sketchHistogram(
    'ingestion_to_alert_seconds',
    "From the broker's append of the record that completes the evidence to the alert being readable: what the 100 ms are about.",
    LATENCY_BOUNDS_MS,
    (latency) => latency.toAlert,
  ),
  hopHistograms(
    'hop_latency_seconds',
    `The same by hop: ${HOPS.map((hop) => hop.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)).join(', ')}; producer_wait is before the ingestion.`,
    HOPS,
    LATENCY_BOUNDS_MS,
  ),
  sketchHistogram(
    'window_wait_seconds',
    'Event time that a window waited for its watermark: beside the latency, no part of it.',
    WAIT_BOUNDS_MS,
    (latency) => latency.windowWait,
  ),
  gauge('clock_skew_seconds', 'Clock of the broker minus the clock here; absent where it could not be measured.', (s) =>
    seconds(s.latency?.clockSkewMs),
  ),
];
