// What kills may do to a pipeline's outputs: nothing is lost, and a row is doubled only where its commit was under way.
import assert from 'node:assert/strict';
import type { KafkaClient } from '../../../src/clients/client.ts';
import type { TopicPartition } from '../../../src/clients/topicPartition.ts';
import { parseLines, type Surroundings, tool } from './cli.ts';

export const SINKS = ['windows', 'anomalies', 'late', 'dlq'] as const;

/** How things stood when something was killed. */
export interface Death {
  /** Per partition of the source: what is committed, so that everything before it is out and done. */
  readonly committed: readonly number[];
  /** Per sink and partition: the end of the topic, so that what was put out before can be told from what came after. */
  readonly ends: ReadonlyMap<string, readonly number[]>;
}

export const partitionsOf = (topic: string, count: number): TopicPartition[] =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition }));

/** `group` is also the prefix of the sinks. */
export async function noteDeath(
  client: KafkaClient,
  source: string,
  group: string,
  partitions: number,
): Promise<Death> {
  const committed = await client.admin.groupOffsets(group, partitionsOf(source, partitions));
  const ends = new Map<string, number[]>();
  for (const sink of SINKS) {
    const listed = await client.admin.listOffsets(partitionsOf(`${group}.${sink}`, partitions), 'latest');
    ends.set(
      sink,
      listed.map(({ offset }) => offset),
    );
  }
  return { committed: committed.map(({ offset }) => Math.max(0, offset)), ends };
}

interface Tailed {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: { offset: number };
  readonly headers?: Record<string, string>;
}

interface Row {
  /** Key, value and headers: copies are equal. */
  readonly text: string;
  readonly offset: number;
  /** Offset of the record in the source that brought it about. */
  readonly sourceOffset: number;
}

async function rowsOf(around: Surroundings, topic: string, partitions: number): Promise<Row[][]> {
  const rows: Row[][] = Array.from({ length: partitions }, () => []);
  for (const record of parseLines<Tailed>(await tool(around, 'tail', topic, '--offset', 'start:end', '-o', 'ndjson'))) {
    const { key, value, headers, offset, partition } = record;
    const from = headers?.['__streams.errors.offset'] ?? value.offset;
    rows[partition]!.push({ text: JSON.stringify([key, value, headers]), offset, sourceOffset: Number(from) });
  }
  return rows.map((list) => list.sort((a, b) => a.offset - b.offset));
}

/** The sinks of a killed pipeline against those of one that nobody disturbed; says and returns how many were doubled. */
export async function assertNothingLost(
  around: Surroundings,
  groups: { killed: string; whole: string; mayBeEmpty?: readonly string[] },
  partitions: number,
  deaths: readonly Death[],
  say: (line: string) => void,
): Promise<number> {
  let doubledInAll = 0;
  for (const sink of SINKS) {
    const whole = await rowsOf(around, `${groups.whole}.${sink}`, partitions);
    const killed = await rowsOf(around, `${groups.killed}.${sink}`, partitions);
    let doubled = 0;
    for (let partition = 0; partition < partitions; partition++) {
      const place = `${groups.killed}.${sink}/${partition}`;
      const seen = new Set<string>();
      for (const { text, offset, sourceOffset } of killed[partition]!) {
        if (!seen.has(text)) {
          seen.add(text);
          continue;
        }
        doubled += 1;
        const death = deaths.findLast(({ ends }) => ends.get(sink)![partition]! <= offset);
        assert.ok(death !== undefined, `${place}: a row is doubled at offset ${offset}, before anything was killed`);
        const committed = death.committed[partition]!;
        assert.ok(
          sourceOffset >= committed,
          `${place}: the row of source offset ${sourceOffset} is doubled, and ${committed} was committed`,
        );
      }
      const want = whole[partition]!.map(({ text }) => text);
      assert.equal(new Set(want).size, want.length, 'the undisturbed run doubles nothing');
      assert.deepEqual([...seen], want, `${place}: rows are lost, new or in another order`);
    }
    const count = whole.flat().length;
    assert.ok(count > 20 || groups.mayBeEmpty?.includes(sink), `${count} ${sink}`);
    say(`${groups.killed}.${sink}: ${count} rows, 0 lost, ${doubled} doubled where a commit was under way`);
    doubledInAll += doubled;
  }
  return doubledInAll;
}
