import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { userName } from '../../platform/userName.ts';
import { alertOrdersTopic, writeOrder } from '../../runtime/alerts/alertOrders.ts';
import type { ControlCommand } from '../../runtime/control/command.ts';
import { type MemberAnswer, sendCommand } from '../../runtime/control/send.ts';
import { feedbackFor, writeFeedback } from '../../runtime/output/feedbackTopic.ts';
import type { AnomalyObject } from '../../runtime/output/rowObjects.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';
import { findAlert } from './source.ts';

const DEFAULT_WAIT_MS = 30_000;
/** Until a member's answer is in its status. */
const ANSWER_MS = 2000;

/** `alerts feedback`. */
export async function runAlertsFeedback(context: CommandContext): Promise<number> {
  const { args, flags, settings, output, now, logger } = context;
  if ((flags['true'] === true) === (flags['false'] === true)) {
    throw new AnomalyError('ANM_USAGE', 'cannot take a verdict without one of --true and --false');
  }
  const isTrue = flags['true'] === true;
  const { pipeline, sinks } = settings.pipeline();
  const client = await connectClient(context);
  try {
    const alert = await findAlert(context, client, sinks.anomalies, args[0]!);
    const by = `${userName()}@${hostname()}`;
    const note = (flags['note'] as string | undefined) ?? null;
    const feedback = feedbackFor(alert, { verdict: isTrue, note, by, at: now() });
    await writeFeedback(client, pipeline, feedback);
    await tellStage(client, pipeline, alert, { isTrue, atMs: now() });
    const answers = await tell(context, client, pipeline, alert, isTrue, by);
    const results = answers.map(({ member, applied }) => {
      return { member, result: applied?.result ?? null, error: applied?.error ?? null };
    });
    const failed = results.find(({ error }) => error !== null);
    if (failed !== undefined) {
      logger.warn(`the verdict is kept, and ${failed.member} could not take it: ${failed.error!.message}`);
    }
    const moved = results.find(({ result }) => result !== null && result !== 'is of another member')?.result ?? null;
    await output.document({ pipeline, ...feedback, result: moved, members: results }, () => {
      const said = `${alert.id} is a ${isTrue ? 'true' : 'false'} alert`;
      return moved === null ? said : `${said}; ${moved}`;
    });
    return 0;
  } finally {
    await client.close();
  }
}

/** The alert stage learns of its gate by it, now or when it runs again; where there never was one, nobody has a gate. */
async function tellStage(
  client: KafkaClient,
  pipeline: string,
  { id: alert, series, rule, start: startMs, score }: AnomalyObject,
  { isTrue, atMs }: { readonly isTrue: boolean; readonly atMs: number },
): Promise<void> {
  if ((await client.admin.topics([alertOrdersTopic(pipeline)])).length === 0) return;
  await writeOrder(
    client,
    pipeline,
    { type: 'verdict', verdict: { alert, series, rule, startMs, score, isTrue, atMs } },
    atMs,
  );
}

/** Lets the members that run now take the verdict; none where none does, which is no failure. */
async function tell(
  { flags, now, signal, logger }: CommandContext,
  client: KafkaClient,
  pipeline: string,
  { id, rule, series, partition, start }: AnomalyObject,
  isTrue: boolean,
  by: string,
): Promise<readonly MemberAnswer[]> {
  const timeoutMs = (flags['wait'] as number | undefined) ?? DEFAULT_WAIT_MS;
  const command: ControlCommand = {
    ...{ id: randomUUID(), command: 'feedback', name: null, group: null, sentMs: now(), by },
    waitMs: Math.max(0, timeoutMs - ANSWER_MS),
    verdict: { alert: id, rule, series, partition, timeMs: start, isTrue },
  };
  try {
    return await sendCommand({ client, pipeline, command, timeoutMs, timeoutName: '--wait', now, signal });
  } catch (error) {
    if (!isAnomalyError(error) || error.code !== 'ANM_NOT_RUNNING') throw error;
    logger.warn('the verdict is kept and moves no threshold, as no member is running: give it again when one is');
    return [];
  }
}
