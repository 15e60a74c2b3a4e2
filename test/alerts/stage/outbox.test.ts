import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { memberOf, newIncident } from '../../../src/alerts/stage/incident.ts';
import { notificationOf } from '../../../src/alerts/stage/incidentText.ts';
import { decodeOutbox, encodeGone, encodeIncident, encodeState } from '../../../src/alerts/stage/outbox.ts';
import { alert, MONDAY } from './fixtures.ts';

test('records come back as they were, whatever series are called', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (series, pipeline) => {
      const evidence = alert(series, MONDAY);
      const incident = newIncident(pipeline, '', evidence);
      incident.members.push(memberOf(evidence));
      const facts = { pipeline, kind: 'anomaly', severity: 'error', status: 'open', atMs: MONDAY } as const;
      const notification = notificationOf(incident, facts);
      const { key, value } = encodeIncident({ notification, isTold: true, state: incident });
      assert.match(key, /^20260105T000000Z-[0-9a-f]{12}$/);
      const back = decodeOutbox(key, value);
      assert.deepEqual(back, {
        type: 'incident',
        notification,
        isTold: true,
        state: JSON.parse(JSON.stringify(incident)),
      });
      const state = encodeState({ name: `profile/${series}`, state: { a: [1] } });
      assert.deepEqual(decodeOutbox(state.key, state.value), {
        type: 'state',
        name: `profile/${series}`,
        state: { a: [1] },
      });
    }),
  );
});

test('a key with a space is what delivery knows, tombstones and other versions are nothing', () => {
  const value = new Uint8Array([1]);
  assert.deepEqual(decodeOutbox('id pager', value), { type: 'delivery', incident: 'id', sink: 'pager', value });
  assert.equal(decodeOutbox('id', null), null);
  assert.equal(encodeGone({ name: 'a b' }).key, '~a b');
  assert.equal(decodeOutbox('~a b', null), null);
  for (const text of ['{', '[]', '{"version":2}', '{"version":1,"notification":{"id":"other"}}']) {
    assert.equal(decodeOutbox('id', new TextEncoder().encode(text)), null, text);
  }
});
