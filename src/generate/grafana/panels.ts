/** A query, what its lines are called, and its unit where it is not the panel's: a unit of its own has the right axis. */
interface Line {
  readonly expr: string;
  readonly legend: string;
  readonly unit?: string;
}

interface Question {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly lines: readonly Line[];
  readonly type?: 'timeseries' | 'stat' | 'bargauge';
  readonly stacked?: boolean;
  readonly max?: number;
  /** Lines that are drawn, and from which on it is orange and red. */
  readonly warnAt?: number;
  readonly badAt?: number;
}

/** The one that the variable of the dashboard names. */
export const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

const OF = 'pipeline="$pipeline"';
const RATE = '[$__rate_interval]';
const rate = (metric: string, by: string): string => `sum by (${by}) (rate(${metric}{${OF}}${RATE}))`;
const quantile = (q: number, metric: string, by: string): string =>
  `histogram_quantile(${q}, sum by (${by}) (rate(${metric}_bucket{${OF}}${RATE})))`;
const mean = (metric: string, by: string): string => `${rate(`${metric}_sum`, by)} / ${rate(`${metric}_count`, by)}`;

/** In the order in which somebody who was woken asks. */
const QUESTIONS: readonly Question[] = [
  {
    title: 'Is it running?',
    description:
      'Members by state. Running and paused are well; restarting and failed are not. No value: no member tells anything.',
    type: 'stat',
    unit: 'short',
    lines: [{ expr: `sum by (state) (anomaly_member_state{${OF}} == 1)`, legend: '{{state}}' }],
  },
  {
    title: 'Does it keep what it promises?',
    description:
      'Share of the last hour that broke each promise: alerts later than 100 ms or 1 s, values without the model, time with lag. From the recording rules of anomaly generate prometheus-rules.',
    type: 'bargauge',
    unit: 'percentunit',
    max: 1,
    warnAt: 0.01,
    badAt: 0.144,
    lines: [{ expr: `max by (slo) (pipeline:anomaly_slo_errors:ratio1h{${OF}})`, legend: '{{slo}}' }],
  },
  {
    title: 'How much comes in?',
    description: 'Records a second by group, and bytes a second of their keys and values.',
    unit: 'short',
    lines: [
      { expr: rate('anomaly_records_in_total', 'group'), legend: 'records/s {{group}}' },
      { expr: rate('anomaly_bytes_in_total', 'pipeline'), legend: 'bytes', unit: 'Bps' },
    ],
  },
  {
    title: 'Is it behind?',
    description:
      'Records between the position and the end of each topic, and the age of the newest record of the partition that is furthest behind.',
    unit: 'short',
    lines: [
      { expr: `sum by (group, topic) (anomaly_lag_records{${OF}})`, legend: 'records {{group}} {{topic}}' },
      { expr: `max by (group) (anomaly_lag_seconds{${OF}})`, legend: 'seconds {{group}}', unit: 's' },
    ],
  },
  {
    title: 'How late are alerts?',
    description:
      'From the append of the record that completes the evidence to the alert being readable. The wait for a window to close is no part of it.',
    unit: 's',
    warnAt: 0.1,
    badAt: 1,
    lines: [0.5, 0.95, 0.99].map((q) => ({
      expr: quantile(q, 'anomaly_ingestion_to_alert_seconds', 'le'),
      legend: `p${100 * q}`,
    })),
  },
  {
    title: 'Which hop takes the time?',
    description: 'Mean time of each hop of an alert, on top of each other: the thick one is where to look.',
    unit: 's',
    stacked: true,
    lines: [{ expr: mean('anomaly_hop_latency_seconds', 'hop'), legend: '{{hop}}' }],
  },
  {
    title: 'Who holds event time back?',
    description:
      'The ten partitions whose watermark is furthest behind the clock, and how long windows waited for theirs (p95).',
    unit: 's',
    lines: [
      { expr: `topk(10, anomaly_watermark_delay_seconds{${OF}})`, legend: '{{topic}}/{{partition}}' },
      { expr: quantile(0.95, 'anomaly_window_wait_seconds', 'le'), legend: 'window wait p95' },
    ],
  },
  {
    title: 'What is unusual?',
    description: 'Alerts a minute by group of series (metrics.group_by), the ten with the most.',
    unit: 'short',
    stacked: true,
    lines: [
      { expr: `topk(10, 60 * ${rate('anomaly_alerts_by_group_total', 'series_group')})`, legend: '{{series_group}}' },
    ],
  },
  {
    title: 'What became of the alerts?',
    description: 'Notifications in each interval by outcome, and how long the oldest waits for each sink.',
    unit: 'short',
    lines: [
      { expr: `sum by (outcome) (increase(anomaly_notifications_total{${OF}}${RATE}))`, legend: '{{outcome}}' },
      { expr: `max by (sink) (anomaly_sink_waiting_seconds{${OF}})`, legend: 'waits for {{sink}}', unit: 's' },
    ],
  },
  {
    title: 'Does the model answer?',
    description:
      'Share of the asked values that it scored, and its p99. What it does not score, the detector alone decides.',
    unit: 'percentunit',
    max: 1,
    lines: [
      {
        expr: `${rate('anomaly_model_scored_total', 'pipeline')} / ${rate('anomaly_model_asked_total', 'pipeline')}`,
        legend: 'available',
      },
      { expr: quantile(0.99, 'anomaly_model_latency_seconds', 'le'), legend: 'p99', unit: 's' },
    ],
  },
  {
    title: 'Could it be restarted now?',
    description: 'Age and duration of the last checkpoint of each member, size of all state, and the series it is of.',
    unit: 's',
    lines: [
      { expr: `max by (member) (anomaly_checkpoint_age_seconds{${OF}})`, legend: 'age {{member}}' },
      { expr: `max by (member) (anomaly_checkpoint_duration_seconds{${OF}})`, legend: 'duration {{member}}' },
      { expr: `sum(anomaly_state_bytes{${OF}})`, legend: 'state', unit: 'bytes' },
      { expr: `sum(anomaly_series{${OF}})`, legend: 'series', unit: 'short' },
    ],
  },
  {
    title: 'What went wrong?',
    description:
      'Records a second that came too late, could not be read or crashed; restarts and failed checkpoints in each interval.',
    unit: 'short',
    lines: [
      { expr: rate('anomaly_late_records_total', 'pipeline'), legend: 'late/s' },
      { expr: rate('anomaly_dead_letters_total', 'pipeline'), legend: 'dead letters/s' },
      { expr: rate('anomaly_poison_records_total', 'pipeline'), legend: 'poison/s' },
      { expr: `sum(increase(anomaly_restarts_total{${OF}}${RATE}))`, legend: 'restarts' },
      { expr: `sum(increase(anomaly_checkpoint_failures_total{${OF}}${RATE}))`, legend: 'failed checkpoints' },
    ],
  },
];

/** Panels as Grafana has them: two a row. */
export function panels(): unknown[] {
  return QUESTIONS.map((question, i) => panel(question, i));
}

function panel(question: Question, i: number): unknown {
  const { title, description, type = 'timeseries', lines } = question;
  const datasource = DATASOURCE;
  return {
    ...{ id: i + 1, type, title, description, datasource },
    gridPos: { h: HEIGHT, w: WIDTH, x: (i % 2) * WIDTH, y: Math.floor(i / 2) * HEIGHT },
    targets: lines.map(({ expr, legend }, line) => {
      const isNow = type !== 'timeseries';
      return {
        refId: refId(line),
        datasource,
        expr,
        legendFormat: legend,
        editorMode: 'code',
        range: !isNow,
        instant: isNow,
      };
    }),
    fieldConfig: { defaults: defaultsOf(question), overrides: overridesOf(question) },
    options: optionsOf(type),
  };
}

function defaultsOf({ unit, max, stacked, warnAt, badAt, type }: Question): unknown {
  const steps = [
    { color: 'green', value: null },
    ...(warnAt === undefined ? [] : [{ color: 'orange', value: warnAt }]),
    ...(badAt === undefined ? [] : [{ color: 'red', value: badAt }]),
  ];
  return {
    ...{ unit, min: 0, ...(max !== undefined && { max }) },
    thresholds: { mode: 'absolute', steps },
    ...(type === undefined && {
      custom: {
        ...{
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: stacked === true ? 40 : 5,
          showPoints: 'never',
          spanNulls: false,
        },
        stacking: { mode: stacked === true ? 'normal' : 'none', group: 'A' },
        thresholdsStyle: { mode: warnAt === undefined ? 'off' : 'line' },
      },
    }),
  };
}

/** A line with a unit of its own has an axis of its own, and no bound of the other's. */
function overridesOf({ lines, unit, max }: Question): unknown[] {
  return lines.flatMap((line, i) =>
    line.unit === undefined || line.unit === unit
      ? []
      : [
          {
            matcher: { id: 'byFrameRefID', options: refId(i) },
            properties: [
              { id: 'unit', value: line.unit },
              { id: 'custom.axisPlacement', value: 'right' },
              ...(max === undefined ? [] : [{ id: 'max' }]),
            ],
          },
        ],
  );
}

function optionsOf(type: NonNullable<Question['type']>): unknown {
  const reduceOptions = { calcs: ['lastNotNull'], fields: '', values: false };
  if (type === 'stat') {
    return { reduceOptions, colorMode: 'value', graphMode: 'none', textMode: 'value_and_name', orientation: 'auto' };
  }
  if (type === 'bargauge') return { reduceOptions, displayMode: 'gradient', orientation: 'horizontal' };
  return {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  };
}

function refId(line: number): string {
  return String.fromCharCode(65 + line);
}

const WIDTH = 12;
const HEIGHT = 8;
