import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DeliveryState } from '../../../src/alerts/delivery/delivery.ts';
import { deliveryKey, encodeDelivery } from '../../../src/alerts/delivery/deliveryRecord.ts';
import { encodeIncident, encodeState, outboxTopic } from '../../../src/alerts/stage/outbox.ts';
import type { Notification } from '../../../src/observe/notification.ts';
import { ensureOperationTopics } from '../../../src/runtime/topics/operationTopics.ts';
import { statusOf } from '../../helpers/status.ts';
import { startWorld, type World } from '../../helpers/world.ts';
import { put, shows, watcherOf } from './helpers/watching.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

test('incidents of the outbox with what became of them at each sink; one that is dropped is gone', async () => {
  await ensureOperationTopics(world.client.admin, 'told');
  await put(world.client, statusOf({ pipeline: 'told', group: 'told', atMs: Date.now() }));
  await world.client.admin.createTopics([{ name: outboxTopic('told'), partitions: 1 }]);
  const write = async (key: string, value: Uint8Array | null) => {
    const producer = await world.client.createProducer();
    const bytes = new TextEncoder().encode(key);
    const [start, end] = value === null ? [-1, -1] : [0, value.length];
    producer.append(outboxTopic('told'), 0, Date.now(), bytes, 0, bytes.length, value, start, end);
    await producer.close();
  };
  const incident = async (id: string, isTold: boolean, more: Partial<Notification> = {}) => {
    const { key, value } = encodeIncident({ notification: notification(id, more), isTold, state: {} });
    await write(key, value);
  };
  const delivered = (sink: string, more: Partial<DeliveryState> = {}) =>
    write(
      deliveryKey('i1', sink),
      encodeDelivery({
        ...{ sink, revision: 1, told: 'open', severity: 'error', summary: null, outcome: 'delivered', attempts: 1 },
        ...{ atMs: 5000, problem: null, ...more },
      }),
    );
  await incident('i1', true);
  await delivered('pager');
  await delivered('chat', { outcome: 'failed', problem: 'answered 404' });
  await incident('i2', false);
  await write('~profile/x', encodeState({ name: 'profile/x', state: {} }).value);
  const watch = watcherOf(world, { pipeline: 'told' });
  watch.start();
  try {
    const { alerts } = await shows(watch, (each) => each.alerts.length === 2, 'both incidents');
    assert.deepEqual(
      alerts.map(({ notification: { id }, isTold, sinks }) => [id, isTold, sinks]),
      [
        ['i2', false, []],
        [
          'i1',
          true,
          [
            { name: 'chat', outcome: 'failed', atMs: 5000, problem: 'answered 404', revision: 1 },
            { name: 'pager', outcome: 'delivered', atMs: 5000, problem: null, revision: 1 },
          ],
        ],
      ],
    );
    await incident('i1', true, { status: 'resolved', revision: 2 });
    const later = await shows(watch, (each) => each.alerts[1]?.notification.status === 'resolved', 'the end of one');
    assert.equal(later.alerts[1]!.sinks.length, 2, 'what the sinks know of it stays');
    await write('i1', null);
    await shows(watch, (each) => each.alerts.length === 1, 'that it was dropped');
  } finally {
    await watch.close();
  }
});

function notification(id: string, more: Partial<Notification>): Notification {
  return {
    ...{ id, revision: 1, status: 'open', severity: 'error', kind: 'anomaly', pipeline: 'told', summary: 'too high' },
    ...{ reasons: [], rule: 'kpi@value', series: ['s'], seriesCount: 1, value: 9, expected: 1, lower: 0, upper: 2 },
    ...{ score: 7, alerts: ['a'], startedMs: 1, updatedMs: 2, endedMs: null, evidenceMs: 2, look: 'anomaly explain a' },
    ...more,
  };
}
