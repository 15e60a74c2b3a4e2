import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Admin } from '../../../src/clients/client.ts';
import type { TopicPartition } from '../../../src/clients/topicPartition.ts';
import { type OffsetRange, parseOffsets, resolveOffsets } from '../../../src/commands/options/offsetGrammar.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const start = { kind: 'start', plus: 0 } as const;
const end = { kind: 'end', minus: 0 } as const;
const offset = (value: number) => ({ kind: 'offset', offset: value }) as const;
const time = (text: string) => ({ kind: 'time', timeMs: Date.parse(text) }) as const;

test('the grammar of rpk topic consume --offset', () => {
  const cases: readonly [string, OffsetRange][] = [
    ['start', { from: start, to: undefined }],
    ['end', { from: end, to: undefined }],
    [':end', { from: start, to: end }],
    ['42', { from: offset(42), to: undefined }],
    ['42:', { from: offset(42), to: undefined }],
    ['42:50', { from: offset(42), to: offset(50) }],
    [':50', { from: start, to: offset(50) }],
    ['+10', { from: { kind: 'start', plus: 10 }, to: undefined }],
    ['-10', { from: { kind: 'end', minus: 10 }, to: undefined }],
    ['+2:-3', { from: { kind: 'start', plus: 2 }, to: { kind: 'end', minus: 3 } }],
    ['@1700000000000', { from: { kind: 'time', timeMs: 1_700_000_000_000 }, to: undefined }],
    ['@1700000000', { from: { kind: 'time', timeMs: 1_700_000_000_000 }, to: undefined }],
    ['@2025-12-31', { from: time('2025-12-31'), to: undefined }],
    ['@2025-12-31T10:00:00Z', { from: time('2025-12-31T10:00:00Z'), to: undefined }],
    ['@2025-12-31T10:00', { from: time('2025-12-31T10:00Z'), to: undefined }],
    [
      '@2025-12-31T10:00:00Z:2025-12-31T11:00:00+01:00',
      { from: time('2025-12-31T10:00Z'), to: time('2025-12-31T10:00Z') },
    ],
    ['@-1h', { from: time('2026-01-02T02:04:05Z'), to: undefined }],
    ['@-1m:end', { from: time('2026-01-02T03:03:05Z'), to: end }],
    ['@-2h:-1h', { from: time('2026-01-02T01:04:05Z'), to: time('2026-01-02T02:04:05Z') }],
    ['@2025-12-31:1h', { from: time('2025-12-31'), to: time('2025-12-31T01:00Z') }],
    ['@2025-12-31T10:00:00Z:30m', { from: time('2025-12-31T10:00Z'), to: time('2025-12-31T10:30Z') }],
    ['@1700000000:@1m', { from: time('2023-11-14T22:13:20Z'), to: time('2023-11-14T22:14:20Z') }],
    ['@-2h:1m', { from: time('2026-01-02T01:04:05Z'), to: time('2026-01-02T03:05:05Z') }],
    ['@1h', { from: time('2026-01-02T04:04:05Z'), to: undefined }],
    ['@2025-12-31:', { from: time('2025-12-31'), to: undefined }],
    ['@:-1h', { from: start, to: time('2026-01-02T02:04:05Z') }],
  ];
  for (const [text, expected] of cases) assert.deepEqual(parseOffsets(text, NOW), expected, text);
});

test('anything else is a usage error that shows the grammar', () => {
  for (const text of ['', 'begin', '1:2:3', '++1', '@', '@5', '@0', '@yesterday', '1.5', ':', 'a:b', '@2025-13-45']) {
    if (text === ':') continue;
    assert.throws(() => parseOffsets(text, NOW), { code: 'ANM_USAGE', hint: /:end/ }, text);
  }
});

/** A log from 100 to 200 in partition 0 and an empty one in partition 1; times are offsets x 1000. */
const ADMIN = {
  listOffsets: async (partitions: readonly TopicPartition[], at: 'earliest' | 'latest' | number) =>
    partitions.map(({ topic, partition }) => {
      const [first, last] = partition === 0 ? [100, 200] : [0, 0];
      const atTime = (timeMs: number) => (timeMs / 1000 >= last ? -1 : Math.max(first, Math.ceil(timeMs / 1000)));
      return { topic, partition, offset: at === 'earliest' ? first : at === 'latest' ? last : atTime(at) };
    }),
} as unknown as Admin;
const PARTITIONS = [
  { topic: 't', partition: 0 },
  { topic: 't', partition: 1 },
];

async function resolved(text: string, follow = false): Promise<[number[], number[] | undefined]> {
  const { from, to } = await resolveOffsets(ADMIN, PARTITIONS, parseOffsets(text, 200_000), follow);
  return [from.map((each) => each.offset), to?.map((each) => each.offset)];
}

test('ranges are kept inside the log, and end at its end of now unless they follow', async () => {
  assert.deepEqual(await resolved('start'), [
    [100, 0],
    [200, 0],
  ]);
  assert.deepEqual(await resolved('start', true), [[100, 0], undefined]);
  assert.deepEqual(await resolved('-10'), [
    [190, 0],
    [200, 0],
  ]);
  assert.deepEqual(await resolved('-1000'), [
    [100, 0],
    [200, 0],
  ]);
  assert.deepEqual(await resolved('+5:110'), [
    [105, 0],
    [110, 0],
  ]);
  assert.deepEqual(await resolved('50:5000'), [
    [100, 0],
    [200, 0],
  ]);
  assert.deepEqual(await resolved('@-20s'), [
    [180, 0],
    [200, 0],
  ]);
  assert.deepEqual(await resolved('@-20s:-10s', true), [
    [180, 0],
    [190, 0],
  ]);
  assert.deepEqual(await resolved('end', true), [[200, 0], undefined]);
});
