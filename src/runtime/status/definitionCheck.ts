import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError } from '../../errors.ts';
import { isLive, type MemberStatus } from '../../observe/status.ts';
import type { Logger } from '../../output/logger.ts';
import { SESSION_TIMEOUT_MS } from '../topics/operationTopics.ts';
import { StatusReader } from './reader.ts';

export interface DefinitionCheck {
  readonly client: KafkaClient;
  readonly pipeline: string;
  readonly group: string;
  /** Hash of what this member would compute. */
  readonly definition: string;
  /** Key of this member: its own record of an earlier life does not count. */
  readonly member: string;
  readonly now: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Refuses a start beside members that compute something else: the group would hand partitions from one definition to
 * the other. A record alone is no proof of life, since a killed member leaves one: a member counts when it speaks again,
 * and is forgotten when it ends or stays silent for the session timeout.
 *
 * @throws ANM_DEFINITION_MISMATCH
 */
export async function checkDefinition(check: DefinitionCheck): Promise<void> {
  const reader = await StatusReader.open(check.client, check.pipeline);
  if (reader === undefined) return;
  try {
    let said = false;
    const first = new Map<string, number>();
    while (!check.signal.aborted) {
      const others = differing(await reader.read(), check);
      if (others.length === 0) return;
      for (const other of others) {
        const before = first.get(other.member);
        if (before !== undefined && other.atMs > before) throw mismatch(check, other);
        first.set(other.member, other.atMs);
      }
      if (!said) {
        const { member, host, definition } = others[0]!;
        check.logger.info(
          `member ${member} on ${host} ran definition ${definition}, this one is ${check.definition}: waiting to see whether it still lives`,
        );
      }
      said = true;
      await reader.poll(POLL_MS);
    }
  } finally {
    await reader.close();
  }
}

function differing(statuses: readonly MemberStatus[], check: DefinitionCheck): MemberStatus[] {
  return statuses.filter(
    (status) =>
      status.group === check.group &&
      status.member !== check.member &&
      status.definition !== check.definition &&
      isLive(status, check.now(), SESSION_TIMEOUT_MS),
  );
}

function mismatch(check: DefinitionCheck, other: MemberStatus): AnomalyError {
  return new AnomalyError(
    'ANM_DEFINITION_MISMATCH',
    `cannot join group ${check.group} as member ${other.member} on ${other.host} (pid ${other.pid}) runs definition ${other.definition}, and this one is ${check.definition}`,
    {
      details: {
        group: check.group,
        member: other.member,
        host: other.host,
        pid: other.pid,
        theirs: other.definition,
        ours: check.definition,
      },
    },
  );
}

const POLL_MS = 250;
