import { HistogramBuilder } from '../../../src/observe/histogram.ts';
import type { LatencyStatus } from '../../../src/observe/latency.ts';
import { type SketchData, sketchBucket } from '../../../src/observe/latencySketch.ts';
import type { Notification } from '../../../src/observe/notification.ts';
import { type MemberStatus, NO_CHECKPOINT, NO_TOTALS, type PartitionStatus } from '../../../src/observe/status.ts';
import type {
  AlertView,
  AnomalyView,
  CheckpointView,
  LagView,
  LogView,
  ModelView,
  PipelineView,
  SeriesView,
  StageView,
  TuiActions,
  TuiSnapshot,
} from '../../../src/observe/watch/snapshot.ts';

/** 2026-11-26 12:00:00 UTC: all times of the fixtures are around it. */
export const NOON = Date.UTC(2026, 10, 26, 12);
const MINUTE = 60_000;

/** A plant with a pipeline that runs, one that is being restored, and one that died: something in each panel. */
export function plantSnapshot(change: Partial<TuiSnapshot> = {}): TuiSnapshot {
  return {
    atMs: NOON,
    profile: 'prod-eu',
    connection: { state: 'connected', address: 'redpanda-0:9092', sinceMs: NOON - 5 * MINUTE, problem: null },
    pipelines: [pumpRoom(), webShop(), boiler()],
    lag: lagViews(),
    anomalies: anomalyViews(),
    alerts: alertViews(),
    models: modelViews(),
    checkpoints: checkpointViews(),
    log: logViews(),
    ...change,
  };
}

/** Nothing is known yet. */
export function emptySnapshot(change: Partial<TuiSnapshot> = {}): TuiSnapshot {
  return {
    atMs: NOON,
    profile: null,
    connection: { state: 'connecting', address: 'localhost:9092', sinceMs: NOON - 800, problem: null },
    ...{ pipelines: [], lag: [], anomalies: [], alerts: [], models: [], checkpoints: [], log: [] },
    ...change,
  };
}

/** Everything unknown that may be. */
export function unknownSnapshot(): TuiSnapshot {
  return emptySnapshot({
    connection: { state: 'connected', address: 'localhost:9092', sinceMs: NOON, problem: null },
    pipelines: [
      {
        ...{ name: 'new', state: 'running', rates: [] as number[] },
        members: [
          memberStatus('new', 'm-0', {
            partitions: [
              partition(0, {
                committed: null,
                end: null,
                lag: null,
                watermark: null,
                learning: null,
                stateBytes: null,
              }),
            ],
          }),
        ],
        stages: [stage('source', { rate: null, queue: null, backPressure: null })],
        latency: [{ atMs: NOON, p50Ms: null, p95Ms: null, p99Ms: null }],
      },
    ],
    lag: [
      lagRow('new', 'raw', 0, {
        lagRecords: null,
        lagMs: null,
        verdict: null,
        inRate: null,
        outRate: null,
        trend: [],
        reason: 'no offset is committed',
      }),
    ],
    anomalies: [{ ...anomalyViews()[0]!, expected: null, lower: null, upper: null, parts: [], model: null }],
    models: [
      {
        pipeline: 'new',
        name: 'm',
        version: null,
        role: 'live',
        availability: null,
        p99Ms: null,
        asked: 0,
        note: null,
      },
    ],
    checkpoints: [
      {
        pipeline: 'new',
        member: 'm-0',
        id: null,
        atMs: null,
        durationMs: null,
        bytes: null,
        failures: 0,
        failure: null,
      },
    ],
  });
}

export function memberStatus(pipeline: string, member: string, change: Partial<MemberStatus> = {}): MemberStatus {
  return {
    ...{ pipeline, group: pipeline, member, instance: null, host: 'worker-1', pid: 4711, definition: 'd1f0' },
    ...{ toolVersion: '0.1.0', guarantee: 'exactly-once', state: 'running', error: null },
    ...{ startedMs: NOON - 90 * MINUTE, atMs: NOON - 400, restoring: null },
    totals: { ...NO_TOTALS, records: 4_200_000, windows: 12_400, alerts: 61, late: 130 },
    rates: { records: 4115, bytes: 823_000, outputs: 13.2 },
    backPressure: 0.02,
    partitions: [],
    commitMs: new HistogramBuilder().plain(),
    checkpoint: NO_CHECKPOINT,
    model: null,
    ...{ transactionsAborted: 0, restarts: 0, applied: [] },
    ...change,
  };
}

export function partition(number: number, change: Partial<PartitionStatus> = {}): PartitionStatus {
  return {
    ...{ topic: 'raw-sensors', partition: number, position: 1_400_000 + number, committed: 1_399_900, end: 1_400_120 },
    ...{ lag: 120 - number, watermark: NOON - 6000 - number * 400, openWindows: 48, series: 48, learning: 2 },
    ...{ stateBytes: 600_000, late: number * 3, deadLetters: 0 },
    ...change,
  };
}

export function stage(name: string, change: Partial<StageView> = {}): StageView {
  return { name, rate: 12_345, queue: 0, unit: 'records', backPressure: 'OK', errors: 0, note: null, ...change };
}

/** A sketch whose every value is about this. */
function sketchAround(milliseconds: number, count: number): SketchData {
  const bucket = sketchBucket(milliseconds);
  const spread = [-12, -6, 0, 4, 20].map((step) => Math.max(0, bucket + step));
  const counts = [0.2, 0.25, 0.4, 0.13, 0.02].map((share) => Math.round(share * count));
  return {
    buckets: spread.flatMap((each, i) => [each, counts[i]!]),
    count: counts.reduce((sum, each) => sum + each, 0),
    sumMs: milliseconds * count,
    maxMs: milliseconds * 1.6,
  };
}

function pumpRoom(): PipelineView {
  const latency: LatencyStatus = {
    hops: {
      broker: sketchAround(1.2, 4000),
      fetchWait: sketchAround(3, 4000),
      decode: sketchAround(0.4, 4000),
      score: sketchAround(2.1, 4000),
      produce: sketchAround(6, 100),
      commit: sketchAround(9.5, 100),
    },
    toAlert: sketchAround(23, 100),
    windowWait: sketchAround(5200, 100),
    clockSkewMs: 1.4,
    clockSkewErrorMs: 0.3,
    from: 'append',
  };
  return {
    ...{ name: 'pump-room', state: 'running' },
    members: [0, 1, 2].map((n) =>
      memberStatus('pump-room', `pump-room-${n}`, {
        instance: `pump-${n}`,
        host: `worker-${n}`,
        partitions: [partition(2 * n), partition(2 * n + 1, n === 1 ? { watermark: NOON - 95_000 } : {})],
        latency,
      }),
    ),
    stages: [
      stage('source', { queue: 1204 }),
      stage('decode', { errors: 3, note: '3 records went to raw-sensors.dlq' }),
      stage('windows', { queue: 288, unit: 'open windows' }),
      stage('score', { rate: 41.2, backPressure: 'LOW', queue: 12, unit: 'windows' }),
      stage('model', {
        rate: 41.2,
        backPressure: 'HIGH',
        queue: 512,
        unit: 'values',
        note: 'the model answers slower than values come: 512 wait',
      }),
      stage('sink', { rate: 39.6, queue: 40 }),
      stage('alerts', { rate: 0.3, queue: 0, unit: 'incidents' }),
    ],
    rates: Array.from({ length: 120 }, (_, i) => 12_000 + Math.round(900 * Math.sin(i / 9))),
    latency: Array.from({ length: 60 }, (_, i) => ({
      atMs: NOON - (60 - i) * 2000,
      p50Ms: 9 + (i % 5),
      p95Ms: 18 + (i % 7),
      p99Ms: i === 40 ? 134 : 22 + (i % 9),
    })),
  };
}

function webShop(): PipelineView {
  return {
    ...{ name: 'web-shop', state: 'restoring' },
    members: [
      memberStatus('web-shop', 'web-shop-0', { state: 'restoring', restoring: { done: 45_000, total: 100_000 } }),
    ],
    stages: [stage('source', { rate: 0, queue: null, backPressure: null })],
    ...{ rates: [0, 0, 0], latency: [] },
  };
}

function boiler(): PipelineView {
  return {
    ...{ name: 'boiler', state: 'gone' },
    members: [memberStatus('boiler', 'boiler-0', { atMs: NOON - 48_000 })],
    stages: [],
    ...{ rates: [100, 90, 0, 0], latency: [] },
  };
}

export function lagRow(group: string, topic: string, partition: number, change: Partial<LagView> = {}): LagView {
  return {
    ...{ group, topic, partition, lagRecords: 120, lagMs: 90, verdict: 'OK', inRate: 2057, outRate: 2060 },
    ...{
      drainMs: 40_000,
      member: 'pump-0',
      reason: null,
      trend: Array.from({ length: 40 }, (_, i) => 100 + ((i * 37) % 60)),
    },
    ...change,
  };
}

function lagViews(): LagView[] {
  return [
    ...[0, 1, 2].map((n) => lagRow('pump-room', 'raw-sensors', n, { lagRecords: 120 - n })),
    lagRow('pump-room', 'raw-sensors', 3, {
      ...{ lagRecords: 45_210, lagMs: 95_000, verdict: 'WARN', outRate: 1500, drainMs: null, member: 'pump-1' },
      ...{
        reason: 'lag has grown in each of the last 10 samples',
        trend: Array.from({ length: 40 }, (_, i) => i * 1100),
      },
    }),
    lagRow('billing', 'invoices', 0, {
      ...{ lagRecords: 990_000, lagMs: 3_600_000, verdict: 'STALL', outRate: 0, drainMs: null, member: 'billing-7f' },
      reason: 'the member commits, but its offset has not moved for 30 samples',
    }),
    lagRow('audit', 'invoices', 0, {
      ...{
        lagRecords: null,
        lagMs: null,
        verdict: null,
        inRate: null,
        outRate: null,
        drainMs: null,
        member: null,
        trend: [],
      },
      reason: 'the group has never committed an offset of this partition',
    }),
  ];
}

function anomalyViews(): AnomalyView[] {
  return Array.from({ length: 30 }, (_, i) => ({
    id: `a${String(i).padStart(3, '0')}`,
    pipeline: 'pump-room',
    series: ['pump-07', 'pump-12/内圧', 'valve-3', 'pump\u001b]0;owned\u0007-x'][i % 4]!,
    field: 'pressure',
    rule: i % 3 === 0 ? 'record' : 'w5m.mean',
    timeMs: NOON - i * 47_000,
    endMs: NOON - i * 47_000,
    recordTimeMs: NOON - i * 47_000,
    value: 93.4 - i,
    score: 12.4 - i * 0.3,
    threshold: 5,
    expected: 61.2,
    lower: 55,
    upper: 68.5,
    parts: [
      { name: 'level', score: 9.1 },
      { name: 'trend', score: null },
    ],
    model: i % 2 === 0 ? 'pump-lstm/4' : null,
    topic: 'raw-sensors',
    partition: i % 6,
    offset: 1_399_000 + i,
  }));
}

export function seriesOf(anomaly: AnomalyView): SeriesView {
  const points = Array.from({ length: 120 }, (_, i) => ({
    timeMs: anomaly.timeMs - (100 - i) * 10_000,
    value: i === 100 ? anomaly.value : 61 + 5 * Math.sin(i / 7),
  }));
  return { anomaly, points, problem: null };
}

function alertViews(): AlertView[] {
  const notification: Notification = {
    ...({
      id: 'inc-1',
      revision: 3,
      status: 'open',
      severity: 'critical',
      kind: 'anomaly',
      pipeline: 'pump-room',
    } as const),
    summary: 'pressure of pump-07 and 3 more is far above what is usual: 93.4, expected 61.2',
    reasons: ['pump-07 moved first, 40 s before pump-12', 'checkout traffic fell by 12 % at the same time'],
    ...{ rule: 'record', series: ['pump-07', 'pump-12', 'valve-3', 'valve-4'], seriesCount: 4 },
    ...{ value: 93.4, expected: 61.2, lower: 55, upper: 68.5, score: 12.4, alerts: ['a000'] },
    ...{ startedMs: NOON - 4 * MINUTE, updatedMs: NOON - 20_000, endedMs: null, evidenceMs: NOON - 20_000 },
    look: 'anomaly explain a000',
  };
  const delivered = (name: string) => ({ name, outcome: 'delivered', atMs: NOON - 19_000, problem: null });
  return [
    {
      notification,
      isTold: true,
      sinks: [
        delivered('alertmanager'),
        {
          name: 'pagerduty',
          outcome: 'failed',
          atMs: NOON - 5000,
          problem: 'events.pagerduty.com answered 503, next try in 8 s',
        },
      ],
    },
    {
      notification: {
        ...notification,
        ...{
          id: 'inc-2',
          status: 'resolved',
          severity: 'warning',
          kind: 'breach',
          rule: 'latency',
          series: [],
          seriesCount: 0,
        },
        ...{
          summary: 'p95 to alert was over 1 s for 2 minutes',
          reasons: [],
          value: null,
          expected: null,
          score: null,
        },
        ...{ startedMs: NOON - 50 * MINUTE, endedMs: NOON - 44 * MINUTE },
      },
      isTold: true,
      sinks: [delivered('alertmanager'), delivered('pagerduty')],
    },
  ];
}

function modelViews(): ModelView[] {
  const model = { pipeline: 'pump-room', name: 'pump-lstm', p99Ms: 14.2, asked: 120_400, note: null } as const;
  return [
    {
      ...model,
      version: '4',
      role: 'live',
      availability: 0.912,
      note: '8.8 % timed out: the detector scored in its place',
    },
    {
      ...model,
      version: '5',
      role: 'shadow',
      availability: 0.998,
      p99Ms: 9.7,
      note: 'disagrees in 0.4 % of 118,000 values',
    },
  ];
}

function checkpointViews(): CheckpointView[] {
  const row = { pipeline: 'pump-room', durationMs: 84, bytes: 4_300_000, failures: 0, failure: null } as const;
  return [
    { ...row, member: 'pump-0', id: '2026-11-26T11-59-54-0007', atMs: NOON - 6000 },
    { ...row, member: 'pump-1', id: '2026-11-26T11-59-50-0007', atMs: NOON - 10_000, failures: 2 },
    {
      ...row,
      member: 'pump-2',
      id: '2026-11-26T11-52-02-0003',
      atMs: NOON - 478_000,
      failures: 46,
      failure: 's3://checkpoints: access denied for PutObject',
    },
  ];
}

function logViews(): LogView[] {
  const levels = ['info', 'info', 'warn', 'error', 'debug'] as const;
  return Array.from({ length: 40 }, (_, i) => ({
    atMs: NOON - (40 - i) * 1500,
    level: levels[i % 5]!,
    text:
      i % 5 === 3
        ? 'raw-sensors/3: 3 records could not be decoded as Avro and went to raw-sensors.dlq'
        : `checkpoint ${i} completed in ${80 + i} ms`,
  }));
}

/** Answers at once, and tells what it was asked for. */
export function recordedActions(asked: string[] = []): TuiActions {
  const answer = (text: string) => {
    asked.push(text);
    return Promise.resolve(`${text}: done by 3 members`);
  };
  return {
    savepoint: (pipeline, name) => answer(`savepoint ${pipeline} ${name}`),
    promote: (pipeline, model) => answer(`promote ${pipeline} ${model}`),
    pause: (pipeline) => answer(`pause ${pipeline}`),
    resume: (pipeline) => answer(`resume ${pipeline}`),
    stop: (pipeline, savepoint) => answer(`stop ${pipeline} ${savepoint}`),
    series: (anomaly) => Promise.resolve(seriesOf(anomaly)),
  };
}
