import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultAlerts } from '../../../src/config/alerts.ts';
import { StageSession, type StageSessionOptions } from '../../../src/runtime/alerts/stageSession.ts';

test('a takeover that fails at its sinks closes its producer: each is tried again, and none is left behind', async () => {
  let open = 0;
  const producer = {
    close: async () => {
      open--;
    },
  };
  const options = {
    client: {
      createTransactionalProducer: async () => {
        open++;
        return producer;
      },
    },
    config: { pipeline: 'p', commitEveryMs: 1000, checkpoint: { everyMs: 1000 }, sinks: {}, alerts: defaultAlerts() },
    openDelivery: () => {
      throw new Error('no such file');
    },
    now: () => 0,
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    pause: async () => {},
  } as unknown as StageSessionOptions;
  for (let takeover = 0; takeover < 3; takeover++) {
    await assert.rejects(StageSession.open(options, {} as never), /no such file/);
  }
  assert.equal(open, 0);
});
