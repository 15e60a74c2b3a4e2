import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError } from '../../errors.ts';
import type { AppliedCommand, MemberStatus } from '../../observe/status.ts';
import { StatusReader } from '../status/reader.ts';
import { controlTopic } from '../topics/operationTopics.ts';
import { type ControlCommand, encodeCommand } from './command.ts';

export interface SendOptions {
  readonly client: KafkaClient;
  readonly pipeline: string;
  readonly command: ControlCommand;
  /** How long to wait for the answers of all live members. */
  readonly timeoutMs: number;
  /** The flag or key that `timeoutMs` comes from, for the message. */
  readonly timeoutName: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export interface MemberAnswer {
  readonly member: string;
  readonly group: string;
  readonly host: string;
  /** Null where the member ended in order before it said more, as after a stop. */
  readonly applied: AppliedCommand | null;
}

/**
 * Sends a command to the live members of a pipeline and waits until each has answered in its status, or has ended.
 *
 * @throws ANM_NOT_RUNNING where no member lives, ANM_TIMEOUT naming those that did not answer
 */
export async function sendCommand(options: SendOptions): Promise<readonly MemberAnswer[]> {
  const { client, pipeline, command, now } = options;
  const reader = await StatusReader.open(client, pipeline);
  if (reader === undefined) {
    throw notRunning(pipeline, `there is no topic ${pipeline}.status on this cluster`);
  }
  try {
    const isMeant = ({ group }: MemberStatus) => command.group === null || group === command.group;
    const members = (await reader.live(now())).filter(isMeant);
    if (members.length === 0) {
      const group = command.group === null ? '' : ` in group ${command.group}`;
      throw notRunning(pipeline, `it has no live member${group}`);
    }
    await produceCommand(client, pipeline, command, now());
    return await answers(reader, members, options);
  } finally {
    await reader.close();
  }
}

/** The answers that say a command failed. @throws ANM_CONTROL where there is one */
export function requireApplied(command: ControlCommand, answered: readonly MemberAnswer[]): void {
  const failed = answered.filter(({ applied }) => applied?.error);
  if (failed.length === 0) {
    const isEmpty = answered.every(({ applied }) => applied?.offsets.length === 0);
    if (command.command !== 'savepoint' || !isEmpty) return;
    throw new AnomalyError('ANM_CONTROL', `cannot savepoint: no member has a partition`, {
      details: { id: command.id },
    });
  }
  const reasons = failed.map(({ member, applied }) => `${member}: ${applied!.error!.code} ${applied!.error!.message}`);
  throw new AnomalyError('ANM_CONTROL', `cannot ${command.command}: ${reasons.join('; ')}`, {
    details: { id: command.id, failed: failed.map(({ member }) => member) },
  });
}

async function produceCommand(client: KafkaClient, pipeline: string, command: ControlCommand, timeMs: number) {
  const producer = await client.createProducer({ idempotent: true });
  try {
    const value = encodeCommand(command);
    producer.append(controlTopic(pipeline), 0, timeMs, null, -1, -1, value, 0, value.length);
    await producer.flush();
  } finally {
    await producer.close();
  }
}

async function answers(
  reader: StatusReader,
  members: readonly MemberStatus[],
  { command, timeoutMs, timeoutName, now, signal, pipeline }: SendOptions,
): Promise<MemberAnswer[]> {
  const deadlineMs = now() + timeoutMs;
  const key = ({ group, member }: { group: string; member: string }) => `${group}/${member}`;
  const given = new Map<string, MemberAnswer>();
  for (;;) {
    const latest = new Map((await reader.read()).map((status) => [key(status), status]));
    for (const { group, member, host } of members) {
      const status = latest.get(key({ group, member }));
      const applied = status?.applied.find(({ id }) => id === command.id) ?? null;
      const isGone = status === undefined || status.state === 'stopped' || status.state === 'failed';
      if (applied !== null || isGone) given.set(key({ group, member }), { group, member, host, applied });
    }
    if (given.size === members.length) return [...given.values()];
    const silent = members.filter((each) => !given.has(key(each)));
    if (now() >= deadlineMs || signal.aborted) {
      throw new AnomalyError(
        'ANM_TIMEOUT',
        `cannot tell whether ${silent.map(({ member, host }) => `${member} on ${host}`).join(', ')} carried out ${command.command} as no answer came within ${timeoutName} (${timeoutMs} ms)`,
        {
          hint: `the command may still be carried out: anomaly control status ${pipeline} shows it; a longer ${timeoutName} waits longer`,
          details: { id: command.id, silent: silent.map(({ member }) => member) },
        },
      );
    }
    await reader.poll(POLL_MS);
  }
}

function notRunning(pipeline: string, reason: string): AnomalyError {
  return new AnomalyError('ANM_NOT_RUNNING', `cannot command pipeline ${pipeline} as ${reason}`);
}

const POLL_MS = 200;
