import type { Joiner, Member } from './member.ts';

/** Whether a joiner fits the other members: the same type, and a protocol that all of them know. */
export function acceptsProtocols(members: Iterable<Member>, groupType: string, joiner: Joiner): boolean {
  const { protocolType, protocols, memberId, instanceId } = joiner;
  if (protocolType === '' || protocols.length === 0) return false;
  // A member that joins again, or takes the place of its former self, need not fit what it said before.
  const others = [...members].filter(
    (member) => member.memberId !== memberId && (instanceId === null || member.instanceId !== instanceId),
  );
  if (others.length === 0) return true;
  if (protocolType !== groupType) return false;
  return protocols.some(({ name }) => others.every((member) => knows(member, name)));
}

/** Each member votes for the first of its protocols that all know; most votes win, ties go to the earlier member. */
export function electProtocol(members: readonly Member[]): string {
  const votes = new Map<string, number>();
  for (const { protocols } of members) {
    const choice = protocols.find(({ name }) => members.every((other) => knows(other, name)));
    if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  let elected = '';
  for (const [name, count] of votes) if (elected === '' || count > votes.get(elected)!) elected = name;
  return elected;
}

function knows(member: Member, protocolName: string): boolean {
  return member.protocols.some(({ name }) => name === protocolName);
}
