import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ColumnBatch } from '../../../src/engine/batch.ts';
import type { Task } from '../../../src/runtime/task.ts';
import { append, readTopic, startWorld, type World } from '../../helpers/world.ts';
import { configOf, LogLines } from '../helpers/config.ts';
import { startMember, tapped } from '../helpers/member.ts';

const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function fill(topic: string, count: number): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const producer = await world.client.createProducer();
  for (let i = 0; i < count; i++) {
    append(producer, topic, { partition: 0, key: `k${i % 3}`, value: { ts: START_MS + i * 1000, value: i % 7, i } });
    // Several batches, so that a crash is not always of the first.
    if (i % 40 === 39) await producer.flush();
  }
  await producer.close();
}

function yamlOf(topic: string, pipeline: string, guarantee: string, restart: string): string {
  const sinks = `{format: json, windows: ${pipeline}.windows, late: ${pipeline}.late, anomalies: ${pipeline}.anomalies, dead_letters: ${pipeline}.dlq}`;
  return [
    `pipeline: ${pipeline}`,
    `source: {topics: [${topic}], time: ts, format: json}`,
    'time: {max_ahead: off}',
    'windows: [{size: 10s}]',
    `guarantee: ${guarantee}`,
    'commit_every: 20ms',
    `restart: ${restart}`,
    `sinks: ${sinks}`,
  ].join('\n');
}

/** Which records throw in which step; counts how often each did. */
class Faults {
  readonly thrown = new Map<number, number>();
  readonly #bad: ReadonlyMap<number, 'decode' | 'run'>;

  constructor(bad: Readonly<Record<number, 'decode' | 'run'>>) {
    this.#bad = new Map(Object.entries(bad).map(([offset, step]) => [Number(offset), step]));
  }

  wrap = (task: Task): Task =>
    tapped(task, {
      decode: (batch) => {
        this.#strike('decode', batch, 0, batch.count);
        return task.decode(batch);
      },
      run: (batch, from, to) => {
        this.#strike('run', batch, from, to);
        task.run(batch, from, to);
      },
    });

  #strike(step: 'decode' | 'run', batch: ColumnBatch, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const offset = batch.offsets[i]!;
      if (this.#bad.get(offset) !== step) continue;
      this.thrown.set(offset, (this.thrown.get(offset) ?? 0) + 1);
      throw new RangeError(`no such thing at ${offset}`);
    }
  }
}

/** A task that steps over these records without a word: what poison must come to. */
const without =
  (offsets: readonly number[]) =>
  (task: Task): Task =>
    tapped(task, {
      run: (batch, from, to) => {
        for (let i = from; i < to; i++) if (!offsets.includes(batch.offsets[i]!)) task.run(batch, i, i + 1);
      },
    });

async function rowsOf(pipeline: string, sink: string): Promise<unknown[]> {
  const [rows = []] = await readTopic(world, `${pipeline}.${sink}`);
  return JSON.parse(JSON.stringify(rows).replaceAll(pipeline, 'p')) as unknown[];
}

for (const guarantee of ['at-least-once', 'exactly-once']) {
  test(`${guarantee}: records that crash three times go to dead letters with the stack, and the rest is as if they were not there`, async () => {
    const topic = `mixed-${guarantee}`;
    await fill(topic, 300);
    const faults = new Faults({ 57: 'run', 58: 'decode', 200: 'run' });
    const log = new LogLines();
    const signal = new AbortController().signal;
    const config = await configOf(yamlOf(topic, `${topic}-p`, guarantee, '{initial_backoff: 1ms, max_backoff: 1ms}'));
    const member = startMember({ world, config, log, signal, untilEnd: true, wrapTask: faults.wrap });
    const result = await member.run();
    assert.equal(result.ended, 'end');
    assert.deepEqual(Object.fromEntries(faults.thrown), { 57: 3, 58: 3, 200: 3 });
    assert.equal(member.statuses()[0]!.restarts, 9);

    const letters = (await rowsOf(`${topic}-p`, 'dlq')) as { value: unknown; headers: Record<string, string> }[];
    // What a failed run had put aside is written again by the next one: at least once may show both.
    const aside = letters.map(({ value }) => (value as { i: number }).i);
    assert.deepEqual(guarantee === 'exactly-once' ? aside : [...new Set(aside)], [57, 58, 200]);
    const [first] = letters;
    const { '__streams.errors.stacktrace': stack, ...headers } = headersOf(first!.headers);
    assert.deepEqual(headers, {
      '__streams.errors.exception': 'RangeError',
      '__streams.errors.message': 'no such thing at 57',
      '__streams.errors.topic': topic,
      '__streams.errors.partition': '0',
      '__streams.errors.offset': '57',
    });
    assert.match(stack!, /^RangeError: no such thing at 57\n +at .*poison\.test\.ts/);
    assert.ok(log.lines.some((line) => /error put .*\/0 offset 57 aside after 3 crashes: RangeError/.test(line)));

    const plain = await configOf(yamlOf(topic, `${topic}-q`, guarantee, '{strategy: none}'));
    const wrapTask = without([57, 58, 200]);
    await startMember({ world, config: plain, log: new LogLines(), signal, untilEnd: true, wrapTask }).run();
    const [windows, expected] = [await rowsOf(`${topic}-p`, 'windows'), await rowsOf(`${topic}-q`, 'windows')];
    assert.ok(expected.length > 50);
    const seen = new Set<string>();
    const isFirst = (row: unknown) => seen.size < seen.add(JSON.stringify(keyAndValue(row))).size;
    const once = guarantee === 'exactly-once' ? windows : windows.filter(isFirst);
    assert.deepEqual(once.map(keyAndValue), expected.map(keyAndValue));
  });

  test(`${guarantee}: processes that die one after the other count together, by the journal, and what was put aside stays so`, async () => {
    const topic = `lives-${guarantee}`;
    await fill(topic, 300);
    const config = await configOf(yamlOf(topic, topic, guarantee, '{strategy: none}'));
    const stateDir = mkdtempSync(join(world.dir, 'lives-'));
    const signal = new AbortController().signal;
    const faults = new Faults({ 100: 'decode', 250: 'run' });
    const ends: string[] = [];
    for (let life = 1; life <= 7; life++) {
      const log = new LogLines();
      // A member with nothing in memory, as a new process has.
      const member = startMember({ world, config, log, signal, untilEnd: true, wrapTask: faults.wrap, stateDir });
      ends.push(
        await member.run().then(
          ({ ended }) => ended,
          (error: { code: string }) => error.code,
        ),
      );
    }
    assert.deepEqual(ends, [...Array<string>(6).fill('ANM_RECORD_CRASH'), 'end']);
    assert.deepEqual(Object.fromEntries(faults.thrown), { 100: 3, 250: 3 });
    const letters = (await rowsOf(topic, 'dlq')) as { value: { i: number } }[];
    assert.deepEqual([...new Set(letters.map(({ value }) => value.i))], [100, 250]);
    if (guarantee === 'exactly-once') assert.equal(letters.length, 2);
  });
}

function keyAndValue(row: unknown): unknown {
  const { key, value, timestamp } = row as Record<string, unknown>;
  return { key, value, timestamp };
}

/** Headers as tail prints them: a map, or a list of pairs. */
function headersOf(headers: unknown): Record<string, string> {
  if (!Array.isArray(headers)) return headers as Record<string, string>;
  return Object.fromEntries((headers as { key: string; value: string }[]).map(({ key, value }) => [key, value]));
}
