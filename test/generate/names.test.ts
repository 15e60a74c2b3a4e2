import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { grafanaDashboard } from '../../src/generate/grafana/dashboard.ts';
import { objectivesOf, scaled } from '../../src/generate/prometheus/objectives.ts';
import { ruleGroups } from '../../src/generate/prometheus/rules.ts';
import { METRICS, PROCESS_METRICS } from '../../src/observe/metrics.ts';
import { OBJECTIVES, TARGET } from './helpers.ts';
import { groupedBy, selectedBy } from './promql.ts';

const BASE = ['pipeline', 'group', 'member', 'instance', 'job'];
/** Name of every time series that a scrape may hold, with its labels. */
const scraped = new Map<string, readonly string[]>([
  ...METRICS.flatMap(({ name, type, labels }): [string, readonly string[]][] =>
    type === 'histogram'
      ? ['_bucket', '_sum', '_count'].map((part) => [
          name + part,
          [...BASE, ...labels.filter((label) => label !== 'le' || part === '_bucket')],
        ])
      : [[name, [...BASE, ...labels]]],
  ),
  ...Object.keys(PROCESS_METRICS).map((name): [string, readonly string[]] => [name, ['instance', 'job']]),
  ['up', ['instance', 'job']],
]);
const rules = ruleGroups(TARGET, OBJECTIVES).flatMap((group) => group.rules);
const recorded = new Map(
  rules.flatMap((rule) => ('record' in rule ? [[rule.record, ['pipeline', 'group', 'slo']] as const] : [])),
);

function check(expr: string): void {
  const selected = selectedBy(expr);
  assert.ok(selected.length > 0, `names no metric: ${expr}`);
  const all = new Set<string>();
  for (const { metric, labels } of selected) {
    const known = scraped.get(metric) ?? recorded.get(metric);
    assert.ok(known !== undefined, `${metric} is neither scraped nor recorded: ${expr}`);
    for (const label of known) all.add(label);
    for (const label of labels) assert.ok(known.includes(label), `${metric} has no label ${label}: ${expr}`);
  }
  for (const label of groupedBy(expr)) assert.ok(all.has(label), `nothing in it has label ${label}: ${expr}`);
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly datasource: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly refId: string; readonly legendFormat: string }[];
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
}

interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}

const { content } = grafanaDashboard(TARGET);
const dashboard = ('json' in content ? content.json : undefined) as Dashboard;

test('the reader of PromQL finds metrics, matchers and groupings, and nothing else', () => {
  const expr =
    '1 - sum by (pipeline, le) (rate(a_bucket{x="a{b}", le=~"1(\\\\.0)?"}[5m])) / on (b) group_left avg_over_time(r:a:rate5m[1h]) > bool 3 or vector(0)';
  assert.deepEqual(selectedBy(expr), [
    { metric: 'a_bucket', labels: ['x', 'le'] },
    { metric: 'r:a:rate5m', labels: [] },
  ]);
  assert.deepEqual(groupedBy(expr), ['pipeline', 'le', 'b']);
});

test('every metric and label that a rule names is in the table of metrics or recorded', () => {
  for (const { expr } of rules) check(expr);
  // One of each kind at least, so that the loop above cannot pass over nothing.
  for (const name of ['anomaly_lag_seconds', 'pipeline:anomaly_slo_errors:ratio3d', 'up'])
    assert.ok(
      rules.some(({ expr }) => selectedBy(expr).some(({ metric }) => metric === name)),
      `no rule names ${name}`,
    );
});

test('every metric and label that the dashboard names is in the table of metrics or recorded', () => {
  for (const { targets } of dashboard.panels) for (const { expr } of targets) check(expr);
});

test('at most twelve panels, each a question with its unit, none over another', () => {
  assert.ok(dashboard.panels.length <= 12, `${dashboard.panels.length} panels`);
  assert.deepEqual(
    dashboard.panels.map(({ id }) => id),
    dashboard.panels.map((_, i) => i + 1),
  );
  const cells = new Set<string>();
  for (const { title, description, fieldConfig, datasource, gridPos, targets } of dashboard.panels) {
    assert.match(title, /\?$/);
    assert.match(description, /\.$/, title);
    assert.ok(fieldConfig.defaults.unit !== '', title);
    assert.equal(datasource.uid, '$datasource');
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!cells.has(`${x},${y}`), `${title} lies over another`);
        cells.add(`${x},${y}`);
      }
    }
  }
  assert.ok(dashboard.uid.length <= 40, dashboard.uid);
  assert.deepEqual(
    dashboard.templating.list.map(({ name, type }) => [name, type]),
    [
      ['datasource', 'datasource'],
      ['pipeline', 'query'],
    ],
  );
});

test('every alert says what, with values, and where it is told what to do', () => {
  const page = new URL('../../docs/monitoring.md', import.meta.url);
  assert.ok(existsSync(page), 'docs/monitoring.md is there');
  const headings = new Set(
    [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
  const alerts = rules.flatMap((rule) => ('alert' in rule ? [rule] : []));
  assert.ok(alerts.length > 15, `${alerts.length} alerts`);
  const seen = new Set<string>();
  for (const { alert, annotations, labels } of alerts) {
    assert.match(annotations['summary']!, /Pump Room|labels\.pipeline/, alert);
    assert.match(annotations['description']!, /\{\{|source topics|No target|raw-sensors/, alert);
    const [url, heading] = annotations['runbook_url']!.split('#');
    assert.equal(url, 'docs/monitoring.md');
    assert.ok(headings.has(heading!), `${alert} has no heading ${heading} in docs/monitoring.md`);
    assert.match(labels['severity']!, /^(page|ticket)$/, alert);
    seen.add(heading!);
  }
  const text = readFileSync(page, 'utf8');
  for (const { alert } of alerts) assert.ok(text.includes(alert), `docs/monitoring.md does not name ${alert}`);
});

test('the burn rates are the pairs of the workbook, of the budget that is given', () => {
  const burn = (name: string) =>
    rules.flatMap((rule) => ('alert' in rule && rule.alert.startsWith(name) ? [rule] : []));
  const of = '{pipeline="Pump Room", slo="inference"}';
  assert.deepEqual(
    burn('AnomalyInferenceAvailability').map(({ expr, labels }) => [labels['severity'], expr]),
    [
      [
        'page',
        `pipeline:anomaly_slo_errors:ratio1h${of} > 0.72\nand pipeline:anomaly_slo_errors:ratio5m${of} > 0.72\nand pipeline:anomaly_slo_events:increase1h${of} >= 10`,
      ],
      [
        'page',
        `pipeline:anomaly_slo_errors:ratio6h${of} > 0.3\nand pipeline:anomaly_slo_errors:ratio30m${of} > 0.3\nand pipeline:anomaly_slo_events:increase6h${of} >= 10`,
      ],
      [
        'ticket',
        `pipeline:anomaly_slo_errors:ratio3d${of} > 0.05\nand pipeline:anomaly_slo_errors:ratio6h${of} > 0.05\nand pipeline:anomaly_slo_events:increase3d${of} >= 10`,
      ],
    ],
  );
  assert.equal(burn('AnomalyLatency100ms').length, 3);
  assert.equal(burn('AnomalyLatency1s').length, 3);
  assert.equal(burn('AnomalyLag').length, 3);
  assert.deepEqual(
    objectivesOf({ ...TARGET, hasModel: false }, OBJECTIVES).map(({ slo }) => slo),
    ['latency-100ms', 'latency-1s', 'lag'],
  );
});

test('windows divided are durations of Prometheus', () => {
  assert.equal(scaled('5m', 1), '5m');
  assert.equal(scaled('5m', 60), '5000ms');
  assert.equal(scaled('3d', 1e9), '1ms');
});
