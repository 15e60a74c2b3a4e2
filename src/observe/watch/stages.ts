import type { MemberStatus, SinkStatus } from '../status.ts';
import type { MemberRates } from './memberRates.ts';
import type { StageView } from './snapshot.ts';

/** A member that lives, and how fast it is. */
export interface PacedMember {
  readonly status: MemberStatus;
  readonly rates: MemberRates;
}

/** Shares of the time without room, as Flink's web interface has its bands. */
const LOW_FROM = 0.1;
const HIGH_FROM = 0.5;

type Band = NonNullable<StageView['backPressure']>;

export function backPressureBand(share: number): Band {
  if (share > HIGH_FROM) return 'HIGH';
  return share > LOW_FROM ? 'LOW' : 'OK';
}

/**
 * The stages of a pipeline, summed over its live members; of several groups of one pipeline, each adds what it runs. The
 * stages before the sink are one chain: where the sink has no room all of them wait, and the sink is the one to look at.
 */
export function stagesOf(members: readonly PacedMember[]): StageView[] {
  if (members.length === 0) return [];
  const of = (role: (status: MemberStatus) => boolean) => members.filter(({ status }) => role(status));
  const windowing = of(({ topics, totals }) => (topics === undefined ? totals.windows > 0 : topics.windows !== null));
  const scoring = of(({ topics, totals }) => (topics === undefined ? totals.alerts > 0 : topics.anomalies !== null));
  const asking = of(({ model }) => model !== null);
  return [
    source(members),
    decode(members),
    ...(windowing.length > 0 ? [windows(windowing)] : []),
    ...(scoring.length > 0 ? [score(scoring)] : []),
    ...(asking.length > 0 ? [model(asking)] : []),
    sink(members),
    ...(scoring.length > 0 ? [alerts(scoring)] : []),
  ];
}

function source(members: readonly PacedMember[]): StageView {
  const states = members.map(({ status }) => status.state);
  const paused = states.filter((state) => state === 'paused').length;
  const replayed = members.flatMap(({ status }) => status.restoring ?? []);
  const done = replayed.reduce((sum, each) => sum + each.done, 0);
  const total = replayed.reduce((sum, each) => sum + each.total, 0);
  const note =
    replayed.length > 0
      ? `restores ${done} of ${total} records`
      : paused > 0
        ? `paused in ${paused} of ${members.length} members`
        : null;
  return stage('source', 'records', members, {
    rate: sum(members, ({ rates }) => rates.records),
    queue: sum(members, ({ status }) => sum(status.partitions, ({ lag }) => lag)),
    note,
  });
}

function decode(members: readonly PacedMember[]): StageView {
  const poison = count(members, ({ totals }) => totals.poison);
  const filtered = count(members, ({ totals }) => totals.filtered);
  const notes = [
    ...(filtered > 0 ? [`${filtered} left out by source.where`] : []),
    ...(poison > 0 ? [`${poison} put aside after crashes`] : []),
  ];
  return stage('decode', 'records', members, {
    rate: sum(members, ({ rates }) => rates.records),
    errors: count(members, ({ totals }) => totals.deadLetters),
    note: noteOf(notes),
  });
}

function windows(members: readonly PacedMember[]): StageView {
  const late = count(members, ({ totals }) => totals.late);
  return stage('windows', 'open windows', members, {
    rate: sum(members, ({ rates }) => rates.windows),
    queue: count(members, ({ partitions }) => partitions.reduce((open, each) => open + each.openWindows, 0)),
    note: late > 0 ? `${late} late records` : null,
  });
}

function score(members: readonly PacedMember[]): StageView {
  const partitions = members.flatMap(({ status }) => status.partitions);
  const series = partitions.reduce((all, each) => all + each.series, 0);
  const learning = sum(partitions, (each) => each.learning ?? null);
  const text = learning === null || learning === 0 ? `${series} series` : `${series} series, ${learning} learning`;
  return stage('score', 'values', members, { note: text });
}

function model(members: readonly PacedMember[]): StageView {
  const names = new Set(members.map(({ status: { model: each } }) => nameOf(each!)));
  const missed = members.flatMap(({ status }) => Object.values(status.model!.fallbacks));
  const asked = sum(members, ({ rates }) => rates.asked);
  const scored = sum(members, ({ rates }) => rates.scored);
  const isFailing = asked !== null && scored !== null && asked > 0 && scored < asked / 2;
  const why = isFailing ? whyNone(members) : null;
  const shown = stage('model', 'values', members, {
    rate: scored,
    queue: sum(members, ({ status }) => status.queues?.model ?? null),
    errors: missed.reduce((all, each) => all + each, 0),
    note: noteOf([...(why === null ? [] : [why]), [...names].sort().join(', ')]),
  });
  return isFailing ? { ...shown, backPressure: 'HIGH' } : shown;
}

/** The most frequent reason since the statuses before. */
function whyNone(members: readonly PacedMember[]): string | null {
  const rates = new Map<string, number>();
  for (const { rates: each } of members) {
    for (const [reason, rate] of Object.entries(each.fallbacks)) rates.set(reason, (rates.get(reason) ?? 0) + rate);
  }
  const [most] = [...rates].sort((a, b) => b[1] - a[1]);
  if (most === undefined || most[1] === 0) return null;
  return most[0] === 'breaker-open' ? 'breaker open' : `most have no score: ${most[0]}`;
}

export function nameOf({ name, version }: { readonly name: string; readonly version: string | null }): string {
  return version === null ? name : `${name} ${version}`;
}

function sink(members: readonly PacedMember[]): StageView {
  const share = worstShare(members);
  const aborted = count(members, ({ transactionsAborted }) => transactionsAborted);
  const notes = [
    ...(share > LOW_FROM ? [`no room ${Math.round(100 * share)} % of the time`] : []),
    ...(aborted > 0 ? [`${aborted} transactions aborted`] : []),
  ];
  return {
    name: 'sink',
    rate: sum(members, ({ rates }) => rates.outputs),
    queue: sum(members, ({ status }) => status.queues?.sink ?? null),
    ...{ unit: 'records', backPressure: null, errors: 0, note: noteOf(notes) },
  };
}

function alerts(members: readonly PacedMember[]): StageView {
  const [yes, no] = [
    count(members, ({ totals }) => totals.trueAlerts),
    count(members, ({ totals }) => totals.falseAlerts),
  ];
  // Of the member that brings them to people.
  const told = members.flatMap(({ status }) => status.alerts ?? []);
  const open = told.reduce((all, each) => all + each.open, 0);
  const sinks = told.flatMap((each) => each.sinks);
  const failing = sinks.filter(({ problem }) => problem !== null);
  const notes = [
    ...failing.map(({ name, problem, queue }) => `sink ${name} fails: ${problem}${queue > 0 ? `; ${queue} wait` : ''}`),
    ...(open > 0 ? [`${open} incident${open === 1 ? '' : 's'} open`] : []),
    ...(yes + no > 0 ? [`${yes} judged true, ${no} false`] : []),
  ];
  return {
    name: 'alerts',
    rate: sum(members, ({ rates }) => rates.alerts),
    queue: sum(sinks, ({ queue }) => queue),
    unit: 'incidents',
    backPressure: sinks.length === 0 ? null : sinkBand(failing),
    // What was given up, and requests that failed and are made again.
    errors:
      told.reduce((all, { outcomes }) => all + (outcomes['failed'] ?? 0), 0) +
      sinks.reduce((all, { retries }) => all + retries, 0),
    note: noteOf(notes),
  };
}

/** A sink that is only probed takes nothing; one that failed last takes it late. */
function sinkBand(failing: readonly SinkStatus[]): Band {
  if (failing.some(({ circuit }) => circuit === 'open')) return 'HIGH';
  return failing.length > 0 ? 'LOW' : 'OK';
}

function stage(
  name: string,
  unit: string,
  members: readonly PacedMember[],
  more: Partial<Pick<StageView, 'rate' | 'queue' | 'errors' | 'note'>>,
): StageView {
  const backPressure = backPressureBand(worstShare(members));
  return { ...{ name, unit, backPressure, rate: null, queue: null, errors: 0, note: null }, ...more };
}

function worstShare(members: readonly PacedMember[]): number {
  return Math.max(...members.map(({ status }) => status.backPressure));
}

/** Null where nobody knows; what is known counts. */
function sum<T>(all: readonly T[], value: (each: T) => number | null): number | null {
  const known = all.map(value).filter((each) => each !== null);
  return known.length === 0 ? null : known.reduce((total, each) => total + each, 0);
}

function count(members: readonly PacedMember[], value: (status: MemberStatus) => number): number {
  return members.reduce((total, { status }) => total + value(status), 0);
}

function noteOf(notes: readonly string[]): string | null {
  return notes.length === 0 ? null : notes.join(', ');
}
