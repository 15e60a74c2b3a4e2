import { resolve } from 'node:path';
import { takeMemberName } from '../../platform/memberName.ts';
import type { CommandContext } from '../command.ts';
import type { JobPlan } from './jobPlan.ts';

/** The plan with the name that its transactions go by, and how to give that back when the members have ended. */
export function withMemberName(
  plan: JobPlan,
  { settings, cwd, logger }: Pick<CommandContext, 'settings' | 'cwd' | 'logger'>,
): { readonly plan: JobPlan; readonly release: () => void } {
  const { config, identity } = plan;
  const nothing = { plan, release: () => {} };
  if (config.guarantee !== 'exactly-once' || config.instance !== undefined) return nothing;
  const directory = resolve(cwd, settings.string('state_dir'));
  try {
    const { name, release } = takeMemberName(directory, identity.group, identity.host);
    return { plan: { ...plan, memberName: name }, release };
  } catch (error) {
    logger.warn(
      `cannot keep this member's name in ${directory} (state_dir): ${(error as Error).message}. After a kill -9 the next start waits up to transaction_timeout (${config.transactionTimeoutMs} ms) for what this one left open; --instance NAME or a --state-dir that can be written avoids that`,
    );
    return nothing;
  }
}
