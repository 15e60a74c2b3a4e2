import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AnomalyError } from '../../errors.ts';
import { skewText } from '../../observe/clockSkew.ts';
import { sketchFigures } from '../../observe/latencyFigures.ts';
import type { SketchData } from '../../observe/latencySketch.ts';
import { formatSpan } from '../../output/format.ts';
import { Prober } from '../../runtime/probe/prober.ts';
import type { ProbeCounts, ProbeResult, ProbeSlas } from '../../runtime/probe/probeTally.ts';
import { ensureProbeTopic, type ProbeTopic } from '../../runtime/probe/probeTopic.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';

const DEFAULT_COUNT = 10;

/** `probe`: a line a probe, then the summary. @throws ANM_CHECK_FAILED where an SLA was missed or a probe lost */
export async function runProbe(context: CommandContext): Promise<number> {
  const { now, signal, flags, logger } = context;
  const { intervalMs, count, durationMs, slas } = readOptions(flags);
  const client = await connectClient(context);
  try {
    const topic = await ensureProbeTopic(client.admin, String(flags['topic'] ?? 'anomaly.probe'), (timeMs) =>
      delay(timeMs),
    );
    if (topic.isMade)
      logger.info(
        `created ${topic.name} with ${topic.partitions.length} partition${topic.partitions.length === 1 ? '' : 's'}`,
      );
    if (topic.unprobed.length > 0) {
      logger.warn(`${topic.name} has no leader on broker ${topic.unprobed.join(', ')}: not probed`);
    }
    let lines = Promise.resolve();
    const prober = new Prober({
      ...{ client, topic, intervalMs, count, durationMs, slas, now, signal },
      groupId: flags['group'] as string | undefined,
      id: randomUUID(),
      ticks: () => performance.now(),
      pause: (timeMs, keepsAlive) => delay(timeMs, undefined, { ref: keepsAlive }),
      onResult: (result) => {
        lines = lines.then(() => printResult(context, result));
      },
    });
    await prober.run();
    await lines;
    await printSummary(context, topic, prober, slas);
    check(prober.tally.counts());
    return 0;
  } finally {
    await client.close();
  }
}

function readOptions(flags: CommandContext['flags']) {
  const span = (name: string, flag: string, otherwise: number): number => {
    const value = (flags[name] as number | undefined) ?? otherwise;
    if (value >= 1) return value;
    throw new AnomalyError('ANM_USAGE', `${flag} wants at least 1 ms, got ${value} ms`);
  };
  const count = flags['count'] as number | undefined;
  if (count !== undefined && count < 1) {
    throw new AnomalyError('ANM_USAGE', `--count wants a number of probes from 1 on, got ${count}`);
  }
  const isWatch = flags['watch'] === true;
  if (isWatch && (count !== undefined || flags['duration'] !== undefined)) {
    throw new AnomalyError('ANM_USAGE', '--watch goes on until ^C: give it without --count and --duration');
  }
  const hasDuration = flags['duration'] !== undefined;
  return {
    intervalMs: span('interval', '--interval', 800),
    count: count ?? (isWatch || hasDuration ? Infinity : DEFAULT_COUNT),
    durationMs: hasDuration ? span('duration', '--duration', 0) : Infinity,
    slas: {
      ackMs: span('ackSla', '--ack-sla', 5000),
      roundtripMs: span('roundtripSla', '--roundtrip-sla', 20_000),
      commitMs: span('commitSla', '--commit-sla', 10_000),
    },
  };
}

/** As it goes, in text and NDJSON; one document has no place for it. */
async function printResult({ output }: CommandContext, result: ProbeResult): Promise<void> {
  if (output.format !== 'text' && output.format !== 'wide' && output.format !== 'ndjson') return;
  const { number, partition, broker, outcome, ackMs, roundtripMs, problem } = result;
  const value = {
    ...{ type: 'probe', number, partition, broker, outcome },
    ...{ ack_ms: rounded(ackMs), roundtrip_ms: rounded(roundtripMs), problem },
  };
  const span = (timeMs: number | null) => (timeMs === null ? '-' : formatSpan(timeMs));
  await output.line(value, () => {
    const bad = outcome === 'ok' ? '' : `  ${outcome}${problem === null ? '' : `: ${problem}`}`;
    return `${number}  broker ${broker}  ack ${span(ackMs)}  round trip ${span(roundtripMs)}${bad}`;
  });
}

async function printSummary(
  context: CommandContext,
  topic: ProbeTopic,
  prober: Prober,
  slas: ProbeSlas,
): Promise<void> {
  const { output } = context;
  const counts = prober.tally.counts();
  const skews = prober.skews();
  const summary = {
    ...(output.format === 'ndjson' && { type: 'summary' }),
    topic: topic.name,
    partitions: topic.partitions.length,
    unprobed_brokers: topic.unprobed,
    in_flight: prober.tally.inFlight,
    ...plainCounts(counts),
    sla: { ack_ms: slas.ackMs, roundtrip_ms: slas.roundtripMs, commit_ms: slas.commitMs },
    brokers: prober.tally.byBroker().map(({ broker, counts: own }) => {
      const skew = skews.find((each) => each.broker === broker)?.skew;
      return {
        ...{ broker, ...plainCounts(own) },
        clock_skew_ms: rounded(skew?.skewMs ?? null),
        clock_skew_error_ms: rounded(skew?.errorMs ?? null),
      };
    }),
    clock_skew_problem: topic.isAppendTime ? null : unknownSkew(topic),
  };
  await output.document(summary, () => {
    const lines = [
      `${topic.name}: ${counts.sent} sent, ${counts.received} back, ${counts.lost} lost, ${counts.duplicates} doubled, ${counts.failed} failed`,
      `  ack          ${spread(counts.produce)}`,
      `  round trip   ${spread(counts.roundtrip)}`,
      ...(counts.commit.count > 0 ? [`  commit       ${spread(counts.commit)}`] : []),
    ];
    if (prober.tally.inFlight > 0) lines.push(`  in flight    ${prober.tally.inFlight} when it was stopped`);
    for (const { broker, skew } of skews) {
      lines.push(
        `  clock        broker ${broker} is ${skewText(skew)} against this machine, by ${skew.samples} probes`,
      );
    }
    if (!topic.isAppendTime) lines.push(`  clock        unknown: ${unknownSkew(topic)}`);
    return lines.join('\n');
  });
}

function unknownSkew({ name }: ProbeTopic): string {
  return `${name} has the producer’s time stamps (message.timestamp.type)`;
}

function plainCounts(counts: ProbeCounts) {
  const { sent, acknowledged, received, lost, cameLate, duplicates, failed, acksMissed, commitsMissed } = counts;
  return {
    ...{ sent, acknowledged, received, lost, came_late: cameLate, duplicates, failed },
    ...{ acks_missed: acksMissed, commits_missed: commitsMissed },
    ack: sketchFigures(counts.produce),
    roundtrip: sketchFigures(counts.roundtrip),
    commit: sketchFigures(counts.commit),
  };
}

function spread(sketch: SketchData): string {
  const { count, p50_ms, p95_ms, p99_ms, max_ms } = sketchFigures(sketch);
  if (count === 0) return '-';
  return `p50 ${formatSpan(p50_ms!)}, p95 ${formatSpan(p95_ms!)}, p99 ${formatSpan(p99_ms!)}, most ${formatSpan(max_ms!)}`;
}

function check({ lost, failed, acksMissed, commitsMissed }: ProbeCounts): void {
  const wrong = [
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(acksMissed > 0 ? [`${acksMissed} acknowledged too late`] : []),
    ...(commitsMissed > 0 ? [`${commitsMissed} commits failed or too late`] : []),
  ];
  if (wrong.length === 0) return;
  throw new AnomalyError('ANM_CHECK_FAILED', `probes: ${wrong.join(', ')}`, {
    hint: 'anomaly doctor says whether the brokers are well; --ack-sla, --roundtrip-sla and --commit-sla are the limits',
  });
}

function rounded(timeMs: number | null): number | null {
  return timeMs === null ? null : Number(timeMs.toFixed(3));
}
