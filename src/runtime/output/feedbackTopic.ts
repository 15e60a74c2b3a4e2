import type { Admin, KafkaClient } from '../../clients/client.ts';
import { makeMissing } from '../topics/topicTable.ts';
import type { AnomalyObject } from './rowObjects.ts';

/** A record of <pipeline>.feedback: what an operator says of one alert. Its key is the alert's id, so the last one counts. */
export interface Feedback {
  readonly alert: string;
  readonly series: string;
  readonly field: string;
  readonly rule: string;
  /** Start of the alert, epoch milliseconds. */
  readonly start: number;
  /** Whether it was a true alert. */
  readonly verdict: boolean;
  readonly note: string | null;
  /** user@host. */
  readonly by: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

const VERSION = 1;

export function feedbackTopic(pipeline: string): string {
  return `${pipeline}.feedback`;
}

/** Creates the topic where it is missing: compacted, as a verdict holds until the alert gets another. */
export async function ensureFeedbackTopic(
  admin: Pick<Admin, 'topics' | 'createTopics'>,
  pipeline: string,
): Promise<void> {
  await makeMissing(admin, [{ kind: 'feedback', name: feedbackTopic(pipeline) }], { partitions: 1 });
}

export async function writeFeedback(client: KafkaClient, pipeline: string, feedback: Feedback): Promise<void> {
  await ensureFeedbackTopic(client.admin, pipeline);
  const producer = await client.createProducer({ idempotent: true });
  try {
    const key = new TextEncoder().encode(feedback.alert);
    const value = new TextEncoder().encode(JSON.stringify({ version: VERSION, ...feedback }));
    producer.append(feedbackTopic(pipeline), 0, feedback.at, key, 0, key.length, value, 0, value.length);
    await producer.flush();
  } finally {
    await producer.close();
  }
}

/** Null for what is no feedback of this version. */
export function feedbackOf(value: unknown): Feedback | null {
  if (typeof value !== 'object' || value === null) return null;
  const { version, ...feedback } = value as Feedback & { readonly version: unknown };
  const isWhole =
    version === VERSION &&
    typeof feedback.alert === 'string' &&
    typeof feedback.rule === 'string' &&
    typeof feedback.verdict === 'boolean';
  return isWhole ? feedback : null;
}

export function feedbackFor(
  { id, series, field, rule, start }: AnomalyObject,
  said: Pick<Feedback, 'verdict' | 'note' | 'by' | 'at'>,
): Feedback {
  return { alert: id, series, field, rule, start, ...said };
}
