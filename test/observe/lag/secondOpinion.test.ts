import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGauges } from '../../../src/observe/lag/gauges.ts';
import type { GroupSample } from '../../../src/observe/lag/sample.ts';
import { SecondOpinions } from '../../../src/observe/lag/secondOpinion.ts';

const text = (sum: number) => `# HELP redpanda_kafka_consumer_group_lag_sum x
# TYPE redpanda_kafka_consumer_group_lag_sum gauge
redpanda_kafka_consumer_group_lag_sum{redpanda_group="a",shard="0"} ${sum}
redpanda_kafka_consumer_group_lag_max{redpanda_group="a",shard="0"} 7.000000
redpanda_kafka_consumer_group_lag_sum{redpanda_group="say \\"b\\"",shard="1"} 1
redpanda_kafka_consumer_group_committed_offset{redpanda_group="c"} 5
`;
const groups = (lag: number | null) => [{ group: 'a', lag } as GroupSample];

test('gauges are read from the texts of all brokers', () => {
  const { groups: found, isOn } = readGauges([
    text(12),
    'redpanda_kafka_consumer_group_lag_sum{redpanda_group="d"} 3\n',
  ]);
  assert.equal(isOn, true);
  assert.deepEqual(
    [...found],
    [
      ['a', { sum: 12, max: 7 }],
      ['say "b"', { sum: 1, max: null }],
      ['d', { sum: 3, max: null }],
    ],
  );
  assert.equal(readGauges(['redpanda_kafka_consumer_group_consumers{redpanda_group="a"} 1\n']).isOn, false);
});

test('a gauge agrees, differs for its age, and is stale when it was wrong for longer than that', () => {
  const opinions = new SecondOpinions(60_000);
  const say = (atMs: number, sum: number, lag: number | null) =>
    opinions.take(atMs, readGauges([text(sum)]), groups(lag)).get('a')!;
  assert.equal(say(0, 12, 12).status, 'agrees');
  // It was right once at this value: its next turn may be far.
  assert.equal(say(1000, 12, 20).status, 'differs');
  assert.equal(say(61_000, 12, 20).status, 'differs');
  assert.match(say(62_000, 15, 30).note!, /says 15, and may be 60 s old/);
  assert.equal(say(122_000, 15, 30).status, 'differs');
  assert.equal(say(122_001, 15, 30).status, 'stale');
  assert.match(say(130_000, 15, 30).note!, /since 68 s, longer than its interval of 60 s: stale/);
  assert.equal(say(131_000, 30, 30).status, 'agrees');
  assert.deepEqual(opinions.take(0, readGauges([]), groups(1)).get('a'), {
    status: 'absent',
    sum: null,
    max: null,
    note: 'Redpanda has no lag gauge of this group',
  });
});
