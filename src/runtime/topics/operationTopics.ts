import type { Admin } from '../../clients/client.ts';
import { makeMissing, type NamedTopic } from './topicTable.ts';

/** A member that is silent for longer is out of its group: the broker's session timeout is the same. */
export const SESSION_TIMEOUT_MS = 10_000;
/** Longest silence of a member that lives: a third of the session, as the group's own heartbeats. */
export const STATUS_HEARTBEAT_MS = 3000;

/** A record a member. */
export function statusTopic(pipeline: string): string {
  return `${pipeline}.status`;
}

/** One partition, so that commands have one order. */
export function controlTopic(pipeline: string): string {
  return `${pipeline}.control`;
}

export function operationTopics(pipeline: string): NamedTopic[] {
  return [
    { kind: 'status', name: statusTopic(pipeline) },
    { kind: 'control', name: controlTopic(pipeline) },
  ];
}

/** Creates the two topics where they are missing; returns the names of those it made. */
export async function ensureOperationTopics(
  admin: Pick<Admin, 'topics' | 'createTopics'>,
  pipeline: string,
): Promise<string[]> {
  return await makeMissing(admin, operationTopics(pipeline), { partitions: 1 });
}
