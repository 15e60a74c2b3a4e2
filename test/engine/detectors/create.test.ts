import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DETECTORS as CONFIGURED } from '../../../src/config/pipelineConfig.ts';
import {
  createDetector,
  DETECTORS,
  type DetectorName,
  type DetectorParameters,
  defaultThreshold,
} from '../../../src/engine/detectors/create.ts';
import { regular, scoreAll } from '../../helpers/scoring.ts';

const NO_LIMITS = () => ({ min: -Infinity, max: Infinity });
const USUAL = { window: 64, minCount: 8, stepMs: 900_000 };
const create = (parameters: Partial<DetectorParameters> & Pick<DetectorParameters, 'detector'>) =>
  createDetector({ ...USUAL, ...parameters }, NO_LIMITS);

test('makes each detector, with the threshold of its sensitivity', () => {
  for (const detector of DETECTORS) assert.equal(create({ detector }).name, detector);
  const thresholds = (detector: DetectorName) =>
    (['low', 'medium', 'high'] as const).map((sensitivity) => defaultThreshold({ ...USUAL, detector, sensitivity }));
  for (const detector of DETECTORS) {
    if (!/^(range|rolling-z|threshold)$/.test(detector)) assert.deepEqual(thresholds(detector), [3, 2.5, 2]);
  }
  assert.deepEqual(thresholds('rolling-z'), [8, 6, 4]);
  for (const detector of ['range', 'threshold'] as const) assert.deepEqual(thresholds(detector), [0, 0, 0]);
  assert.equal(defaultThreshold({ ...USUAL, detector: 'kpi', sensitivity: 'low', threshold: 4 }), 4);
});

test('the configuration lists the very detectors that there are', () => {
  assert.deepEqual([...CONFIGURED].sort(), [...DETECTORS].sort());
  assert.equal(CONFIGURED[0], 'auto');
});

test('rolling-z takes window, count and threshold from the parameters', () => {
  const values = [1, 3, 1, 3, 2, 6.5];
  const alerts = scoreAll(create({ detector: 'rolling-z', window: 4, minCount: 4 }), regular(values), 4);
  // The last four before 6.5 are 3, 1, 3, 2.
  const stddev = Math.sqrt(11 / 16);
  assert.deepEqual(
    alerts.map((alert) => alert.index),
    [5],
  );
  assert.ok(Math.abs(alerts[0]!.score - 4.25 / stddev) < 1e-12);
});

test('parameters that can never alert, or take too much memory, are refused by name', () => {
  const refused = (parameters: Parameters<typeof create>[0], message: RegExp) =>
    assert.throws(() => create(parameters), { code: 'ANM_CONFIG', message });
  refused({ detector: 'rolling-z', window: 4, minCount: 5 }, /score\.min_count is 5, more than the 4/);
  refused({ detector: 'kpi', threshold: 8 }, /score\.threshold is 8/);
  refused({ detector: 'kpi', stepMs: 1 }, /score\.step is 1 ms, not 1m to 6h/);
  refused({ detector: 'kpi', stepMs: NaN }, /score\.step is NaN ms/);
  refused({ detector: 'magic' as 'kpi' }, /score\.detector is magic/);
});
