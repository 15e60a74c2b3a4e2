import { type GeneratedFile, quoted, type Target } from '../generated.ts';
import { BURN_PAIRS, type Objective, type Objectives, objectivesOf } from './objectives.ts';

interface Series {
  readonly series: string;
  readonly values: string;
}

interface Expectation {
  readonly expr: string;
  readonly eval_time: string;
  readonly exp_samples: readonly { readonly labels: string; readonly value: number }[];
}

interface UnitTest {
  readonly name: string;
  readonly interval: '1m';
  readonly input_series: readonly Series[];
  readonly promql_expr_test: readonly Expectation[];
}

/** Unit tests of the rules for promtool: each alert fires on its fault, not without it, and is over when the fault is. */
export function rulesTest(target: Target, given: Objectives, rulesPath: string): GeneratedFile {
  const path = rulesPath.replace(/\.rules\.yaml$/, '.rules.test.yaml');
  const objectives = objectivesOf(target, given);
  const tests = [
    ...objectives.flatMap((each) =>
      each.events === undefined ? lagTests(target, given, each) : eventTests(target, given, each),
    ),
    clusterTest(target),
    ...faultTests(target, given),
  ];
  return {
    path,
    about: [`Unit tests of ${rulesPath}: promtool test rules ${path}`],
    content: { yaml: [{ rule_files: [rulesPath], evaluation_interval: '1m', tests }] },
  };
}

/** Errors in parts of the budget, with much traffic: too fast, slowly too much, within it, and hardly any traffic. */
function eventTests(target: Target, { minEvents }: Objectives, objective: Objective): UnitTest[] {
  const budget = 1 - objective.objective;
  const perMinute = Math.max(10_000, minEvents);
  const name = (text: string) => `${objective.slo}: ${text}`;
  const series = (goods: string, all: string): Series[] => eventSeries(target, objective.slo, goods, all);
  const fast = Math.min(1, budget * 20);
  const slow = budget * 2;
  const within = budget * 0.5;
  const good = (share: number, count: number) => `${Math.round(perMinute * (1 - share))}x${count}`;
  const after = (from: number, step: number, count: number) => `${from}+${step}x${count}`;
  const bad = Math.round(perMinute * (1 - fast));
  const rare = (minEvents * 0.9) / (3 * 24 * 60);
  return [
    {
      ...test(name('twenty times the budget wakes somebody, and it is over half an hour after the fault is')),
      input_series: series(`0+${good(fast, 60)} ${after(bad * 60 + perMinute, perMinute, 120)}`, `0+${perMinute}x181`),
      promql_expr_test: [
        ...BURN_PAIRS.slice(0, 2).map(({ long }) =>
          expectFiring('1h', `${objective.alert}Burn`, 1, `window="${long}"`),
        ),
        expectFiring('100m', `${objective.alert}Burn`, 0),
      ],
    },
    {
      ...test(name('twice the budget is a ticket')),
      input_series: series(`0+${good(slow, 60)}`, `0+${perMinute}x60`),
      promql_expr_test: [
        expectFiring('1h', `${objective.alert}Burn`, 0),
        expectFiring('1h', `${objective.alert}BurnSlow`, 1),
      ],
    },
    {
      ...test(name('half the budget is nothing')),
      input_series: series(`0+${good(within, 60)}`, `0+${perMinute}x60`),
      promql_expr_test: [
        expectFiring('1h', `${objective.alert}Burn`, 0),
        expectFiring('1h', `${objective.alert}BurnSlow`, 0),
      ],
    },
    {
      ...test(name('too few events are no verdict')),
      input_series: series('0x60', `0+${rare}x60`),
      promql_expr_test: [
        expectFiring('1h', `${objective.alert}Burn`, 0),
        expectFiring('1h', `${objective.alert}BurnSlow`, 0),
      ],
    },
  ];
}

function lagTests(target: Target, { lagBoundSeconds }: Objectives, { alert, slo }: Objective): UnitTest[] {
  const series = (values: string) => [member(target, 'anomaly_lag_seconds', values, 'topic="t", partition="0"')];
  return [
    {
      ...test(`${slo}: behind for forty minutes wakes somebody, and it is over when it has caught up`),
      input_series: series(`${lagBoundSeconds + 1}x40 0x140`),
      promql_expr_test: [
        ...BURN_PAIRS.slice(0, 2).map(({ long }) => expectFiring('40m', `${alert}Burn`, 1, `window="${long}"`)),
        expectFiring('90m', `${alert}Burn`, 0),
      ],
    },
    {
      ...test(`${slo}: at the bound is not behind`),
      input_series: series(`${lagBoundSeconds}x120`),
      promql_expr_test: [expectFiring('2h', `${alert}Burn`, 0)],
    },
  ];
}

function clusterTest(target: Target): UnitTest {
  return {
    ...test('a cluster that does not answer any member for half a minute; one that is back'),
    input_series: [member(target, 'anomaly_cluster_away_seconds', '0x4 20 80 140 0x20')],
    promql_expr_test: [
      expectFiring('5m', 'AnomalyClusterAway', 0),
      expectFiring('7m', 'AnomalyClusterAway', 1),
      expectFiring('10m', 'AnomalyClusterAway', 0),
    ],
  };
}

function faultTests(target: Target, { minEvents }: Objectives): UnitTest[] {
  const one = (metric: string, values: string, more?: string) => member(target, metric, values, more);
  const info = one('anomaly_member_info', '1x60');
  const place = 'topic="t", partition="0"';
  return [
    {
      ...test('a target that does not answer'),
      input_series: [{ series: `up{job=${quoted(target.job)}, instance="a:1"}`, values: '1x5 0x5 1x20' }, info],
      promql_expr_test: [
        expectFiring('4m', 'AnomalyMemberDown', 0),
        expectFiring('8m', 'AnomalyMemberDown', 1),
        expectFiring('15m', 'AnomalyMemberDown', 0),
      ],
    },
    {
      ...test('nobody tells anything'),
      input_series: [one('anomaly_member_info', '1x10 _x50')],
      promql_expr_test: [
        expectFiring('9m', 'AnomalyPipelineAbsent', 0),
        expectFiring('25m', 'AnomalyPipelineAbsent', 1),
      ],
    },
    {
      ...test('a member that fails again and again'),
      input_series: [info, one('anomaly_member_state', '0x4 1x10 0x20', 'state="restarting"')],
      promql_expr_test: [
        expectFiring('10m', 'AnomalyMemberRestarting', 1),
        expectFiring('20m', 'AnomalyMemberRestarting', 0),
      ],
    },
    {
      ...test('records wait and nothing is read; none wait and none come'),
      input_series: [
        info,
        one('anomaly_records_in_total', '0+100x10 1000x70'),
        one('anomaly_lag_records', '5x30 0x50', place),
      ],
      promql_expr_test: [
        expectFiring('9m', 'AnomalyStalled', 0),
        expectFiring('25m', 'AnomalyStalled', 1),
        expectFiring('25m', 'AnomalyNoData', 0),
        expectFiring('60m', 'AnomalyStalled', 0),
        expectFiring('60m', 'AnomalyNoData', 1),
      ],
    },
    {
      ...test('dead letters and late records'),
      input_series: [
        one('anomaly_records_in_total', '0+1000x120'),
        one('anomaly_dead_letters_total', `0+${20 + minEvents}x40 ${(20 + minEvents) * 40}x80`),
        one('anomaly_late_records_total', `0+${20 + minEvents}x60`),
      ],
      promql_expr_test: [
        expectFiring('30m', 'AnomalyDeadLetters', 1),
        expectFiring('50m', 'AnomalyLateRecords', 1),
        expectFiring('70m', 'AnomalyDeadLetters', 0),
      ],
    },
    {
      ...test('checkpoints: an old one while records come, and those that cannot be stored'),
      input_series: [
        one('anomaly_records_in_total', '0+1000x60'),
        one('anomaly_start_time_seconds', '0x60'),
        one('anomaly_checkpoint_age_seconds', `1x10 0+${Math.max(300, target.checkpointEveryMs / 100)}x50`),
        one('anomaly_checkpoint_failures_total', '0x10 1+1x20 21x30'),
      ],
      promql_expr_test: [
        expectFiring('9m', 'AnomalyCheckpointOld', 0),
        expectFiring('20m', 'AnomalyCheckpointOld', 1),
        expectFiring('20m', 'AnomalyCheckpointFailing', 1),
        expectFiring('50m', 'AnomalyCheckpointFailing', 0),
      ],
    },
    {
      ...test('a sink that gets nothing through'),
      input_series: [one('anomaly_sink_waiting_seconds', '0x5 400x5 0x10', 'sink="pager"')],
      promql_expr_test: [expectFiring('8m', 'AnomalySinkFailing', 1), expectFiring('15m', 'AnomalySinkFailing', 0)],
    },
  ];
}

function eventSeries(target: Target, slo: string, good: string, all: string): Series[] {
  if (slo === 'inference') {
    return [member(target, 'anomaly_model_scored_total', good), member(target, 'anomaly_model_asked_total', all)];
  }
  const le = slo === 'latency-1s' ? '1.0' : '0.1';
  return [
    member(target, 'anomaly_ingestion_to_alert_seconds_bucket', good, `le="${le}"`),
    member(target, 'anomaly_ingestion_to_alert_seconds_count', all),
  ];
}

function member({ pipeline, job }: Target, metric: string, values: string, more = ''): Series {
  const labels = `pipeline=${quoted(pipeline)}, group=${quoted(pipeline)}, member="m", job=${quoted(job)}, instance="a:1"`;
  return { series: `${metric}{${labels}${more === '' ? '' : `, ${more}`}}`, values };
}

function test(name: string): Pick<UnitTest, 'name' | 'interval'> {
  return { name, interval: '1m' };
}

/** How many alerts of the name fire then; none is an empty result. */
function expectFiring(time: string, alert: string, count: number, more = ''): Expectation {
  const matchers = [`alertname="${alert}"`, 'alertstate="firing"', ...(more === '' ? [] : [more])];
  return {
    expr: `count(ALERTS{${matchers.join(', ')}})`,
    eval_time: time,
    exp_samples: count === 0 ? [] : [{ labels: '{}', value: count }],
  };
}
