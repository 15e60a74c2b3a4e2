import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError, withoutPassword } from '../../errors.ts';
import { userName } from '../../platform/userName.ts';
import { type ControlCommand, type ControlVerb, isSavepointName } from '../../runtime/control/command.ts';
import { type MemberAnswer, requireApplied, sendCommand } from '../../runtime/control/send.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';

export const DEFAULT_WAIT_MS = 30_000;
/** Until a member's answer is in its status. */
const ANSWER_MS = 2000;

/** Sends a command to the pipeline of the first argument, and prints what its members answered. */
export async function sendControl(context: CommandContext, verb: ControlVerb, name?: string): Promise<number> {
  return await send(context, { verb, name });
}

/** Lets the members ask another model, whose URI is looked at first. @throws ANM_USAGE */
export async function sendPromote(context: CommandContext, uri: string): Promise<number> {
  return await send(context, { verb: 'promote', model: await orderedModel(context, uri) });
}

/** The model of a command as members anywhere understand it. @throws ANM_USAGE */
export async function orderedModel({ cwd }: Pick<CommandContext, 'cwd'>, uri: string): Promise<string> {
  const { parseModelUri } = await import('../../models/registry/modelUri.ts');
  const parsed = parseModelUri(uri);
  if (withoutPassword(uri) !== uri) {
    throw new AnomalyError('ANM_USAGE', 'cannot send a password on a topic that many may read', {
      hint: 'give it to the members by score.model.headers, and the address without it',
    });
  }
  // The members need not be where this command is.
  return parsed.kind === 'file' ? resolve(cwd, parsed.path) : uri;
}

/** What the members of a pipeline are to do. */
export interface Order {
  readonly verb: ControlVerb;
  /** Of a savepoint. */
  readonly name?: string | undefined;
  /** Only the members of this group. */
  readonly group?: string | undefined;
  /** As `orderedModel` gives it. */
  readonly model?: string;
}

/** How long the answers of all members are waited for, and what that is called in a message. */
export interface AnswerWait {
  readonly timeoutMs: number;
  readonly timeoutName: string;
}

/** Sends an order and waits for the answers; whether one of them is a failure is for `requireApplied` to say. */
export async function order(
  { now, signal }: Pick<CommandContext, 'now' | 'signal'>,
  client: KafkaClient,
  pipeline: string,
  { verb, name, group, model }: Order,
  { timeoutMs, timeoutName }: AnswerWait,
): Promise<{ command: ControlCommand; answered: readonly MemberAnswer[] }> {
  // A member that cannot says why, in time for its answer to be seen.
  const waitMs = Math.max(0, timeoutMs - ANSWER_MS);
  const command = { ...newCommand(verb, name, group, now()), waitMs, ...(model !== undefined && { model }) };
  const answered = await sendCommand({ client, pipeline, command, timeoutMs, timeoutName, now, signal });
  return { command, answered };
}

async function send(context: CommandContext, given: Order): Promise<number> {
  const { flags, args } = context;
  const wait = { timeoutMs: (flags['wait'] as number | undefined) ?? DEFAULT_WAIT_MS, timeoutName: '--wait' };
  const client = await connectClient(context);
  try {
    const asked = { ...given, group: flags['group'] as string | undefined };
    const { command, answered } = await order(context, client, args[0]!, asked, wait);
    await print(context, command, answered);
    requireApplied(command, answered);
    return 0;
  } finally {
    await client.close();
  }
}

/** @throws ANM_USAGE for a name that no store takes, or that means something else */
export function requireSavepointName(name: string): void {
  if (isSavepointName(name)) return;
  throw new AnomalyError('ANM_USAGE', `cannot name a savepoint ${JSON.stringify(name)}`, {
    hint: 'give letters, digits, dots, dashes and underscores, up to 100, beginning with a letter or digit, and not latest',
  });
}

/** @throws ANM_USAGE for a name that no savepoint may have */
export function newCommand(
  verb: ControlVerb,
  name: string | undefined,
  group: string | undefined,
  sentMs: number,
): ControlCommand {
  if (name !== undefined) requireSavepointName(name);
  const by = `${userName()}@${hostname()}`;
  return { id: randomUUID(), command: verb, name: name ?? null, group: group ?? null, sentMs, by };
}

async function print({ output, args }: CommandContext, command: ControlCommand, answered: readonly MemberAnswer[]) {
  const members = answered.map(({ member, group, host, applied }) => ({
    member,
    group,
    host,
    at: applied === null ? null : new Date(applied.atMs).toISOString(),
    offsets: applied?.offsets ?? [],
    result: applied?.result ?? null,
    error: applied?.error ?? null,
  }));
  await output.document({ pipeline: args[0], id: command.id, command: command.command, members }, () =>
    answered.map(answerText).join('\n'),
  );
}

/** One line for people. */
export function answerText({ member, group, host, applied }: MemberAnswer): string {
  const { offsets = [], result = null, error = null } = applied ?? {};
  const where = offsets.map(({ topic, partition, offset }) => `${topic}/${partition} at ${offset}`).join(', ');
  const outcome = error !== null ? `${error.code} ${error.message}` : (result ?? (applied === null ? 'ended' : 'done'));
  return `${member} on ${host} (${group}): ${outcome}${where === '' ? '' : `; ${where}`}`;
}
