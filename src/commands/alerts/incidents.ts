import { hostname } from 'node:os';
import { decodeDelivery } from '../../alerts/delivery/deliveryRecord.ts';
import type { Incident, Member } from '../../alerts/stage/incident.ts';
import type { IncidentRecord } from '../../alerts/stage/outbox.ts';
import { outboxTopic } from '../../alerts/stage/outbox.ts';
import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError } from '../../errors.ts';
import type { Notification } from '../../observe/notification.ts';
import type { SinkStatus } from '../../observe/status.ts';
import { type ToldSink, toldSinks, worstOf } from '../../observe/toldSinks.ts';
import { formatTime } from '../../output/format.ts';
import { userName } from '../../platform/userName.ts';
import { writeOrder } from '../../runtime/alerts/alertOrders.ts';
import { readOutbox } from '../../runtime/alerts/outboxReader.ts';
import { StatusReader } from '../../runtime/status/reader.ts';
import { topicMissing } from '../../runtime/topics/topics.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';

const DAY_MS = 86_400_000;
const ROWS = 20;
const POLL_MS = 200;

/** An incident as people see it. */
type Shown = Notification & {
  /** What became of it; of what is told, the worst of its sinks, as `delivered`, `waiting` or `failing`; `no_sink`: none is set. */
  readonly outcome: string | null;
  readonly sinks: readonly ToldSink[];
  readonly held: readonly { readonly series: string; readonly rule: string; readonly why: string }[];
  readonly review: Incident['review'];
};

/** `alerts incidents`. */
export async function runAlertsIncidents(context: CommandContext): Promise<number> {
  const { flags, output, now } = context;
  const most = (flags['num'] as number | undefined) ?? ROWS;
  const sinceMs = now() - ((flags['since'] as number | undefined) ?? DAY_MS);
  const rows = (await incidentsOf(context)).filter(({ notification, state }) => {
    if (flags['open'] === true && state.status !== 'open') return false;
    return state.status === 'open' || notification.updatedMs >= sinceMs;
  });
  await output.table('incidents', rows.map(shown).slice(-most), [
    { header: 'STARTED', value: (row) => formatTime(row.startedMs) },
    { header: 'STATUS', value: (row) => row.status },
    { header: 'SEVERITY', value: (row) => row.severity },
    { header: 'KIND', value: (row) => row.kind, wide: true },
    { header: 'SERIES', value: (row) => row.seriesCount, align: 'right' },
    { header: 'SUMMARY', value: (row) => row.summary },
    { header: 'OUTCOME', value: outcomeText },
    { header: 'ENDED', value: (row) => (row.endedMs === null ? null : formatTime(row.endedMs)), wide: true },
    { header: 'WHY', value: (row) => row.reasons.join('; '), wide: true },
    { header: 'ID', value: (row) => row.id },
  ]);
  return 0;
}

/** `alerts review`: lists what is held, shows one incident, or turns it around. */
export async function runAlertsReview(context: CommandContext): Promise<number> {
  const { args, flags, output, now } = context;
  const isDecided = flags['deliver'] === true || flags['hold'] === true;
  if (isDecided && args[0] === undefined)
    throw new AnomalyError('ANM_USAGE', 'cannot decide without the ID of an incident');
  if (flags['deliver'] === true && flags['hold'] === true) {
    throw new AnomalyError('ANM_USAGE', 'cannot take both --deliver and --hold');
  }
  const all = await incidentsOf(context);
  if (args[0] === undefined) {
    const held = all.filter(
      ({ state }) => state.members.some(({ hold }) => hold !== null) || state.outcome === 'too_old',
    );
    await output.table('held', held.map(shown).slice(-((flags['num'] as number | undefined) ?? ROWS)), [
      { header: 'STARTED', value: (row) => formatTime(row.startedMs) },
      { header: 'OUTCOME', value: outcomeText },
      { header: 'SERIES', value: (row) => row.seriesCount, align: 'right' },
      { header: 'SUMMARY', value: (row) => row.summary },
      { header: 'WHY', value: (row) => [...new Set(row.held.map(({ why }) => why))].join('; ') },
      { header: 'REVIEW', value: (row) => row.review?.verb ?? null, wide: true },
      { header: 'ID', value: (row) => row.id },
    ]);
    return 0;
  }
  const found = findIn(all, args[0], context);
  if (!isDecided) {
    const incident = shown(found);
    await output.document(incident, () => reviewText(incident));
    return 0;
  }
  const verb = flags['deliver'] === true ? 'deliver' : 'hold';
  const by = `${userName()}@${hostname()}`;
  const review = { incident: found.notification.id, verb, by, atMs: now() } as const;
  const { pipeline } = context.settings.pipeline();
  const client = await connectClient(context);
  try {
    await writeOrder(client, pipeline, { type: 'review', review }, now());
    const isTaken = await taken(context, client, pipeline, review);
    if (!isTaken)
      context.logger.warn(
        'the decision is kept, and no alert stage has taken it yet: is a pipeline with alerts running?',
      );
    const said =
      verb === 'deliver'
        ? 'is delivered, and such a peak will not be held again'
        : 'is held, and so will such a peak be';
    await output.document({ pipeline, ...review, taken: isTaken }, () => `${review.incident} ${said}`);
    return 0;
  } finally {
    await client.close();
  }
}

/** Whether the stage has taken the decision within --wait. */
async function taken(
  { flags, now, signal }: CommandContext,
  client: KafkaClient,
  pipeline: string,
  { incident, atMs }: { readonly incident: string; readonly atMs: number },
): Promise<boolean> {
  const { pause } = await import('../timers.ts');
  const untilMs = now() + ((flags['wait'] as number | undefined) ?? 10_000);
  for (;;) {
    const records = await readOutbox(client, pipeline, signal);
    const found = records.find(({ key }) => key === incident)?.record as IncidentRecord | undefined;
    if (((found?.state as Incident | undefined)?.review?.atMs ?? -1) >= atMs) return true;
    if (now() >= untilMs || signal.aborted) return false;
    await pause(POLL_MS, signal);
  }
}

type Found = {
  readonly notification: Notification;
  readonly state: Incident;
  readonly sinks: readonly ToldSink[];
  readonly hasSinks: boolean;
};

/** All incidents of the outbox, by their start. @throws ANM_TOPIC_MISSING */
async function incidentsOf(context: CommandContext): Promise<Found[]> {
  const { pipeline } = context.settings.pipeline();
  const client = await connectClient(context);
  try {
    const topic = outboxTopic(pipeline);
    if ((await client.admin.topics([topic])).length === 0) {
      const hint = 'the alert stage makes it: set alerts.enabled, or alerts.sinks, and run the pipeline';
      throw await topicMissing(client.admin, topic, `cannot read incidents as there is no topic ${topic}`, hint);
    }
    const stored = await readOutbox(client, pipeline, context.signal);
    const live = await liveSinks(client, pipeline, context.now());
    const recorded = new Map<string, ToldSink[]>();
    for (const { incidentId, state } of stored.flatMap((each) => decodeDelivery(each) ?? [])) {
      const { sink: name, outcome, atMs, problem, revision } = state;
      const known = recorded.get(incidentId) ?? [];
      recorded.set(incidentId, [...known, { name, outcome, atMs, problem, revision }]);
    }
    const found = stored.flatMap(({ record }): Found[] => {
      if (record?.type !== 'incident') return [];
      const { notification, isTold } = record;
      const sinks = toldSinks(
        { revision: notification.revision, isTold },
        recorded.get(notification.id) ?? [],
        live ?? [],
      );
      return [{ notification, state: record.state as Incident, sinks, hasSinks: live?.length !== 0 }];
    });
    return found.sort((a, b) => a.notification.startedMs - b.notification.startedMs);
  } finally {
    await client.close();
  }
}

/** Of the member that brings alerts to people; undefined where no such member is live. */
async function liveSinks(
  client: KafkaClient,
  pipeline: string,
  nowMs: number,
): Promise<readonly SinkStatus[] | undefined> {
  const reader = await StatusReader.open(client, pipeline);
  if (reader === undefined) return undefined;
  try {
    return (await reader.live(nowMs)).find(({ alerts }) => alerts != null)?.alerts?.sinks;
  } finally {
    await reader.close();
  }
}

function findIn(all: readonly Found[], id: string, context: CommandContext): Found {
  const found = all.find(({ notification }) => notification.id === id);
  if (found !== undefined) return found;
  const topic = outboxTopic(context.settings.pipeline().pipeline);
  throw new AnomalyError('ANM_ALERT_UNKNOWN', `there is no incident ${id} in topic ${topic}`, {
    details: { id, topic },
  });
}

function shown({ notification, state, sinks, hasSinks }: Found): Shown {
  const held = state.members.flatMap(({ series, rule, hold }: Member) =>
    hold === null ? [] : [{ series, rule, why: `${hold.outcome}: ${hold.reason}` }],
  );
  // That the stage has handed it on says nothing of the sinks.
  const outcome =
    state.outcome === 'delivered' ? (worstOf(sinks)?.outcome ?? (hasSinks ? 'waiting' : 'no_sink')) : state.outcome;
  return { ...notification, outcome, sinks, held, review: state.review };
}

/** With the sinks that it is of, where it went wrong there. */
function outcomeText({ outcome, sinks }: Shown): string | null {
  const worst = worstOf(sinks);
  const isBad = worst?.outcome === outcome && (outcome === 'failing' || outcome === 'failed');
  return isBad ? `${outcome}: ${worst.names.join(', ')}` : outcome;
}

function reviewText(incident: Shown): string {
  const lines = [
    `${incident.id}  ${incident.severity}, ${incident.status}, ${outcomeText(incident) ?? 'not decided'}`,
    incident.summary,
    ...incident.reasons.map((reason) => `- ${reason}`),
    ...incident.sinks.map(
      ({ name, outcome, problem }) => `${name}: ${outcome}${problem === null ? '' : `, ${problem}`}`,
    ),
    ...incident.held.map(({ series, rule, why }) => `held: ${series} ${rule}: ${why}`),
    `look: ${incident.look}`,
  ];
  return lines.join('\n');
}
