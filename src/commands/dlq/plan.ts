import type { Admin } from '../../clients/client.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { type DeadLetter, placeOf } from '../../runtime/output/deadLetter.ts';
import type { RedriveLedger } from '../../runtime/redrive/ledger.ts';
import type { FixedValue, SchemaFix } from '../../runtime/redrive/schemaFix.ts';
import { partitionForKey } from '../../wire/murmur2.ts';
import type { FoundLetter } from './topic.ts';

export interface RedriveRules {
  /** The topic that letters go to; absent: each to the one that it came from. */
  readonly to: string | undefined;
  readonly maxRedrives: number;
  /** Also what the ledger has. */
  readonly again: boolean;
  readonly fix: SchemaFix | undefined;
}

export interface Sending {
  readonly topic: string;
  readonly partition: number;
  /** Its value with another schema header; absent: as it is. */
  readonly fixed: Extract<FixedValue, { value: Uint8Array }> | undefined;
}

export type Verdict = { readonly send: Sending } | { readonly refused: string } | 'done';

/** Decides about each letter: where it goes, or why it stays. The same letter gets the same answer each time. */
export class RedrivePlan {
  readonly #admin: Admin;
  readonly #ledger: RedriveLedger;
  readonly #rules: RedriveRules;
  /** Partitions of the topics that were asked for; 0 for one that does not exist. */
  readonly #partitions = new Map<string, number>();

  constructor(admin: Admin, ledger: RedriveLedger, rules: RedriveRules) {
    this.#admin = admin;
    this.#ledger = ledger;
    this.#rules = rules;
  }

  async verdict({ letter, batch, index }: FoundLetter): Promise<Verdict> {
    const { again, fix } = this.#rules;
    if (!again && this.#ledger.has(letter)) return 'done';
    const reason = this.#reasonToStay(letter);
    if (reason !== null) return { refused: reason };
    const topic = this.#rules.to ?? letter.sourceTopic!;
    const partitions = await this.#partitionsOf(topic);
    if (partitions === 0) return { refused: `there is no topic ${topic}` };
    const fixed = fix?.fix(batch.bytes, batch.valueStart[index]!, batch.valueEnd[index]!);
    if (fixed !== undefined && 'problem' in fixed) return { refused: fixed.problem };
    return { send: { topic, partition: targetPartition(letter, batch, index, partitions), fixed } };
  }

  #reasonToStay({ isBatch, cutFromBytes, redrives, sourceTopic, topic }: DeadLetter): string | null {
    const { to, maxRedrives } = this.#rules;
    if (isBatch) return 'it holds the raw bytes of a batch that could not be read, and no record';
    if (cutFromBytes !== null) return `its value was cut to fit: it had ${cutFromBytes} bytes (header value_bytes)`;
    if (redrives >= maxRedrives) return `it was sent back ${redrives} times already (--max-redrives ${maxRedrives})`;
    const target = to ?? sourceTopic;
    if (target === null) return 'its headers do not name the topic that it came from (--to names one)';
    return target === topic ? `it came from ${topic} itself (--to names another topic)` : null;
  }

  async #partitionsOf(topic: string): Promise<number> {
    let count = this.#partitions.get(topic);
    if (count === undefined) {
      const [info] = await this.#admin.topics([topic]);
      count = info?.partitions.length ?? 0;
      this.#partitions.set(topic, count);
    }
    return count;
  }
}

/** Its own partition, so that a series stays in one; by key where the target has no such partition. */
function targetPartition(letter: DeadLetter, batch: ColumnBatch, index: number, partitions: number): number {
  const own = letter.sourcePartition ?? partitions;
  if (own < partitions) return own;
  const start = batch.keyStart[index]!;
  return start < 0
    ? letter.partition % partitions
    : partitionForKey(batch.bytes, start, batch.keyEnd[index]!, partitions);
}

export interface Refusal {
  /** `sensors.dlq/0@17`. */
  readonly place: string;
  readonly reason: string;
}

/** So many are named one by one; all are counted. */
const NAMED_REFUSALS = 20;

/** What a plan comes to, or what was done. */
export class RedriveTotals {
  readonly targets = new Map<string, { records: number; oldestMs: number }>();
  readonly refusals: Refusal[] = [];
  redriven = 0;
  already = 0;
  refused = 0;
  /** With --fix-schema: values by what was done with their header. */
  readonly fixed = { kept: 0, replaced: 0, wrapped: 0 };

  add(letter: DeadLetter, verdict: Verdict): void {
    if (verdict === 'done') this.already++;
    else if ('refused' in verdict) {
      if (this.refused++ < NAMED_REFUSALS) this.refusals.push({ place: placeOf(letter), reason: verdict.refused });
    } else {
      const { topic, fixed } = verdict.send;
      const target = this.targets.get(topic) ?? { records: 0, oldestMs: Infinity };
      target.records++;
      target.oldestMs = Math.min(target.oldestMs, letter.timeMs);
      this.targets.set(topic, target);
      if (fixed !== undefined) this.fixed[fixed.how]++;
      this.redriven++;
    }
  }
}
