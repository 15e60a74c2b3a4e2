import type { Admin } from '../../clients/client.ts';
import { AnomalyError } from '../../errors.ts';
import { knownConfigs } from '../topics/topics.ts';
import { newTopic } from '../topics/topicTable.ts';

/**
 * Creates the journal of a group, with as many partitions as its source. One that exists is kept. Nothing of it may be
 * deleted by time or size, nor compacted: the pipeline trims it to its oldest checkpoint.
 *
 * @returns why one that exists may lose records that are needed, as it was made by somebody else; undefined where all is well
 * @throws ANM_CONFIG where it has too few partitions, or is compacted: all records of a partition have one key
 */
export async function ensureJournal(
  admin: Pick<Admin, 'topics' | 'createTopics' | 'topicConfigs'>,
  name: string,
  partitions: number,
): Promise<string | undefined> {
  const [existing] = await admin.topics([name]);
  if (existing === undefined) {
    await admin.createTopics([newTopic({ kind: 'journal', name }, { partitions })]);
    return undefined;
  }
  if (existing.partitions.length < partitions) {
    throw new AnomalyError(
      'ANM_CONFIG',
      `cannot keep the journal in topic ${name} as it has ${existing.partitions.length} partitions and the source has ${partitions}`,
      { hint: `rpk topic add-partitions ${name} -n ${partitions - existing.partitions.length}` },
    );
  }
  const configs = await knownConfigs(admin, name);
  if (configs?.get('cleanup.policy')?.includes('compact')) {
    throw new AnomalyError(
      'ANM_CONFIG',
      `cannot keep the journal in topic ${name} as it is compacted (cleanup.policy=${configs.get('cleanup.policy')}), which removes what a recovery needs`,
      { hint: `rpk topic alter-config ${name} --set cleanup.policy=delete` },
    );
  }
  const limits = ['retention.ms', 'retention.bytes'].filter((key) => Number(configs?.get(key) ?? -1) >= 0);
  if (limits.length === 0) return undefined;
  const text = limits.map((key) => `${key}=${configs!.get(key)}`).join(' and ');
  return `the journal ${name} has ${text}: after a longer pause a recovery may not find what it needs; set -1`;
}
