import type { Admin, GroupLook } from '../../clients/client.ts';
import { type ClusterReading, type GroupReading, NO_GROUP, type TopicReading } from '../../observe/lag/reading.ts';

/** Which groups and topics are looked at; all of them by default. */
export interface Chosen {
  readonly isGroup?: (name: string) => boolean;
  /** Groups that are told of even where they are not there. */
  readonly named?: readonly string[];
  readonly isTopic?: (name: string) => boolean;
}

/**
 * One look at the groups of a cluster: list, members and offsets, then the ends of what they read. Ends are asked for after
 * the commits, so a lag is never negative for the order of the questions.
 *
 * @param before groups that were there at the last look
 */
export async function readCluster(
  admin: Admin,
  chosen: Chosen,
  now: () => number,
  before: readonly string[] = [],
): Promise<ClusterReading> {
  const { isGroup = () => true, named = [], isTopic = () => true } = chosen;
  const listed = (await admin.groups()).map(({ groupId }) => groupId);
  // A broker that is away lists none of its groups: what was there is asked for by name before it is called gone.
  const asked = [...new Set([...listed.filter(isGroup), ...named, ...before])];
  const looks = new Map((await admin.lookAtGroups(asked)).filter(isThere).map((look) => [look.info.groupId, look]));
  const names = [...new Set([...named, ...asked.filter((name) => looks.has(name)).sort()])];
  const groups = names.map((group): GroupReading => {
    const look = looks.get(group);
    if (look === undefined) return { group, state: NO_GROUP, members: [], committed: [], problem: null };
    const { info, offsets, problem } = look;
    return {
      group,
      state: info.state,
      members: info.members.map((member) => ({
        ...member,
        partitions: member.partitions.filter(({ topic }) => isTopic(topic)),
      })),
      committed: offsets.filter(({ topic }) => isTopic(topic)),
      problem,
    };
  });
  const topics = new Set<string>();
  for (const { committed, members } of groups) {
    for (const { topic } of committed) topics.add(topic);
    for (const { partitions } of members) for (const { topic } of partitions) topics.add(topic);
  }
  const atMs = now();
  const found = await admin.lookAtTopics([...topics]);
  return { atMs, groups, topics: new Map(found.map((look): [string, TopicReading] => [look.topic, look])) };
}

function isThere({ info, offsets, problem }: GroupLook): boolean {
  return problem !== null || info.state !== 'Dead' || offsets.length > 0;
}
