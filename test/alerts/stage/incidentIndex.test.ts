import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberOf, newIncident } from '../../../src/alerts/stage/incident.ts';
import { IncidentIndex } from '../../../src/alerts/stage/incidentIndex.ts';
import { alert, HOUR, MONDAY, rulesOf } from './fixtures.ts';

test('where the newest exceedance of a series leaves, the one before is found, as after a restart', () => {
  const bounds = { open: 9, closed: 9 };
  const index = new IncidentIndex(bounds);
  const [older, newer] = [0, 1].map((hour) => {
    const evidence = alert('a', MONDAY + hour * HOUR);
    const incident = index.place(evidence, { ...rulesOf(), groupWithinMs: 0 }, (group) =>
      newIncident('pump-room', group, evidence),
    );
    const member = memberOf(evidence);
    index.join(incident, member);
    return { incident, member };
  });
  assert.equal(index.open.size, 2);
  assert.deepEqual(index.find(newer!.member), newer);
  index.leave(newer!.incident, newer!.member);
  assert.deepEqual(index.find(newer!.member), older);
  for (const order of [
    [older!, newer!],
    [newer!, older!],
  ]) {
    const restored = new IncidentIndex(bounds);
    for (const { incident } of order) restored.restore(incident);
    assert.deepEqual(restored.find(newer!.member), older);
    restored.close(older!.incident);
    assert.equal(restored.find(newer!.member), undefined);
  }
});
