import type { PipelineView, TuiSnapshot } from '../observe/watch/snapshot.ts';
import { clock, count, percent, plural, rate, time, toneOf } from './draw.ts';
import { harmless } from './text.ts';

const OPEN_SHOWN = 5;

type Word = 'OK' | 'WARN' | 'FAIL';

/**
 * The snapshot as sentences, for screen readers, for pipes and for terminals without a cursor: no colour, no drawing, a
 * word at the beginning of each line that says how it is. A screen reader reads each line: there are few of them.
 */
export function plainLines(snapshot: TuiSnapshot): string[] {
  const lines = [
    connectionLine(snapshot),
    ...snapshot.pipelines.map((pipeline) => pipelineLine(pipeline, snapshot)),
    ...lagLines(snapshot),
    ...checkpointLines(snapshot),
    ...alertLines(snapshot),
  ];
  if (snapshot.pipelines.length === 0) lines.push(`WARN ${noPipeline(snapshot)}`);
  return lines.map(harmless);
}

/** Why no pipeline is shown. */
export function noPipeline({ asked = null }: Pick<TuiSnapshot, 'asked'>): string {
  return asked === null ? 'no pipeline is known' : `no pipeline ${asked} is known: without a name all are shown`;
}

function connectionLine({ atMs, connection, profile }: TuiSnapshot): string {
  const { state, address, sinceMs, problem } = connection;
  const word: Word = state === 'connected' ? 'OK' : state === 'connecting' ? 'WARN' : 'FAIL';
  const where = profile === null ? address : `${address}, profile ${profile}`;
  const why = problem === null ? '' : `: ${problem}`;
  return `${word} ${clock(atMs)} UTC, broker ${where} ${state} for ${time(Math.max(0, atMs - sinceMs))}${why}`;
}

function pipelineLine(pipeline: PipelineView, snapshot: TuiSnapshot): string {
  const { name, state, members, rates, latency, stages } = pipeline;
  const high = stages.find(({ backPressure }) => backPressure === 'HIGH');
  const tone = toneOf(state);
  const last = latency.at(-1);
  const isSlow = (last?.p99Ms ?? 0) > 100;
  const word: Word = tone === 'bad' ? 'FAIL' : tone === 'good' && high === undefined && !isSlow ? 'OK' : 'WARN';
  const parts = [
    `${word} pipeline ${name} ${state}`,
    plural(members.length, 'member'),
    rate(rates.at(-1)),
    ...(last === undefined || last.p99Ms === null
      ? []
      : [`alert latency p50 ${time(last.p50Ms)}, p99 ${time(last.p99Ms)} of 100 ms`]),
    ...(high === undefined ? [] : [`back-pressure HIGH before ${high.name}`]),
    ...members.flatMap(({ restoring, error, member, instance }) => {
      const who = instance ?? member;
      if (restoring !== null)
        return [`${who} restoring ${percent(restoring.total > 0 ? restoring.done / restoring.total : 0)}`];
      return error === null ? [] : [`${who}: ${error.code} ${error.message}`];
    }),
  ];
  const recent = snapshot.anomalies.filter((anomaly) => anomaly.pipeline === name).length;
  return [...parts, `${recent} recent anomalies`].join(', ');
}

function lagLines({ lag }: TuiSnapshot): string[] {
  if (lag.length === 0) return [];
  const bad = lag.filter(({ verdict }) => toneOf(verdict) === 'bad' || verdict === 'WARN' || verdict === 'REWIND');
  const known = lag.filter(({ lagRecords }) => lagRecords !== null);
  const total = known.length === 0 ? '-' : count(known.reduce((sum, { lagRecords }) => sum + lagRecords!, 0));
  const unknown = lag.length - known.length;
  const isFailing = bad.some(({ verdict }) => toneOf(verdict) === 'bad');
  const word: Word = bad.length === 0 ? 'OK' : isFailing ? 'FAIL' : 'WARN';
  const named = bad
    .slice(0, OPEN_SHOWN)
    .map((row) => `${row.group} on ${row.topic}/${row.partition} ${row.verdict} ${count(row.lagRecords)} records`);
  const rest = bad.length > named.length ? [`and ${bad.length - named.length} more`] : [];
  const head = `${word} lag ${total} records in ${plural(lag.length, 'partition')}${unknown > 0 ? `, ${unknown} unknown` : ''}`;
  return [[head, ...named, ...rest].join(', ')];
}

function checkpointLines({ checkpoints, atMs }: TuiSnapshot): string[] {
  if (checkpoints.length === 0) return [];
  const failing = checkpoints.filter(({ failure }) => failure !== null);
  const ages = checkpoints.flatMap((each) => (each.atMs === null ? [] : [atMs - each.atMs]));
  const oldest = ages.length === 0 ? null : Math.max(0, ...ages);
  const reasons = failing.map(({ pipeline, member, failure }) => `${pipeline} ${member}: ${failure}`);
  const age = oldest === null ? 'none yet' : `the oldest of ${time(oldest)} ago`;
  const none =
    ages.length > 0 && ages.length < checkpoints.length ? `, ${checkpoints.length - ages.length} without one` : '';
  const word: Word = failing.length > 0 ? 'FAIL' : 'OK';
  const head = `${word} checkpoints of ${plural(checkpoints.length, 'member')}, ${age}${none}`;
  return [[head, ...reasons].join(', ')];
}

function alertLines({ alerts }: TuiSnapshot): string[] {
  const open = alerts.filter(({ notification }) => notification.status !== 'resolved');
  if (open.length === 0) return ['OK no incident is open'];
  const rest = open.length > OPEN_SHOWN ? [`WARN and ${open.length - OPEN_SHOWN} more open incidents`] : [];
  return [
    ...open.slice(0, OPEN_SHOWN).map(({ notification: n, sinks }) => {
      const failed = sinks
        .filter(({ outcome }) => outcome === 'failed' || outcome === 'failing')
        .map(({ name }) => `${name} was not reached`);
      const word: Word = n.severity === 'info' || n.severity === 'warning' ? 'WARN' : 'FAIL';
      return [`${word} incident ${n.severity} since ${clock(n.startedMs)}: ${n.summary}`, ...failed].join(', ');
    }),
    ...rest,
  ];
}
