import type { Admin, TopicInfo } from '../../clients/client.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { newTopic } from '../topics/topicTable.ts';

const LEADER_ATTEMPTS = 50;
const LEADER_PAUSE_MS = 100;

export interface ProbeTopic {
  readonly name: string;
  readonly isMade: boolean;
  readonly partitions: readonly { readonly partition: number; readonly leader: number }[];
  /** Brokers that lead none of its partitions: they are not probed. */
  readonly unprobed: readonly number[];
  /** The record times are the broker's: its clock can be known. */
  readonly isAppendTime: boolean;
}

/**
 * The topic of the probes; one that is missing is made with a partition for each broker, since brokers hand out leaders in
 * turns, and with the broker's time stamps. One that is there is taken as it is.
 *
 * @throws ANM_TOPIC_MISSING where it is made and no leader comes up
 */
export async function ensureProbeTopic(
  admin: Admin,
  name: string,
  pause: (timeMs: number) => Promise<void>,
): Promise<ProbeTopic> {
  const { brokers } = await admin.cluster();
  const isMade = (await admin.topics([name])).length === 0;
  if (isMade) {
    const shape = { partitions: Math.max(1, brokers.length) };
    await admin.createTopics([newTopic({ kind: 'probe', name }, shape)]);
  }
  const info = await withLeaders(admin, name, pause);
  const partitions = info.partitions.map(({ partition, leader }) => ({ partition, leader }));
  return {
    ...{ name, isMade, partitions },
    unprobed: brokers.map(({ nodeId }) => nodeId).filter((id) => !partitions.some(({ leader }) => leader === id)),
    isAppendTime: isMade || (await hasAppendTime(admin, name)),
  };
}

/** False also where the client cannot read it. */
async function hasAppendTime(admin: Admin, name: string): Promise<boolean> {
  try {
    return (await admin.topicConfigs(name)).get('message.timestamp.type') === 'LogAppendTime';
  } catch (error) {
    if (isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED') return false;
    throw error;
  }
}

/** Leaders of a new topic take a moment. */
async function withLeaders(admin: Admin, name: string, pause: (timeMs: number) => Promise<void>): Promise<TopicInfo> {
  for (let attempt = 0; attempt < LEADER_ATTEMPTS; attempt++) {
    const [info] = await admin.topics([name]);
    if (info?.partitions.every(({ leader }) => leader >= 0) === true) return info;
    await pause(LEADER_PAUSE_MS);
  }
  throw new AnomalyError('ANM_TOPIC_MISSING', `cannot probe topic ${name} as it has partitions without a leader`);
}
