import type { Admin, CorruptBatch, KafkaClient } from '../../clients/client.ts';
import type { Producer } from '../../clients/producer.ts';
import { AnomalyError } from '../../errors.ts';
import { OffsetRanges } from '../input/offsetRanges.ts';
import { stableEnds, topicBatches } from '../input/topicSource.ts';
import type { DeadLetter } from '../output/deadLetter.ts';
import { ensureSinks, sourceShape, sourceTopics } from '../topics/topics.ts';

/** One record of the ledger: dead letters of one partition that were sent back together. */
interface LedgerEntry {
  /** [first, last + 1, the source of the first] of each run of offsets in the dead-letter topic. */
  readonly offsets: readonly (readonly [number, number, string])[];
  readonly to: readonly string[];
  readonly at: string;
}

/**
 * Which dead letters were sent back: the topic `<dead letters>.redriven`, a partition for each of theirs. Its records are
 * written in the same transaction as the records that were sent, so that neither is there without the other. The
 * dead-letter topic itself stays as it is: others read it, too.
 */
export class RedriveLedger {
  readonly topic: string;
  readonly deadLetters: string;
  readonly #done = new Map<number, OffsetRanges>();
  /** Source of the letters at which runs begin: the same offset of a topic that was made anew is another letter. */
  readonly #sources = new Map<string, string>();

  constructor(deadLetters: string) {
    this.deadLetters = deadLetters;
    this.topic = redrivenTopic(deadLetters);
  }

  /**
   * Reads what is committed of it; it has nothing where there is no such topic.
   * @param until 'stable': up to the first open transaction; 'end': all, which waits for those that are open
   */
  async load(
    client: KafkaClient,
    signal: AbortSignal,
    onCorrupt: (batch: CorruptBatch) => void,
    until: 'stable' | 'end',
  ): Promise<void> {
    this.#done.clear();
    this.#sources.clear();
    const [info] = await client.admin.topics([this.topic]);
    if (info === undefined) return;
    const partitions = info.partitions.map(({ partition }) => ({ topic: this.topic, partition }));
    const [from, to] = await Promise.all([
      client.admin.listOffsets(partitions, 'earliest'),
      until === 'end' ? client.admin.listOffsets(partitions, 'latest') : stableEnds(client, partitions),
    ]);
    for await (const batch of topicBatches(client, { from, to }, signal, onCorrupt)) {
      for (let i = 0; i < batch.count; i++) {
        if (batch.valueStart[i]! < 0) continue;
        const text = Buffer.from(batch.bytes.subarray(batch.valueStart[i]!, batch.valueEnd[i]!)).toString();
        this.#take(batch.partition, text, batch.offsets[i]!);
      }
    }
  }

  /** Makes its topic where it is missing, with the partitions and the retention of the dead letters. */
  async ensure(admin: Admin): Promise<void> {
    const shape = await sourceShape(admin, await sourceTopics(admin, [this.deadLetters]));
    await ensureSinks(admin, [{ kind: 'redriven', name: this.topic }], shape);
  }

  /** @throws ANM_REDRIVE where the ledger is of an earlier topic of the same name */
  has(letter: DeadLetter): boolean {
    const { partition, offset } = letter;
    const source = this.#sources.get(`${partition}@${offset}`);
    if (source !== undefined && source !== sourceText(letter)) {
      throw new AnomalyError(
        'ANM_REDRIVE',
        `cannot tell what was redriven, as ${this.topic} is of an earlier topic ${this.deadLetters}: it has ${source} at ${partition}/${offset}, and there is ${sourceText(letter)}`,
        { hint: `delete ${this.topic}, which only says what was redriven, and start again` },
      );
    }
    return this.#done.get(partition)?.has(offset) ?? false;
  }

  /** Appends that these letters were sent, a record for each of their partitions; offsets ascend in each. */
  append(producer: Producer, letters: readonly DeadLetter[], to: readonly string[], nowMs: number): void {
    const runs = new Map<number, [number, number, string][]>();
    for (const letter of letters) {
      const own = runs.get(letter.partition) ?? [];
      const last = own.at(-1);
      if (last !== undefined && last[1] === letter.offset) last[1]++;
      else own.push([letter.offset, letter.offset + 1, sourceText(letter)]);
      runs.set(letter.partition, own);
    }
    for (const [partition, offsets] of runs) {
      const entry: LedgerEntry = { offsets, to, at: new Date(nowMs).toISOString() };
      const value = Buffer.from(JSON.stringify(entry));
      producer.append(this.topic, partition, nowMs, null, -1, -1, value, 0, value.length);
    }
  }

  #take(partition: number, text: string, offset: number): void {
    let entry: LedgerEntry;
    try {
      entry = JSON.parse(text) as LedgerEntry;
      const done = this.#done.get(partition) ?? new OffsetRanges();
      for (const [first, end, source] of entry.offsets) {
        done.add(first, end);
        this.#sources.set(`${partition}@${first}`, source);
      }
      this.#done.set(partition, done);
    } catch (cause) {
      throw new AnomalyError('ANM_REDRIVE', `cannot read ${this.topic}/${partition} at offset ${offset} as a ledger`, {
        cause,
        hint: 'something else writes to that topic: give the dead letters another name, or delete it',
      });
    }
  }
}

export function redrivenTopic(deadLetters: string): string {
  return `${deadLetters}.redriven`;
}

function sourceText({ sourceTopic, sourcePartition, sourceOffset }: DeadLetter): string {
  return `${sourceTopic ?? '?'}/${sourcePartition ?? '?'}@${sourceOffset ?? '?'}`;
}
