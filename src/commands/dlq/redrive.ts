import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError } from '../../errors.ts';
import { formatNumber, formatSpan, formatTime } from '../../output/format.ts';
import type { TopicRange } from '../../runtime/input/topicSource.ts';
import { RedriveLedger } from '../../runtime/redrive/ledger.ts';
import { SchemaFix } from '../../runtime/redrive/schemaFix.ts';
import { RedriveSender } from '../../runtime/redrive/sender.ts';
import { knownConfigs } from '../../runtime/topics/topics.ts';
import type { CommandContext } from '../command.ts';
import { confirm } from '../confirm.ts';
import { connectClient, connectRegistry } from '../connections.ts';
import { stoppedCode } from '../lifecycle.ts';
import { warnOfCorrupt } from '../stageInput.ts';
import { type LetterFilter, letterFilter } from './options.ts';
import { RedrivePlan, type RedriveRules, RedriveTotals } from './plan.ts';
import { deadLetterTopic, letterRange, letters } from './topic.ts';

const DEFAULT_MAX_REDRIVES = 3;

/** What a redrive works with, in both of its passes: the first counts, the second sends. */
interface Redrive {
  readonly client: KafkaClient;
  readonly topic: string;
  readonly range: TopicRange;
  readonly takes: LetterFilter;
  readonly ledger: RedriveLedger;
  readonly rules: RedriveRules;
}

/** `dlq redrive`: counts, shows, asks, sends. */
export async function runDlqRedrive(context: CommandContext): Promise<number> {
  const { signal, flags, logger } = context;
  const takes = letterFilter(context);
  const topic = deadLetterTopic(context);
  const maxRedrives = (flags['maxRedrives'] as number | undefined) ?? DEFAULT_MAX_REDRIVES;
  if (maxRedrives < 1)
    throw new AnomalyError('ANM_USAGE', `--max-redrives wants a number from 1 on, got ${maxRedrives}`);
  const client = await connectClient(context);
  try {
    const range = await letterRange(client, topic);
    const rules = {
      to: await targetOf(context, client),
      maxRedrives,
      again: flags['again'] === true,
      fix: await fixOf(context),
    };
    const ledger = new RedriveLedger(topic);
    const redrive: Redrive = { client, topic, range, takes, ledger, rules };
    await ledger.load(client, signal, warnOfCorrupt(context), 'stable');
    const plan = await count(context, redrive);
    if (signal.aborted) return stoppedCode(signal);
    for (const { place, reason } of plan.refusals) logger.warn(`${place} stays: ${reason}`);
    const more = plan.refused - plan.refusals.length;
    if (more > 0) logger.warn(`and ${formatNumber(more)} more stay`);
    await warnOfRetention(context, client, plan);
    if (flags['dryRun'] === true) {
      await print(context, topic, plan, 'would send');
      return 0;
    }
    if (plan.redriven === 0) {
      if (plan.refused > 0) throw allStay(topic, plan);
      await print(context, topic, plan, 'sent');
      return 0;
    }
    if (!(await confirm(context, `send ${targetsText(plan)} from ${topic}`))) {
      logger.info('nothing was sent');
      return signal.aborted ? stoppedCode(signal) : 0;
    }
    const sent = await send(context, redrive, plan.redriven);
    await print(context, topic, sent, 'sent');
    return signal.aborted ? stoppedCode(signal) : 0;
  } finally {
    context.progress.end();
    await client.close();
  }
}

async function targetOf({ flags }: CommandContext, { admin }: KafkaClient): Promise<string | undefined> {
  const to = flags['to'] as string | undefined;
  if (to !== undefined && (await admin.topics([to])).length === 0) {
    throw new AnomalyError('ANM_TOPIC_MISSING', `--to cannot be ${to} as there is no such topic`, {
      details: { topic: to },
    });
  }
  return to;
}

async function fixOf(context: CommandContext): Promise<SchemaFix | undefined> {
  const text = context.flags['fixSchema'] as string | undefined;
  return text === undefined ? undefined : await SchemaFix.load(connectRegistry(context), text);
}

async function count(
  context: CommandContext,
  { client, range, takes, ledger, rules }: Redrive,
): Promise<RedriveTotals> {
  const plan = new RedrivePlan(client.admin, ledger, rules);
  const totals = new RedriveTotals();
  for await (const found of letters(context, client, range, takes)) {
    totals.add(found.letter, await plan.verdict(found));
    context.progress.update(() => `${formatNumber(totals.redriven + totals.already + totals.refused)} looked at`);
  }
  return totals;
}

async function send(context: CommandContext, redrive: Redrive, planned: number): Promise<RedriveTotals> {
  const { client, range, takes, ledger, rules } = redrive;
  const { signal, now, progress } = context;
  await ledger.ensure(client.admin);
  const sender = await RedriveSender.open(client, ledger, now);
  if (!sender.isTransactional) {
    context.logger.warn(
      `with the ${client.kind} client a kill may double what was just being sent: with platformatic it does not`,
    );
  }
  const totals = new RedriveTotals();
  try {
    // Once more: another one may have sent some while this one waited for the answer. Opening the sender has ended what a
    // dead one left open.
    await ledger.load(client, signal, warnOfCorrupt(context), 'end');
    const plan = new RedrivePlan(client.admin, ledger, rules);
    for await (const found of letters(context, client, range, takes)) {
      if (signal.aborted) break;
      const verdict = await plan.verdict(found);
      totals.add(found.letter, verdict);
      if (verdict === 'done' || 'refused' in verdict) continue;
      const { topic, partition, fixed } = verdict.send;
      await sender.send({ ...found, topic, partition, value: fixed?.value });
      progress.update(() => `${formatNumber(totals.redriven)} of ${formatNumber(planned)} sent`);
    }
    await sender.commit();
  } finally {
    await sender.close();
  }
  return totals;
}

/** A record keeps its time, so a topic that keeps records for less than its age deletes it soon. */
async function warnOfRetention(
  { logger, now }: CommandContext,
  { admin }: KafkaClient,
  plan: RedriveTotals,
): Promise<void> {
  for (const [topic, { oldestMs }] of plan.targets) {
    const retentionMs = Number((await knownConfigs(admin, topic))?.get('retention.ms') ?? -1);
    if (retentionMs < 0 || oldestMs < 0 || now() - oldestMs <= retentionMs) continue;
    logger.warn(
      `records go with their own time, from ${formatTime(oldestMs)} on, and ${topic} keeps them for ${formatSpan(retentionMs)} only`,
    );
  }
}

function allStay(topic: string, { refused, refusals }: RedriveTotals): AnomalyError {
  const { place, reason } = refusals[0]!;
  const others = refused > 1 ? `, and ${formatNumber(refused - 1)} more` : '';
  return new AnomalyError('ANM_REDRIVE', `cannot send anything back from ${topic}: ${place}: ${reason}${others}`, {
    details: { topic, refused, refusals },
  });
}

function targetsText({ targets }: RedriveTotals): string {
  return [...targets].map(([topic, { records }]) => `${formatNumber(records)} records to ${topic}`).join(', ');
}

async function print(
  { output, flags, signal }: CommandContext,
  topic: string,
  totals: RedriveTotals,
  verb: 'sent' | 'would send',
): Promise<void> {
  const { targets, redriven, already, refused, refusals, fixed } = totals;
  const document = {
    topic,
    dry_run: flags['dryRun'] === true,
    redriven,
    targets: [...targets].map(([name, { records }]) => ({ topic: name, records })),
    already,
    refused,
    refusals,
    fixed: flags['fixSchema'] === undefined ? undefined : fixed,
    stopped: signal.aborted ? String(signal.reason) : null,
  };
  await output.document(document, () => {
    const lines = [`${topic}: ${verb} ${redriven === 0 ? 'nothing' : targetsText(totals)}`];
    if (document.fixed !== undefined) {
      lines.push(`  schema    ${fixed.wrapped} got a header, ${fixed.replaced} another one, ${fixed.kept} had it`);
    }
    if (already > 0)
      lines.push(`  already   ${formatNumber(already)} were sent back before (--again sends them once more)`);
    if (refused > 0) lines.push(`  stay      ${formatNumber(refused)}, for the reasons above`);
    if (document.stopped !== null)
      lines.push(`  stopped   by ${document.stopped}; the same command goes on with the rest`);
    return lines.join('\n');
  });
}
