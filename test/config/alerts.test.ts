import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '../../src/config/load.ts';
import type { PipelineConfig } from '../../src/config/pipelineConfig.ts';
import { definePipeline } from '../../src/runtime/definition/definition.ts';
import { temporaryFiles } from '../helpers/files.ts';

async function pipelineOf(yaml: string): Promise<PipelineConfig> {
  const directory = temporaryFiles({ 'anomaly.yaml': `source: {topics: [a]}\nscore: {detector: kpi}\n${yaml}` });
  try {
    const env = { HOME: directory.path };
    const settings = await loadSettings({ flags: [], extras: [], env, cwd: directory.path, ignoreProfile: true });
    assert.deepEqual(settings.problems, []);
    return settings.pipeline();
  } finally {
    directory.remove();
  }
}

test('the stage is on where somebody asks for it or is to be told; then the ends of alerts are told', async () => {
  const off = await pipelineOf('alerts: {min_duration: 1m}');
  assert.equal(off.alerts, undefined);
  assert.equal(definePipeline(off).score?.shaping.tellsEnd, undefined);
  const said = await pipelineOf('alerts: {enabled: false, sinks: [{type: stdout}]}');
  assert.equal(said.alerts, undefined, 'off is off, whoever stands in alerts.sinks');
  for (const yaml of ['alerts: {enabled: true}', 'alerts: {sinks: [{type: stdout}]}']) {
    const on = await pipelineOf(yaml);
    assert.deepEqual([on.alerts?.stage, on.alerts?.maxAgeMs, on.alerts?.groupBy], ['beside', 900_000, '*'], yaml);
    assert.equal(definePipeline(on).score?.shaping.tellsEnd, true, yaml);
  }
});

test('off is no limit, and what does not fit together is told', async () => {
  const breaches = '{latency: off, inference: off, checkpoint: off, lag: off, members: false}';
  const { alerts } = await pipelineOf(`alerts: {enabled: true, breaches: ${breaches}}`);
  const { latencyMs, inference, checkpoint, lagMs } = alerts!.breaches;
  assert.deepEqual([latencyMs, inference, checkpoint, lagMs], [Infinity, Infinity, Infinity, Infinity]);
  const refused = (yaml: string, message: RegExp) => assert.rejects(pipelineOf(yaml), message);
  await refused('alerts: {enabled: true, maintenance: [x]}', /alerts\.maintenance names x, and there are no calendars/);
  await refused('alerts: {enabled: true, severity: {error: 9}}', /alerts\.severity\.warning has to be at most/);
});
