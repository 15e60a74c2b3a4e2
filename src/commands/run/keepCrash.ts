import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../output/logger.ts';
import { journalTopic } from '../../runtime/journal/journalRecord.ts';
import { JournalWriter } from '../../runtime/journal/journalWriter.ts';
import type { Crash } from '../../runtime/poison/crashMemory.ts';
import { connectWith } from '../connections.ts';

/**
 * Notes a crash in the journal of the group, by a client of its own: the run that it ended has no commit any more that it
 * could be part of, and must not have one.
 */
export async function keepCrash(
  group: string,
  crash: Crash,
  { settings, cwd, logger, now }: { settings: Settings; cwd: string; logger: Logger; now: () => number },
): Promise<void> {
  const client = await connectWith(settings, cwd, logger);
  try {
    const producer = await client.createProducer({ idempotent: true });
    const { topic, partition, from, to, error } = crash;
    const place = { topic, partition, offset: from, generation: -1, member: '' };
    new JournalWriter(journalTopic(group), producer, now).append({ type: 'crash', ...place, to, error });
    await producer.close();
  } finally {
    await client.close();
  }
}
