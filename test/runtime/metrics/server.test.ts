import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberStatus } from '../../../src/observe/status.ts';
import { serveMetrics } from '../../../src/runtime/metrics/server.ts';
import { statusOf } from '../../helpers/status.ts';

const OUTAGE = { sinceMs: 0, problem: 'a:1: connection refused' } as const;
const SAID = 'no answer from the cluster since 1970-01-01T00:00:00.000Z (a:1: connection refused)';
const FAILED = { state: 'failed', error: { code: 'ANM_STORE_ACCESS', message: 'no' } } as const;

test('liveness and readiness by the states of the members', async (t) => {
  let statuses: readonly MemberStatus[] = [];
  const server = await serveMetrics('127.0.0.1:0', () => statuses);
  t.after(() => server.close());
  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(`${server.url}${path}`, { method });
    return [answer.status, await answer.text()] as const;
  };
  for (const [members, live, ready, text] of [
    [[], 200, 503, 'no members yet\n'],
    [[statusOf({ state: 'starting' })], 200, 503, 'm starting\n'],
    [[statusOf({ state: 'restoring' }), statusOf({ member: 'n' })], 200, 503, 'm restoring\nn running\n'],
    [[statusOf({}), statusOf({ member: 'n', state: 'paused' })], 200, 200, 'm running\nn paused\n'],
    [[statusOf({ outage: null })], 200, 200, 'm running\n'],
    [[statusOf({ outage: OUTAGE }), statusOf({ member: 'n' })], 200, 503, `m running: ${SAID}\nn running\n`],
    [[statusOf({ state: 'restarting' })], 200, 503, 'm restarting\n'],
    [[statusOf(FAILED), statusOf({ member: 'n' })], 200, 503, 'm failed: ANM_STORE_ACCESS no\nn running\n'],
    [[statusOf(FAILED)], 503, 503, 'm failed: ANM_STORE_ACCESS no\n'],
  ] as const) {
    statuses = members;
    assert.equal((await ask('/livez'))[0], live, `/livez of ${text}`);
    assert.deepEqual(await ask('/readyz'), [ready, text]);
  }
  for (const [outage, value] of [[undefined], [null, 0], [OUTAGE, 5]] as const) {
    statuses = [statusOf({ atMs: 5000, ...(outage !== undefined && { outage }) })];
    const line = /^anomaly_cluster_away_seconds\{.*\} (.*)$/m.exec((await ask('/metrics'))[1]);
    assert.equal(line?.[1], value === undefined ? undefined : String(value), 'absent where the member does not tell');
  }
  assert.equal((await ask('/metrics', 'POST'))[0], 405);
  assert.equal((await ask('/x'))[0], 404);
});

test('a name with quotes and line breaks is one label', async (t) => {
  const seriesGroups = [{ group: 'a"b\\c\nd', alerts: 3 }];
  const server = await serveMetrics('127.0.0.1:0', () => [statusOf({ seriesGroups })]);
  t.after(() => server.close());
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith('anomaly_alerts_by_group_total{'));
  assert.match(line!, /series_group="a\\"b\\\\c\\nd"\} 3$/);
});
