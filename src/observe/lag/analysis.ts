import { CommitWindow } from './commitWindow.ts';
import { groupSample } from './groupSample.ts';
import { type FreshSample, markHot } from './hotPartitions.ts';
import { drainTime, Looks } from './looks.ts';
import { partitionLag } from './partitionLag.ts';
import {
  type ClusterReading,
  GONE_GROUP,
  type GroupReading,
  type LogReading,
  type MemberReading,
  NO_GROUP,
} from './reading.ts';
import type { LagSample } from './sample.ts';
import { TopicEnds, timeLag } from './topicEnds.ts';

export interface LagAnalysisOptions {
  /** Burrow's allowed-lag: records below which nothing is wrong. Default 0. */
  readonly allowedLag?: number;
}

/** A commit and an end that somebody else saw earlier, as the members of a pipeline in their status. */
export interface PastLook {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly atMs: number;
  readonly committed: number | null;
  readonly end: number | null;
}

interface Followed {
  readonly looks: Looks;
  readonly window: CommitWindow;
}

/** Keeps what was seen of each partition and judges each look by it. Pure: time comes with the readings. */
export class LagAnalysis {
  readonly #allowedLag: number;
  readonly #ends = new Map<string, Map<number, TopicEnds>>();
  readonly #groups = new Map<string, Map<string, Followed>>();
  readonly #known = new Set<string>();

  constructor({ allowedLag = 0 }: LagAnalysisOptions = {}) {
    this.#allowedLag = allowedLag;
  }

  /** Takes in what is known from before the first look; in order of time. */
  learn({ group, topic, partition, atMs, committed, end }: PastLook): void {
    if (end !== null) this.#endsOf(topic, partition).look(end, atMs);
    const followed = this.#followed(group, topic, partition);
    followed.looks.add(atMs, end, committed);
    if (committed === null) return;
    followed.window.look(committed, end === null ? null : Math.max(0, end - committed), atMs, { isHeld: true });
  }

  take(reading: ClusterReading, tookMs = 0): LagSample {
    const { atMs, topics } = reading;
    for (const [topic, { partitions }] of topics) {
      for (const { partition, end } of partitions) if (end !== null) this.#endsOf(topic, partition).look(end, atMs);
    }
    const groups = reading.groups.map((each) => {
      const group = this.#told(each);
      const rows = markHot(this.#rows(reading, group));
      return { sample: groupSample(group, rows), rows };
    });
    this.#forget(reading);
    return {
      atMs,
      tookMs,
      groups: groups.map(({ sample }) => sample),
      partitions: groups.flatMap(({ rows }) => rows),
    };
  }

  /** One that was there and is not any more is gone, not yet to come. */
  #told(group: GroupReading): GroupReading {
    if (group.state !== NO_GROUP) this.#known.add(group.group);
    return group.state === NO_GROUP && this.#known.has(group.group) ? { ...group, state: GONE_GROUP } : group;
  }

  #rows(reading: ClusterReading, group: GroupReading): FreshSample[] {
    const committed = new Map<string, Map<number, number>>();
    const holders = new Map<string, Map<number, MemberReading>>();
    for (const { topic, partition, offset } of group.committed) nested(committed, topic).set(partition, offset);
    for (const member of group.members) {
      for (const { topic, partition } of member.partitions) nested(holders, topic).set(partition, member);
    }
    const rows: FreshSample[] = [];
    for (const topic of [...new Set([...committed.keys(), ...holders.keys()])].sort()) {
      const found = reading.topics.get(topic);
      // A topic that the reading leaves out was not asked for.
      if (found === undefined) continue;
      const offsets = committed.get(topic);
      const held = holders.get(topic);
      for (const log of logsOf(found, [...(offsets?.keys() ?? [])])) {
        const holder = held?.get(log.partition) ?? null;
        rows.push(this.#row(group.group, topic, log, offsets?.get(log.partition) ?? -1, holder, reading.atMs));
      }
    }
    return rows;
  }

  #row(
    group: string,
    topic: string,
    log: LogReading,
    offset: number,
    holder: MemberReading | null,
    atMs: number,
  ): FreshSample {
    const { partition, start, end, problem } = log;
    const base = partitionLag({
      group,
      topic,
      partition,
      committed: offset,
      start,
      end,
      ...(problem !== null && { problem }),
    });
    const { committed, lag } = base;
    const { looks, window } = this.#followed(group, topic, partition);
    looks.add(atMs, end, committed);
    if (committed !== null) window.look(committed, lag, atMs, { isHeld: holder !== null });
    const ends = this.#endsOf(topic, partition);
    const unknown = { lagMs: null, reason: base.reason, isExtrapolated: false };
    const time = lag === null ? unknown : timeLag(ends, committed!, lag);
    const judged =
      lag === null
        ? { verdict: null, reason: base.reason }
        : window.judge({ brokerOffsets: ends.brokerOffsets, lag, nowMs: atMs, allowedLag: this.#allowedLag });
    const rates = looks.rates();
    const drain = drainTime(lag, rates);
    const isStalled = lag === null || rates.outRate === null ? null : lag > this.#allowedLag && rates.outRate === 0;
    return {
      group,
      topic,
      partition,
      committed,
      start,
      end,
      lagRecords: lag,
      lagReason: base.reason,
      lagMs: time.lagMs,
      lagMsReason: time.reason,
      isExtrapolated: time.isExtrapolated,
      verdict: judged.verdict,
      verdictReason: judged.reason,
      inRate: rates.inRate,
      outRate: rates.outRate,
      rateReason: rates.reason,
      drainMs: drain.drainMs,
      drainReason: drain.reason,
      member: holder?.memberId ?? null,
      clientId: holder?.clientId ?? null,
      host: holder?.host ?? null,
      isHot: null,
      isStalled,
      deletedRecords: committed !== null && start !== null && end !== null ? Math.max(0, start - committed) : 0,
      reason: base.reason ?? judged.reason ?? time.reason ?? rates.reason,
      trend: looks.trend(),
    };
  }

  #endsOf(topic: string, partition: number): TopicEnds {
    const byPartition = nested(this.#ends, topic);
    let ends = byPartition.get(partition);
    if (ends === undefined) {
      ends = new TopicEnds();
      byPartition.set(partition, ends);
    }
    return ends;
  }

  #followed(group: string, topic: string, partition: number): Followed {
    const byPartition = nested(this.#groups, group);
    const key = `${topic}/${partition}`;
    let followed = byPartition.get(key);
    if (followed === undefined) {
      followed = { looks: new Looks(), window: new CommitWindow() };
      byPartition.set(key, followed);
    }
    return followed;
  }

  /** A group, or a topic, that is gone begins anew should it come back. One that could not be asked is not gone. */
  #forget({ groups, topics }: ClusterReading): void {
    const there = new Set(
      groups.flatMap((each) =>
        each.problem !== null || each.members.length + each.committed.length > 0 ? [each.group] : [],
      ),
    );
    for (const name of this.#groups.keys()) if (!there.has(name)) this.#groups.delete(name);
    for (const name of this.#ends.keys()) if (!topics.has(name)) this.#ends.delete(name);
  }
}

/** All partitions of the topic, and those with a commit that the topic does not have any more. */
function logsOf(
  topic: { problem: string | null; partitions: readonly LogReading[] },
  committed: readonly number[],
): LogReading[] {
  const known = new Set(topic.partitions.map(({ partition }) => partition));
  const problem = topic.problem ?? 'the topic has no such partition any more';
  const gone = committed
    .filter((partition) => !known.has(partition))
    .map((partition) => ({ partition, start: null, end: null, problem }));
  return [...topic.partitions, ...gone].sort((a, b) => a.partition - b.partition);
}

function nested<K, V>(maps: Map<string, Map<K, V>>, name: string): Map<K, V> {
  let map = maps.get(name);
  if (map === undefined) {
    map = new Map();
    maps.set(name, map);
  }
  return map;
}
