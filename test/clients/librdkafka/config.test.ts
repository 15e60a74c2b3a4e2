import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_CONTACT } from '../../../src/clients/contact.ts';
import { adminConf, commonConf, consumerConf } from '../../../src/clients/librdkafka/config.ts';

const statisticsMs = (conf: Readonly<Record<string, unknown>>) => conf['statistics.interval.ms'];

test('statistics are asked for where somebody keeps the contact, and often of the admin client only', () => {
  const client = { brokers: ['a:1'] };
  for (const conf of [adminConf(client), consumerConf(client, {})]) assert.equal(statisticsMs(conf), undefined);
  const watched = { ...client, contact: NO_CONTACT };
  assert.deepEqual(
    [adminConf(watched), commonConf(watched), consumerConf(watched, {})].map(statisticsMs),
    [1000, 10_000, 10_000],
  );
});
